import { createReadStream } from 'node:fs';

/** No person's row is longer, in characters. */
export const rowLengthMax: number = 64 * 1024;

export interface Line {
  /** From 1. */
  readonly line: number;
  /** Without its end; of one that is longer than rowLengthMax the beginning, and a character too many. */
  readonly text: string;
}

/** The lines of a file in UTF-8, with a byte order mark or not, that end in LF or CRLF. */
export async function* linesOf(file: string): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8');
  let rest = '';
  let line = 1;
  for await (const chunk of createReadStream(file)) {
    const texts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = texts.pop() ?? '';
    for (const text of texts) yield { line: line++, text: text.endsWith('\r') ? text.slice(0, -1) : text };
    if (rest.length > rowLengthMax) rest = rest.slice(0, rowLengthMax + 1);
  }
  yield { line, text: rest };
}
