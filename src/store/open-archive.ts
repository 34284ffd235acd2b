import { kindOf } from './database.ts';
import {
  openArchive as openPostgresArchive,
  openRestoration as openPostgresRestoration,
  repair as repairPostgres,
} from './postgres/archive.ts';
import type { PostgresEnvironment } from './postgres/connect/parameters.ts';
import { openPostgres } from './postgres/postgres.ts';
import {
  openArchive as openSqliteArchive,
  openRestoration as openSqliteRestoration,
  repair as repairSqlite,
} from './sqlite/archive.ts';
import { type BackupOptions, backUp as backUpSqlite } from './sqlite/backup.ts';
import { type Archive, type Mended, type Restoration, StoreUnusable } from './store.ts';

export interface ArchiveOptions {
  /** libpq's variables. Default: none. */
  readonly environment?: PostgresEnvironment;
  /** Throw where the schema is behind instead of migrating. Default false. */
  readonly migrateNot?: boolean;
}

/** All that the database holds, at this moment; nothing is changed in it. Throws StoreUnusable. */
export async function openArchive(database: string, options: ArchiveOptions = {}): Promise<Archive> {
  if (kindOf(database) === 'file') return openSqliteArchive(database, options);
  await requireSound(database, { ...options, migrateNot: true });
  return openPostgresArchive(database, options.environment);
}

/** The database to be filled, made where it is a file that is not there. Throws StoreUnusable, StoreNotEmpty. */
export async function openRestoration(database: string, options: ArchiveOptions = {}): Promise<Restoration> {
  if (kindOf(database) === 'file') return openSqliteRestoration(database, options);
  await requireSound(database, options);
  return openPostgresRestoration(database, options.environment);
}

/** Mends what can be mended of what older versions wrote; a file may not be served meanwhile. Throws StoreUnusable. */
export async function repair(database: string, options: ArchiveOptions = {}): Promise<Mended> {
  if (kindOf(database) === 'file') return repairSqlite(database, options);
  await requireSound(database, { ...options, migrateNot: true });
  return { links: undefined, leftovers: await repairPostgres(database, options.environment) };
}

/** Copies the embedded database while others serve it. Throws StoreUnusable. */
export async function backUp(options: BackupOptions): Promise<void> {
  if (kindOf(options.from) === 'postgres') {
    throw new StoreUnusable('backup is for the embedded file: use pg_dump, or "latchkey export"');
  }
  await backUpSqlite(options);
}

// Opening a store checks all that can be wrong with it, and says what to do.
async function requireSound(url: string, options: ArchiveOptions): Promise<void> {
  await using _store = await openPostgres({ url, ...options });
}
