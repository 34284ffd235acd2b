import type { SqlDialect } from '../sql/sql-filter.ts';

/** PostgreSQL's way of writing the conditions. */
export const postgresDialect: SqlDialect = {
  // With its type: alone in a function call a parameter has none.
  placeholder: (index, value) => `$${index}::${typeof value === 'number' ? 'bigint' : 'text'}`,
  member: (column, key) => `(${column}::jsonb ->> '${key}')`,
  inner: (column, [key, innerKey], type) =>
    `(${column}::jsonb -> '${key}' ->> '${innerKey}')${type === 'number' ? '::bigint' : ''}`,
  // PostgreSQL folds by its own tables, which are those of its build and its locale: the store keeps what foldText made.
  folded: (text) => text((column, key) => `(${column}_folded::jsonb ->> '${key}')`),
  startsWith: (text, value) => `left(${text}, length(${value})) = ${value}`,
  endsWith: (text, value) => `right(${text}, length(${value})) = ${value}`,
  contains: (text, value) => `strpos(${text}, ${value}) > 0`,
  inList: (text, list) => `${text} IN (SELECT jsonb_array_elements_text(${list}::jsonb))`,
  sortable: (text) => `(${text}) COLLATE "C"`,
};
