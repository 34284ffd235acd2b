/** A call over HTTP, ready to be written down in any language. */
export interface Request {
  readonly verb: string;
  readonly url: string;
  /** JSON; undefined: none is sent. */
  readonly body: string | undefined;
  readonly needsToken: boolean;
}

/** The same call in one language. */
export interface Language {
  readonly name: string;
  /** What the snippet is saved as, where it is run from a file. */
  readonly file: string;
  /** How it is run. */
  readonly command: string;
  snippet(request: Request): string;
  /** A call that answers with a stream, over Connect: before each message stand a byte of flags and four of its length. */
  stream?(request: Request): string;
}

/** Where every snippet takes the token from: no page ever shows one. */
export const tokenVariable = 'LATCHKEY_TOKEN';

/** Lines without those that are undefined. */
export function lines(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join('\n');
}

/** `text` where there is a body. */
export function withBody({ body }: Request, text: (body: string) => string): string | undefined {
  return body === undefined ? undefined : text(body);
}

/** `text` where the call wants a token. */
export function withToken({ needsToken }: Request, text: string): string | undefined {
  return needsToken ? text : undefined;
}

/** A text between double quotes: the escapes of JSON are those of Python, Go, Java, C# and JavaScript too. */
export const doubleQuoted = (text: string): string => JSON.stringify(text);

/** A text between single quotes, as Ruby and PHP read it. */
export const singleQuoted = (text: string): string =>
  `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
