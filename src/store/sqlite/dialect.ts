import type { DatabaseSync } from 'node:sqlite';
import { foldText } from '../../domain/filter.ts';
import type { SqlDialect } from '../sql/sql-filter.ts';

/** SQLite's way of writing the conditions; `fold_text` must have been registered on the connection. */
export const sqliteDialect: SqlDialect = {
  placeholder: (index) => `?${index}`,
  member,
  // ->> answers a JSON number as a number.
  inner: (column, [key, innerKey]) => `(${column} ->> '$.${key}.${innerKey}')`,
  folded: (text) => `fold_text(${text(member)})`,
  startsWith: (text, value) => `substr(${text}, 1, length(${value})) = ${value}`,
  // From the end; a text shorter than the value comes back whole, and is not equal to it.
  endsWith: (text, value) => `substr(${text}, -length(${value})) = ${value}`,
  contains: (text, value) => `instr(${text}, ${value}) > 0`,
  inList: (text, list) => `${text} IN (SELECT value FROM json_each(${list}))`,
  // BINARY, the default collation, compares UTF-8 bytes: the order of code points.
  sortable: (text) => text,
};

// In parentheses: || binds as tightly as ->>.
function member(column: string, key: string): string {
  return `(${column} ->> '${key}')`;
}

/** Makes foldText callable in SQL on this connection. Kept out of indexes, so that any other tool opens the file. */
export function registerFold(db: DatabaseSync): void {
  db.function('fold_text', { deterministic: true }, (text) =>
    typeof text === 'string' ? foldText(text) : null,
  );
  // Not deterministic, so that it is called for every row.
  db.function('go_on', () => 1);
}
