import type { RawStream } from './raw.ts';

/** What must come back. */
export interface Comes {
  /** Of all answers in order, interim ones too. */
  readonly status?: readonly number[];
  /** Fields of the last answer, by lower-case name; undefined: it is not there. */
  readonly fields?: Readonly<Record<string, RegExp | undefined>>;
  /** The body of the last answer. */
  readonly body?: RegExp;
  /** HTTP/1.1: the server closes the connection. Not named: either. */
  readonly closes?: boolean;
  /** HTTP/2: the code that ends the stream, or the connection. */
  readonly reset?: string;
  readonly goaway?: string;
  /** HTTP/2: another end that the section allows as well. */
  readonly either?: Pick<Comes, 'reset' | 'goaway'>;
  /** HTTP/2: of the frames that came, as `type:flags:stream:payload`, one that is there, and one that is not. */
  readonly frame?: RegExp;
  readonly noFrame?: RegExp;
}

/** One requirement of an RFC, what is sent to see whether it is kept, and what must come. */
export interface Requirement {
  readonly section: string;
  /** In words of our own. */
  readonly must: string;
  /** HTTP/1.1, as sent: `\n` stands for CRLF, `{token}` and `{user}` for those of the test; or a stream of HTTP/2. */
  readonly sent: string | RawStream;
  readonly comes: Comes;
}
