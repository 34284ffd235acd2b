import type { DatabaseSync } from 'node:sqlite';

/**
 * WAL, so that readers and the writer do not wait for one another. FULL, so that a commit is synced before it returns
 * and an acknowledged change survives a power cut.
 */
export function applyPragmas(db: DatabaseSync): void {
  // Only a new file takes it. What an unlock writes is a page for its user's row, whatever little of it has changed.
  db.exec('PRAGMA page_size = 2048');
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
  // No memory map: SQLite maps a file that has grown anew, and every page that is looked at then faults again. Between
  // two checkpoints (32 MB and more) many unlocks meet in one page, which then is copied once.
  db.exec('PRAGMA cache_size = -65536; PRAGMA mmap_size = 0; PRAGMA wal_autocheckpoint = 16000;');
}
