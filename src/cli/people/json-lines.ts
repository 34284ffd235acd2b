import { type Cells, type Column, columns, isColumn, readCells } from './columns.ts';
import { linesOf, rowLengthMax } from './lines.ts';
import { FileUnreadable, type PersonRow, personRow, type ReadOptions, RowFault } from './person.ts';

/** One JSON object a line, its members named as the columns of CSV are. */
export async function* readJsonLines(file: string, options: ReadOptions): AsyncGenerator<PersonRow> {
  let isFirst = true;
  for await (const { line, text } of linesOf(file)) {
    if (text.trim() === '') continue;
    if (isFirst) requireLines(text);
    isFirst = false;
    yield rowOf(line, text, options);
  }
}

/** Throws FileUnreadable where the file is one document: each of its lines would be told as a fault of its own. */
function requireLines(first: string): void {
  const begin = first.replace(/^\ufeff/, '').trim();
  const way = begin.startsWith('[') ? '"jq -c .[]"' : begin === '{' ? '"jq -c ."' : undefined;
  if (way === undefined) return;
  throw new FileUnreadable(
    `it is one JSON document, and one object a line is wanted: ${way} makes that of it`,
  );
}

function rowOf(line: number, text: string, options: ReadOptions): PersonRow {
  if (text.length > rowLengthMax) {
    return { line, name: '', fault: `is longer than ${rowLengthMax / 1024} KiB` };
  }
  let members: object;
  try {
    members = parseObject(text);
  } catch {
    return { line, name: '', fault: 'is no JSON object' };
  }
  const told = new Map(Object.entries(members));
  const isName = (value: unknown) => typeof value === 'string' && value !== '';
  const name = ['user_name', 'email', 'id'].map((member) => told.get(member)).find(isName);
  return personRow({ line, name: () => String(name ?? '') }, options, () => readCells(cellsOf(told)));
}

function parseObject(text: string): object {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('no object');
  return value;
}

function cellsOf(members: ReadonlyMap<string, unknown>): Cells {
  const cells: Partial<Record<Column, string>> = {};
  for (const [name, value] of members) {
    if (!isColumn(name)) throw new RowFault(`${name}: is none of ${columns.join(', ')}`);
    if (value === null) continue;
    if (typeof value !== 'string' && typeof value !== 'boolean')
      throw new RowFault(`${name}: must be a text`);
    cells[name] = String(value);
  }
  return cells;
}
