/** The server that a command calls, and as whom. */
export interface RemoteTarget {
  readonly url: URL;
  readonly token: string;
  /** The file that it was read from, unless it was given. */
  readonly tokenPath: string | undefined;
  /** It is the one that `latchkey login` keeps. */
  readonly isOfLogin: boolean;
  /** PEM of the authority that signed the server's certificate; undefined: those that Node knows. */
  readonly ca: Buffer | undefined;
  readonly timeoutMs: number;
  readonly reason: string | undefined;
}
