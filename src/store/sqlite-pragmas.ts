import type { DatabaseSync } from 'node:sqlite';

/**
 * WAL, so that readers and the writer do not wait for one another. FULL, so that a commit is synced before it returns
 * and an acknowledged change survives a power cut.
 */
export function applyPragmas(db: DatabaseSync): void {
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
  db.exec('PRAGMA cache_size = -65536; PRAGMA mmap_size = 8589934592; PRAGMA wal_autocheckpoint = 4000;');
}
