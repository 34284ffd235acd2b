import { DomainError } from '../../domain/errors.ts';

// SQLite's primary result codes that say "not now" rather than "this statement is wrong".
const unavailableCodes: ReadonlySet<number> = new Set([
  5 /* BUSY */, 6 /* LOCKED */, 7 /* NOMEM */, 8 /* READONLY */, 10 /* IOERR */, 11 /* CORRUPT */,
  13 /* FULL */, 14 /* CANTOPEN */, 26 /* NOTADB */,
]);

/** SQLite's primary result code; undefined for what is no error of SQLite's. */
export function resultCode(error: unknown): number | undefined {
  // Not instanceof: in a test's own realm, Node's errors are of another Error.
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/** Whether the database, not the statement, is what failed; a closed one too. */
export function isUnavailable(error: unknown): boolean {
  const isClosed =
    typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_INVALID_STATE';
  return isClosed || unavailableCodes.has(resultCode(error) ?? 0);
}

/** Whether another process was at the file: nothing is wrong with it. */
export function isBusy(error: unknown): boolean {
  return resultCode(error) === 5 /* BUSY */;
}

/** Whether the file holds what cannot be right. */
export function isDamage(error: unknown): boolean {
  const code = resultCode(error);
  return code === 11 /* CORRUPT */ || code === 26 /* NOTADB */;
}

/** An error of node:sqlite as the store's callers know it. */
export function asStoreError(error: unknown): unknown {
  return isUnavailable(error) ? new DomainError('storeUnavailable', { cause: error }) : error;
}

/** A read that fails as storeUnavailable where the database is what failed. */
export function reading<Asked extends readonly unknown[], Answer>(
  read: (...asked: Asked) => Answer,
): (...asked: Asked) => Promise<Answer> {
  return async (...asked) => {
    try {
      return read(...asked);
    } catch (error) {
      throw asStoreError(error);
    }
  };
}
