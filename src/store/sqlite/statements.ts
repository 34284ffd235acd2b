import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Prepared statements by their text; the least recently used goes where there are too many. */
export interface StatementCache {
  get(sql: string): StatementSync;
}

const statementsMax = 64;

/** A text is made of a query's shape, never of its values, so that few texts serve many queries. */
export function createStatementCache(db: DatabaseSync): StatementCache {
  const kept = new Map<string, StatementSync>();
  return {
    get: (sql) => {
      const statement = kept.get(sql) ?? db.prepare(sql);
      kept.delete(sql);
      kept.set(sql, statement);
      const oldest = kept.keys().next().value;
      if (kept.size > statementsMax && oldest !== undefined) kept.delete(oldest);
      return statement;
    },
  };
}
