import type { DatabaseSync } from 'node:sqlite';

/** Reads in one transaction: another process may write to the same file between two statements. */
export function snapshot<Value>(db: DatabaseSync, read: () => Value): Value {
  db.exec('BEGIN');
  try {
    return read();
  } finally {
    if (db.isTransaction) db.exec('COMMIT');
  }
}
