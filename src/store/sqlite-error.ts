import { DomainError } from '../domain/errors.ts';

// SQLite's primary result codes that say "not now" rather than "this statement is wrong".
const unavailableCodes: ReadonlySet<number> = new Set([
  5 /* BUSY */, 6 /* LOCKED */, 7 /* NOMEM */, 8 /* READONLY */, 10 /* IOERR */, 11 /* CORRUPT */,
  13 /* FULL */, 14 /* CANTOPEN */, 26 /* NOTADB */,
]);

/** Whether the database, not the statement, is what failed. */
export function isUnavailable(error: unknown): boolean {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' && unavailableCodes.has(code & 0xff);
}

/** An error of node:sqlite as the store's callers know it. */
export function asStoreError(error: unknown): unknown {
  return isUnavailable(error) ? new DomainError('storeUnavailable', { cause: error }) : error;
}

/** A read that fails as storeUnavailable where the database is what failed. */
export function reading<Input, Output>(read: (input: Input) => Output): (input: Input) => Promise<Output> {
  return async (input) => {
    try {
      return read(input);
    } catch (error) {
      throw asStoreError(error);
    }
  };
}
