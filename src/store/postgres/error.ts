import { DatabaseError } from 'pg';
import { DomainError } from '../../domain/errors.ts';
import { Fenced } from '../sql/fence.ts';

/** The connection broke while a statement was under way: nobody knows whether it was carried out. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** SQLSTATE of what the database refused; undefined where it was not the database that spoke. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined;
}

/** Whether the database ended the session, or says that it does not know what became of the statement. */
export function endsSession(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return !(error instanceof TypeError);
  const state = error.code ?? '';
  return error.severity === 'FATAL' || error.severity === 'PANIC' || /^(08|57P0)|^40003$/.test(state);
}

/** Lost a race of transactions, a deadlock or its plan: nothing was done, and the same again may succeed. */
export function isPassing(error: unknown): boolean {
  return /^(40001|40P01)$/.test(sqlState(error) ?? '') || isPlanOutdated(error);
}

/** A migration has changed what the prepared statement answers: nothing was done, and prepared anew it would work. */
export function isPlanOutdated(error: unknown): boolean {
  return sqlState(error) === '0A000';
}

/** Whether the database, not the statement, is what failed, and nothing was done. */
export function isUnavailable(error: unknown): boolean {
  // Timeouts of statement (57014) and lock (55P03), read-only (25006), no resources or no space (53), no file (58),
  // and what may come when the database's users or names are changed under a running server (28, 3D).
  if (error instanceof Fenced) return true;
  return /^(57|55P03|25006|53|58|28|3D)/.test(sqlState(error) ?? '') || isPassing(error);
}

/** Whether the database has no room, or says that it may not be written to. */
export function refusesWrites(error: unknown): boolean {
  return isFull(error) || sqlState(error) === '25006';
}

/** disk_full, and what PostgreSQL says where a file may not grow any more. */
export function isFull(error: unknown): boolean {
  return /^(53100|58030)$/.test(sqlState(error) ?? '');
}

/** An error of the database as the store's callers know it. */
export function asStoreError(error: unknown): unknown {
  if (error instanceof ConnectionLost || isUnavailable(error)) {
    return new DomainError('storeUnavailable', { cause: error });
  }
  // Text with NUL, or half a surrogate pair in JSON: PostgreSQL keeps neither.
  if (/^(22021|22P05|22P02)$/.test(sqlState(error) ?? '')) {
    return new DomainError('fieldInvalid', { text: 'text must be Unicode without NUL', cause: error });
  }
  return error;
}
