import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { type CsvError, type Info, parse } from 'csv-parse';
import { suggestion } from '../../app/suggestion.ts';
import { type Cells, type Column, columns, isColumn, readCells } from './columns.ts';
import { FileUnreadable, type PersonRow, personRow, type ReadOptions } from './person.ts';

/** No person's row is longer; what is has lost a quotation mark. */
const rowBytesMax = 64 * 1024;

interface Parsed {
  readonly info: Info;
  readonly record: readonly string[];
}

/** RFC 4180, with a header that names the columns. Throws FileUnreadable. */
export async function* readCsv(file: string, options: ReadOptions): AsyncGenerator<PersonRow> {
  const faults: PersonRow[] = [];
  const parser = parse({
    bom: true,
    delimiter: await delimiterOf(file),
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: rowBytesMax,
    on_skip: (error) => {
      if (error !== undefined) faults.push(faultOf(error));
      return undefined;
    },
  });
  const input = createReadStream(file);
  input.on('error', (error) => parser.destroy(error));
  input.pipe(parser);
  let header: readonly Column[] | undefined;
  let read = 0;
  for await (const { info, record } of parser as AsyncIterable<Parsed>) {
    yield* faults.splice(0);
    const line = read + 1;
    read = info.lines;
    if (header === undefined) header = parseHeader(record);
    else yield rowOf(header, { line, record }, options);
  }
  if (header === undefined) throw new FileUnreadable('it is empty: the first line is to name the columns');
  yield* faults;
}

function rowOf(
  header: readonly Column[],
  { line, record }: { readonly line: number; readonly record: readonly string[] },
  options: ReadOptions,
): PersonRow {
  const cells: Cells = Object.fromEntries(header.map((column, at) => [column, record[at] ?? '']));
  const name = cells.user_name || cells.email || cells.id || '';
  if (record.length !== header.length) {
    return { line, name, fault: `has ${record.length} cells, where the header names ${header.length}` };
  }
  return personRow({ line, name }, options, () => readCells(cells));
}

function parseHeader(record: readonly string[]): readonly Column[] {
  const names = record.map((name) => name.trim().toLowerCase());
  const known = names.filter(isColumn);
  const unknown = names.find((name) => !isColumn(name));
  if (unknown !== undefined) {
    const all = `the columns are ${columns.join(', ')}`;
    throw new FileUnreadable(`there is no column "${unknown}"${suggestion(unknown, columns)}: ${all}`);
  }
  const twice = known.find((name, at) => known.indexOf(name) !== at);
  if (twice !== undefined) throw new FileUnreadable(`the header names ${twice} twice`);
  return known;
}

const faultTexts: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quotation mark is not closed: all behind it was taken for one cell',
  CSV_MAX_RECORD_SIZE: `is longer than ${rowBytesMax / 1024} KiB: a quotation mark may not be closed`,
  CSV_INVALID_CLOSING_QUOTE: 'a quotation mark in a cell is not doubled, or something stands behind the last',
  INVALID_OPENING_QUOTE: 'a quotation mark stands inside a cell that does not begin with one',
};

// The library's own text may repeat a cell.
function faultOf({ code, lines }: CsvError & { readonly lines?: number }): PersonRow {
  return { line: lines ?? 0, name: '', fault: faultTexts[code] ?? `is no CSV (${code})` };
}

const headBytes = 8 * 1024;

/** Whichever the first line has most of. */
async function delimiterOf(file: string): Promise<string> {
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0);
  const [first = ''] = buffer.toString('utf8', 0, bytesRead).split(/\r|\n/, 1);
  const counted = [',', ';', '\t'].map((mark) => ({ mark, count: first.split(mark).length }));
  return counted.reduce((most, one) => (one.count > most.count ? one : most)).mark;
}
