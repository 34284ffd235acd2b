import type { ProxySettings } from './proxy.ts';

/** The server that a command calls, and as whom. */
export interface RemoteTarget {
  readonly url: URL;
  /** What names it, where nobody has typed it: a variable, or a file. */
  readonly urlFrom: string | undefined;
  readonly token: string;
  /** The variable that it was read from, where it was. */
  readonly tokenFrom?: string | undefined;
  /** The file that it was read from, unless it was given. */
  readonly tokenPath: string | undefined;
  /** It is the one that `latchkey login` keeps. */
  readonly isOfLogin: boolean;
  /** PEM of the authority that signed the server's certificate; undefined: those that Node knows. */
  readonly ca: Buffer | undefined;
  readonly proxy: ProxySettings;
  readonly timeoutMs: number;
  readonly reason: string | undefined;
}
