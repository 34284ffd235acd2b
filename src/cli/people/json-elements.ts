import { FileUnreadable } from './person.ts';

/** An object or text in a document of any size. */
export interface JsonElement {
  /** Names of members, "*" for a place in a list: `users.*`. */
  readonly path: string;
  /** Where it begins, from 1. */
  readonly line: number;
  /** As it stands; undefined where it is longer than elementBytesMax. */
  readonly text: string | undefined;
}

/** No export is nested deeper, nor is any a list of brackets alone. */
const levelsMax = 100;
/** No person is longer. */
const elementBytesMax = 256 * 1024;

/** Cuts the objects and texts at the wanted paths out of one JSON document, as it comes. Throws FileUnreadable. */
export async function* readJsonElements(
  chunks: AsyncIterable<Buffer>,
  wanted: ReadonlySet<string>,
): AsyncGenerator<JsonElement> {
  const splitter = new Splitter(wanted);
  for await (const chunk of chunks) yield* splitter.take(chunk);
  splitter.end();
}

interface Level {
  readonly isList: boolean;
  /** Of the member whose value is next or under way. */
  key: string;
  expectsKey: boolean;
}

const byteOf = (mark: string): number => mark.charCodeAt(0);
const [lineFeed, quote, backslash, comma, colon] = ['\n', '"', '\\', ',', ':'].map(byteOf);
const [openObject, closeObject, openList, closeList] = ['{', '}', '[', ']'].map(byteOf);

/** It knows where strings and brackets begin and end, and nothing else of JSON: what is cut out is parsed by others. */
class Splitter {
  readonly #wanted: ReadonlySet<string>;
  readonly #levels: Level[] = [];
  readonly #found: JsonElement[] = [];
  #line = 1;
  #isInString = false;
  #isEscaped = false;
  /** What is being cut out, and how deep it began; a key, where it has no path. */
  #cut: { path: string | undefined; line: number; depth: number } | undefined;
  #parts: Buffer[] = [];
  #bytes = 0;
  /** Where in this chunk the part under way began. */
  #from = 0;
  #hasBegun = false;

  constructor(wanted: ReadonlySet<string>) {
    this.#wanted = wanted;
  }

  take(chunk: Buffer): readonly JsonElement[] {
    this.#from = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (byte === lineFeed) this.#line += 1;
      if (this.#isInString) this.#inString(chunk, at);
      else if (byte === quote) this.#beginString(at);
      else if (byte === openObject || byte === openList) this.#open(at, byte === openList);
      else if (byte === closeObject || byte === closeList) this.#close(chunk, at);
      else if (byte === comma) this.#expectKey(true);
      else if (byte === colon) this.#expectKey(false);
    }
    if (this.#cut !== undefined) this.#keep(chunk.subarray(this.#from));
    return this.#found.splice(0);
  }

  end(): void {
    if (!this.#hasBegun) throw new FileUnreadable('it is no JSON document');
    if (this.#levels.length > 0) throw new FileUnreadable('it is cut off: its JSON has no end');
  }

  #inString(chunk: Buffer, at: number): void {
    const byte = chunk[at];
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === backslash) this.#isEscaped = true;
    else if (byte === quote) {
      this.#isInString = false;
      if (this.#cut?.depth === this.#levels.length) this.#finish(chunk, at);
    }
  }

  #beginString(at: number): void {
    this.#isInString = true;
    const level = this.#levels.at(-1);
    if (this.#cut !== undefined || level === undefined) return;
    if (level.expectsKey) this.#begin(at, undefined);
    else this.#beginWanted(at);
  }

  #open(at: number, isList: boolean): void {
    this.#hasBegun = true;
    if (this.#levels.length >= levelsMax) {
      throw new FileUnreadable(`line ${this.#line}: it is nested deeper than ${levelsMax} levels`);
    }
    if (this.#cut === undefined && !isList) this.#beginWanted(at);
    this.#levels.push({ isList, key: '*', expectsKey: !isList });
  }

  #close(chunk: Buffer, at: number): void {
    if (this.#levels.pop() === undefined) {
      throw new FileUnreadable(`line ${this.#line}: it is no JSON, more is closed than was opened`);
    }
    if (this.#cut?.depth === this.#levels.length) this.#finish(chunk, at);
  }

  #expectKey(isNext: boolean): void {
    const level = this.#levels.at(-1);
    if (level !== undefined && !level.isList) level.expectsKey = isNext;
  }

  #beginWanted(at: number): void {
    const path = this.#levels.map(({ key }) => key).join('.');
    if (this.#wanted.has(path)) this.#begin(at, path);
  }

  #begin(at: number, path: string | undefined): void {
    this.#cut = { path, line: this.#line, depth: this.#levels.length };
    this.#from = at;
    this.#bytes = 0;
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes <= elementBytesMax) this.#parts.push(Buffer.from(part));
    else this.#parts = [];
  }

  #finish(chunk: Buffer, at: number): void {
    this.#keep(chunk.subarray(this.#from, at + 1));
    const cut = this.#cut;
    const text = this.#bytes > elementBytesMax ? undefined : Buffer.concat(this.#parts).toString('utf8');
    this.#cut = undefined;
    this.#parts = [];
    if (cut?.path !== undefined) this.#found.push({ path: cut.path, line: cut.line, text });
    else this.#setKey(text ?? '');
  }

  #setKey(text: string): void {
    const level = this.#levels.at(-1);
    // An escaped name is none that is looked for.
    if (level !== undefined) level.key = text.slice(1, -1);
  }
}
