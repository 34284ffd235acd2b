import {
  openArchive as openPostgresArchive,
  openRestoration as openPostgresRestoration,
} from './postgres/archive.ts';
import { openPostgres } from './postgres/postgres.ts';
import { isPostgresUrl } from './postgres/url.ts';
import {
  openArchive as openSqliteArchive,
  openRestoration as openSqliteRestoration,
} from './sqlite/archive.ts';
import { type BackupOptions, backUp as backUpSqlite } from './sqlite/backup.ts';
import { type Archive, type Restoration, StoreUnusable } from './store.ts';

/** All that the database holds, at this moment. Throws StoreUnusable. */
export async function openArchive(database: string): Promise<Archive> {
  if (!isPostgresUrl(database)) return openSqliteArchive(database);
  await bringUpToDate(database);
  return openPostgresArchive(database);
}

/** The database to be filled, made where it is a file that is not there. Throws StoreUnusable, StoreNotEmpty. */
export async function openRestoration(database: string): Promise<Restoration> {
  if (!isPostgresUrl(database)) return openSqliteRestoration(database);
  await bringUpToDate(database);
  return openPostgresRestoration(database);
}

/** Copies the embedded database while others serve it. Throws StoreUnusable. */
export async function backUp(options: BackupOptions): Promise<void> {
  if (isPostgresUrl(options.from)) {
    throw new StoreUnusable('backup is for the embedded file: use pg_dump, or "latchkey export"');
  }
  await backUpSqlite(options);
}

// Opening a store checks all that can be wrong with it, and says what to do.
async function bringUpToDate(url: string): Promise<void> {
  await using _store = await openPostgres({ url });
}
