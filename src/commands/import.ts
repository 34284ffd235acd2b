import { createHash, type Hash } from 'node:crypto';
import { howMany } from '../domain/words/how-many.ts';
import {
  type ArchiveCounts,
  type ArchiveKind,
  type ArchivePage,
  type ArchiveRow,
  archiveFormat,
  archiveKinds,
  type Restoration,
  RowRefused,
} from '../store/store.ts';
import { ArchiveInvalid, type Lines, splitLines } from './archive-lines.ts';

export interface ImportOptions {
  /** What export wrote, in pieces of any size. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Called after every few thousand rows. */
  readonly onProgress: (rows: number, rowsTotal: number) => void;
}

/**
 * Reads an archive to its end into an empty store and answers how many rows of each kind there were. Whether the rows
 * agree with their events is for `verify` to say before the commit. Throws ArchiveInvalid with the line's number.
 */
export async function importLines(
  restoration: Pick<Restoration, 'add'>,
  { chunks, onProgress }: ImportOptions,
): Promise<ArchiveCounts> {
  const reader = new Reader(restoration);
  for await (const lines of splitLines(chunks)) {
    await reader.read(lines);
    onProgress(reader.rows, reader.rowsTotal);
  }
  return reader.finish();
}

const rowsPerPage = 1_000;
/** Beyond it a page is given on, however few its rows are. */
const pageTextMax = 4 * 1_024 * 1_024;

class Reader {
  readonly #restoration: Pick<Restoration, 'add'>;
  readonly #hash: Hash = createHash('sha256');
  readonly #counts: Record<ArchiveKind, number> = {
    organization: 0,
    policy: 0,
    event: 0,
    user: 0,
    profile: 0,
    token: 0,
    metadata: 0,
  };
  #claimed: ArchiveCounts | undefined;
  #hasEnded = false;
  /** Rows of one kind that lie ready, and the line of the first of them. */
  #kind: ArchiveKind = 'organization';
  #page: ArchiveRow[] = [];
  #pageText = 0;
  #pageLine = 0;
  #underWay: Promise<void> = Promise.resolve();

  constructor(restoration: Pick<Restoration, 'add'>) {
    this.#restoration = restoration;
  }

  get rows(): number {
    return total(this.#counts);
  }

  get rowsTotal(): number {
    return this.#claimed === undefined ? 0 : total(this.#claimed);
  }

  async read({ bytes, number, texts }: Lines): Promise<void> {
    this.#hash.update(bytes.subarray(0, bytesBeforeEnd(bytes, texts)));
    for (const [index, text] of texts.entries()) await this.#readLine(text, number + index);
  }

  async finish(): Promise<ArchiveCounts> {
    if (this.#claimed === undefined) throw new ArchiveInvalid('the file is empty');
    if (!this.#hasEnded) throw new ArchiveInvalid('the file is not whole: its last line is missing');
    for (const kind of archiveKinds) {
      const [found, claimed] = [this.#counts[kind], this.#claimed[kind]];
      if (found !== claimed) {
        throw new ArchiveInvalid(
          `line 1 says ${howMany(claimed, 'row')} of kind ${kind}, the file has ${found}`,
        );
      }
    }
    return this.#counts;
  }

  async #readLine(text: string, line: number): Promise<void> {
    const { name, content } = parseLine(text, line);
    if (this.#hasEnded) throw new ArchiveInvalid(`line ${line} stands after the end`);
    if (line === 1) {
      this.#claimed = parseHeader(name, content);
    } else if (name === 'end') {
      await this.#flush();
      await this.#underWay;
      this.#hasEnded = true;
      if (content.sha256 === this.#hash.digest('hex')) return;
      throw new ArchiveInvalid(`line ${line}: the checksum does not fit: the file was changed or damaged`);
    } else {
      await this.#take(parseKind(name, line), content, line);
      this.#pageText += text.length;
    }
  }

  async #take(kind: ArchiveKind, row: ArchiveRow, line: number): Promise<void> {
    const isFull = this.#page.length >= rowsPerPage || this.#pageText >= pageTextMax;
    if (isFull || this.#kind !== kind) await this.#flush();
    if (this.#page.length === 0) this.#pageLine = line;
    this.#kind = kind;
    this.#page.push(row);
    this.#counts[kind] += 1;
  }

  // The database takes one page while the next one is read.
  async #flush(): Promise<void> {
    await this.#underWay;
    if (this.#page.length === 0) return;
    this.#underWay = this.#add({ kind: this.#kind, rows: this.#page }, this.#pageLine);
    // Whoever awaits it hears of it; nobody does where the next page has failed before.
    this.#underWay.catch(() => undefined);
    this.#page = [];
    this.#pageText = 0;
  }

  async #add(page: ArchivePage, firstLine: number): Promise<void> {
    try {
      await this.#restoration.add(page);
    } catch (error) {
      if (!(error instanceof RowRefused)) throw error;
      const lastLine = firstLine + page.rows.length - 1;
      const where =
        error.index === undefined ? `lines ${firstLine} to ${lastLine}` : `line ${firstLine + error.index}`;
      throw new ArchiveInvalid(`${where}: ${error.message}`, { cause: error });
    }
  }
}

// The last line holds the hash of all before it.
function bytesBeforeEnd(bytes: Uint8Array, texts: readonly string[]): number {
  const end = texts.findIndex((text) => text.startsWith('{"end":'));
  if (end === -1) return bytes.length;
  return texts.slice(0, end).reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
}

const total = (counts: ArchiveCounts): number => archiveKinds.reduce((sum, kind) => sum + counts[kind], 0);

interface ParsedLine {
  readonly name: string;
  readonly content: ArchiveRow;
}

function parseLine(text: string, line: number): ParsedLine {
  const parsed = parseObject(text);
  const [name, ...more] = Object.keys(parsed ?? {});
  const content = name === undefined ? undefined : parsed?.[name];
  if (name !== undefined && more.length === 0 && isObject(content)) return { name, content };
  throw new ArchiveInvalid(`line ${line} is not one JSON object like {"user":{…}}`);
}

function parseObject(text: string): ArchiveRow | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is ArchiveRow {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseHeader(name: string, content: ArchiveRow): ArchiveCounts {
  const { counts } = content;
  if (name !== 'latchkey' || !isObject(counts)) {
    throw new ArchiveInvalid('line 1 is not the first line of an export of Latchkey');
  }
  if (content.format !== archiveFormat) {
    const isOlder = typeof content.format === 'number' && content.format < archiveFormat;
    const advice = isOlder ? ': import it with the Latchkey that wrote it, then upgrade that' : '';
    throw new ArchiveInvalid(
      `line 1 names format ${content.format}; this Latchkey reads format ${archiveFormat}${advice}`,
    );
  }
  // An archive from before users had metadata has none.
  const claimed = { metadata: 0, ...counts };
  for (const kind of archiveKinds) {
    if (!Number.isSafeInteger(claimed[kind as keyof typeof claimed]))
      throw new ArchiveInvalid(`line 1 does not say how many of kind ${kind}`);
  }
  return claimed as Readonly<Record<string, unknown>> as ArchiveCounts;
}

function parseKind(name: string, line: number): ArchiveKind {
  const kind = archiveKinds.find((one) => one === name);
  if (kind !== undefined) return kind;
  throw new ArchiveInvalid(`line ${line} is of kind ${JSON.stringify(name)}, which is not known here`);
}
