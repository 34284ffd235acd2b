import { suggestion } from '../../app/suggestion.ts';
import { type Cells, type Column, columns, isColumn, readCells } from './columns.ts';
import { type CsvRow, csvRows, delimiterOf, parseRow } from './csv-rows.ts';
import { linesOf } from './lines.ts';
import { FileUnreadable, type PersonRow, personRow, type ReadOptions } from './person.ts';

/** RFC 4180, with a header that names the columns. Throws FileUnreadable. */
export async function* readCsv(file: string, options: ReadOptions): AsyncGenerator<PersonRow> {
  const lines = linesOf(file);
  const { value: first } = await lines.next();
  if (first === undefined || first.text.trim() === '') {
    throw new FileUnreadable('it is empty: the first line is to name the columns');
  }
  const delimiter = delimiterOf(first.text);
  const header = parseHeader(parseRow(first, delimiter));
  for await (const row of csvRows(lines, { delimiter, cells: header.length })) {
    yield rowOf(header, row, options);
  }
}

function rowOf(header: readonly Column[], row: CsvRow, options: ReadOptions): PersonRow {
  const { line } = row;
  if ('fault' in row) return { line, name: '', fault: row.fault };
  const cells: Cells = Object.fromEntries(header.map((column, at) => [column, row.cells[at] ?? '']));
  const name = cells.user_name || cells.email || cells.id || '';
  if (row.cells.length !== header.length) {
    return { line, name, fault: `has ${row.cells.length} cells, where the header names ${header.length}` };
  }
  return personRow({ line, name: () => name }, options, () => readCells(cells));
}

function parseHeader(row: CsvRow): readonly Column[] {
  if ('fault' in row) throw new FileUnreadable(`the header: ${row.fault}`);
  const names = row.cells.map((name) => name.trim().toLowerCase());
  const known = names.filter(isColumn);
  const unknown = names.find((name) => !isColumn(name));
  if (unknown !== undefined) {
    const near = suggestion(unknown, columns);
    const all = `${near === '' ? '; the' : ' The'} columns are ${columns.join(', ')}`;
    throw new FileUnreadable(`there is no column "${unknown}"${near}${all}`);
  }
  const twice = known.find((name, at) => known.indexOf(name) !== at);
  if (twice !== undefined) throw new FileUnreadable(`the header names ${twice} twice`);
  return known;
}
