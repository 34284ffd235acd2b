import { backup, DatabaseSync } from 'node:sqlite';
import { StoreUnusable } from '../store.ts';
import { busyTimeoutMs, reasonOf } from './database.ts';
import { openExisting } from './existing.ts';

export interface BackupOptions {
  readonly from: string;
  /** An empty file, made by who asks: its mode is theirs to choose. */
  readonly to: string;
  readonly onProgress: (pages: number, pagesTotal: number) => void;
}

const pagesPerStep = 2_000;

/**
 * Copies the database as it stands now, in a thread of its own, while others go on writing. On disk when it resolves.
 * Taken out of WAL mode, so that one file is all there is; who serves it puts it back. Throws StoreUnusable.
 */
export async function backUp({ from, to, onProgress }: BackupOptions): Promise<void> {
  try {
    await copy({ from, to, onProgress });
    using copied = new DatabaseSync(to);
    copied.exec('PRAGMA synchronous = FULL; PRAGMA journal_mode = DELETE');
  } catch (error) {
    throw new StoreUnusable(`cannot copy the database ${from}: ${reasonOf(error)}`, { cause: error });
  }
}

async function copy({ from, to, onProgress }: BackupOptions): Promise<void> {
  using db = openExisting(from, { timeout: busyTimeoutMs });
  // A read transaction holds the moment still: without it, every change that somebody else makes starts the copy anew.
  db.exec('BEGIN');
  db.prepare('SELECT count(*) FROM migrations').get();
  await backup(db, to, {
    rate: pagesPerStep,
    progress: ({ totalPages, remainingPages }) => onProgress(totalPages - remainingPages, totalPages),
  });
}
