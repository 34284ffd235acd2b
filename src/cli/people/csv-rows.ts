import { CsvError, parse } from 'csv-parse/sync';
import { type Line, rowLengthMax } from './lines.ts';

/** One row of CSV, which may be several lines. */
export type CsvRow =
  | { readonly line: number; readonly cells: readonly string[] }
  | { readonly line: number; readonly fault: string };

export interface CsvForm {
  readonly delimiter: string;
  /** That a row has. */
  readonly cells: number;
}

/** Whichever the header has most of. */
export function delimiterOf(header: string): string {
  const counted = [',', ';', '\t'].map((mark) => ({ mark, count: header.split(mark).length }));
  return counted.reduce((most, one) => (one.count > most.count ? one : most)).mark;
}

/** The library takes its time to begin: so many rows are given to it together. */
const togetherMax = 256;

/** The rows behind the header. One that cannot be read is that line alone: what follows it is looked at anew. */
export async function* csvRows(lines: AsyncIterator<Line>, form: CsvForm): AsyncGenerator<CsvRow> {
  /** Lines that were taken for a part of a row, and are none. */
  const again: Line[] = [];
  const next = async (): Promise<Line | undefined> => {
    const line = again.shift();
    if (line !== undefined) return line;
    const { value, done } = await lines.next();
    return done ? undefined : value;
  };
  const plain: Line[] = [];
  for (let first = await next(); first !== undefined; first = await next()) {
    if (first.text.trim() === '') continue;
    if (!isOpenAfter(first.text, false, form)) {
      plain.push(first);
      if (plain.length < togetherMax) continue;
    }
    yield* parseTogether(plain.splice(0), form);
    if (!isOpenAfter(first.text, false, form)) continue;
    const following = await restOf(first, { next, form });
    const row = parseRow(
      { line: first.line, text: [first, ...following].map(textOf).join('\n') },
      form.delimiter,
    );
    const isWhole = 'cells' in row && row.cells.length === form.cells;
    if (isWhole) yield row;
    else {
      yield { line: first.line, fault: 'fault' in row ? row.fault : notClosed };
      again.unshift(...following);
    }
  }
  yield* parseTogether(plain, form);
}

const textOf = ({ text }: Line): string => text;

interface Continued {
  readonly next: () => Promise<Line | undefined>;
  readonly form: CsvForm;
}

/** The lines that belong to the row, for as long as a cell is open and the row is no longer than any may be. */
async function restOf(first: Line, { next, form }: Continued): Promise<readonly Line[]> {
  const following: Line[] = [];
  let length = first.text.length;
  for (let isOpen = true; isOpen && length <= rowLengthMax; ) {
    const line = await next();
    if (line === undefined) break;
    following.push(line);
    length += line.text.length;
    isOpen = isOpenAfter(line.text, true, form);
  }
  return following;
}

/** Whether a cell between quotation marks is still open behind the text. */
function isOpenAfter(text: string, wasOpen: boolean, { delimiter }: CsvForm): boolean {
  if (!text.includes('"')) return wasOpen;
  let isOpen = wasOpen;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] !== '"') continue;
    if (!isOpen) isOpen = at === 0 || text[at - 1] === delimiter;
    else if (text[at + 1] === '"') at += 1;
    else isOpen = false;
  }
  return isOpen;
}

function parseTogether(lines: readonly Line[], { delimiter }: CsvForm): readonly CsvRow[] {
  if (lines.every(({ text }) => text.length <= rowLengthMax)) {
    try {
      const all = parseCells(lines.map(textOf).join('\n'), delimiter);
      if (all.length === lines.length) return lines.map(({ line }, at) => ({ line, cells: all[at] ?? [] }));
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
    }
  }
  return lines.map((line) => parseRow(line, delimiter));
}

/** The row that the text is. */
export function parseRow({ line, text }: Line, delimiter: string): CsvRow {
  if (text.length > rowLengthMax) {
    return {
      line,
      fault: `a quotation mark is not closed, or the row is longer than ${rowLengthMax / 1024} KiB`,
    };
  }
  try {
    const [cells = []] = parseCells(text, delimiter);
    return { line, cells };
  } catch (error) {
    // The library's own text may repeat a cell.
    if (error instanceof CsvError)
      return { line, fault: faultTexts[error.code] ?? `is no CSV (${error.code})` };
    throw error;
  }
}

const notClosed = 'a quotation mark is not closed';

const faultTexts: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: notClosed,
  CSV_INVALID_CLOSING_QUOTE: 'a quotation mark in a cell is not doubled, or something stands behind the last',
  INVALID_OPENING_QUOTE: 'a quotation mark stands inside a cell that does not begin with one',
};

function parseCells(text: string, delimiter: string): string[][] {
  return parse(text, { delimiter, record_delimiter: '\n', relax_column_count: true });
}
