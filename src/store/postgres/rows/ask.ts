import type { Row } from '../../sql/rows.ts';
import type { Connection, Statement } from '../connection.ts';
import { asStoreError } from '../error.ts';
import { type Pool, withRetries } from '../pool.ts';

/** Does the work as withRetries does it. Throws as the store's callers know its errors. */
export type Ask = <Result>(
  work: (connection: Connection, mayBeDone: boolean) => Promise<Result>,
) => Promise<Result>;

export function askOf(pool: Pool, patienceMs: number): Ask {
  return async (work) => {
    try {
      return await withRetries(pool, patienceMs, work);
    } catch (error) {
      throw asStoreError(error);
    }
  };
}

/** The rows of one statement. */
export type AskRows = (statement: Statement, values: readonly unknown[]) => Promise<readonly Row[]>;

/** Nothing is found by a text that PostgreSQL does not have. */
export function rowsOf(ask: Ask): AskRows {
  return (statement, values) =>
    values.some(isNoText) ? Promise.resolve([]) : ask((connection) => connection.query(statement, values));
}

/** A text with NUL or half a surrogate pair: PostgreSQL has none, and refuses a statement that asks for it. */
export function isNoText(value: unknown): boolean {
  return typeof value === 'string' && (value.includes('\0') || !value.isWellFormed());
}
