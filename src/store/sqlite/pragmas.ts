import type { DatabaseSync } from 'node:sqlite';
import { isBusy } from './error.ts';

/**
 * WAL, so that readers and the writer do not wait for one another. FULL, so that a commit is synced before it returns
 * and an acknowledged change survives a power cut.
 */
export function applyPragmas(db: DatabaseSync): void {
  // Only a new file takes it. What an unlock writes is a page for its user's row, whatever little of it has changed.
  db.exec('PRAGMA page_size = 2048');
  waitWhileBusy(() => db.exec('PRAGMA journal_mode = WAL'));
  db.exec('PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
  // Nothing that was deleted or written over can be read out of the file any more: an erased user's name least of all.
  db.exec('PRAGMA secure_delete = ON');
  // No memory map: SQLite maps a file that has grown anew, and every page that is looked at then faults again. Between
  // two checkpoints (32 MB and more) many unlocks meet in one page, which then is copied once.
  db.exec('PRAGMA cache_size = -65536; PRAGMA mmap_size = 0; PRAGMA wal_autocheckpoint = 16000;');
}

const waitMsMax = 5_000;
const attemptIntervalMs = 50;

/**
 * Where several open a new file at once, or one opens what the last one is just closing, SQLite does not wait as it does
 * for a write: it says BUSY at once, whatever the busy timeout. In other cases it waits for that, so the time counts and
 * not the attempts.
 */
export function waitWhileBusy(work: () => void): void {
  const startedMs = performance.now();
  for (;;) {
    try {
      work();
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() - startedMs >= waitMsMax) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, attemptIntervalMs);
    }
  }
}

/**
 * Copies into the file what no reader still needs in the log; waits for nobody, stops nobody. Answers how many pages of
 * the log are left; undefined where another is at it, or it failed: nothing is lost then, and a disk that is full or
 * broken fails the commits too, which say so.
 */
export function moveLog(db: DatabaseSync): number | undefined {
  try {
    const row = db.prepare('PRAGMA wal_checkpoint(PASSIVE)').get();
    return row?.busy === 0 ? (row.log as number) - (row.checkpointed as number) : undefined;
  } catch {
    return undefined;
  }
}

/** How long those who write wait for those who read, while the log is being emptied. */
const emptyTimeoutMs = 50;

/** Moves all of the log into the file and cuts it to nothing. False where somebody still reads in it, or moves it. */
export function emptyLog(db: DatabaseSync): boolean {
  moveLog(db);
  db.exec(`PRAGMA busy_timeout = ${emptyTimeoutMs}`);
  return db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.busy === 0;
}
