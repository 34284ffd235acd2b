import { readFileSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { type MigrateMode, migrationFiles, requireUsableVersion, schemaWent } from '../sql/schema-version.ts';
import { isBusy, resultCode } from './error.ts';

const folder = new URL('./migrations/', import.meta.url);

export interface MigrationOptions extends MigrateMode {
  /** Keeps what is there of this version before it is changed; answers where, or undefined where nowhere. */
  readonly keep?: (version: number) => string | undefined;
  /** Hears what whoever runs the server should see to. Default: nobody does. */
  readonly warn?: (text: string) => void;
  /** Whether a schema that is behind passes a check. Default false. */
  readonly isBehind?: boolean;
}

/**
 * Brings the schema to this code's version, or only checks it. The migration's own row goes in first, so that two
 * starting processes collide on it and one waits. Answers what was done, from which version to which. Throws StoreUnusable
 * where the database is newer than the code.
 */
export function migrate(db: DatabaseSync, options: MigrationOptions): string | undefined {
  const { only, keep = () => undefined, warn = () => undefined, isBehind = false } = options;
  const files = migrationFiles(folder);
  if (only === 'apply') db.exec(createTable);
  const applied = appliedVersion(db);
  requireUsableVersion(applied, { only: isBehind ? 'apply' : only });
  if (only === 'check' || applied === files.length) return undefined;
  const kept = applied === 0 ? undefined : keep(applied);
  if (applied > 0 && applied < overwritesSince) writeAnew(db, warn);
  for (let version = applied + 1; version <= files.length; version += 1)
    apply(db, version, files[version - 1] ?? '');
  if (applied === 0) return undefined;
  return schemaWent(applied, kept);
}

/** The first version under which whatever is deleted was overwritten. */
const overwritesSince = 10;

/** NOMEM, IOERR, FULL, CANTOPEN: for that, which takes as much again as the file has, there is no room. */
const noRoom: ReadonlySet<number | undefined> = new Set([7, 10, 13, 14]);

// Free pages from before hold what was deleted, names of people among it, and whoever is erased now is still read there.
function writeAnew(db: DatabaseSync, warn: (text: string) => void): void {
  // Until the log is empty the old pages stand in the file; or half of the new ones in the log, where a migration wants room.
  for (const step of ['VACUUM', 'PRAGMA wal_checkpoint(TRUNCATE)']) {
    try {
      db.exec(step);
    } catch (error) {
      if (noRoom.has(resultCode(error))) warn(leftInFreePages(error));
      // Of two that start at once one does it, and the other need not.
      else if (!isBusy(error)) throw error;
    }
  }
}

// A server that does not start for want of room locks and unlocks nobody.
function leftInFreePages(error: unknown): string {
  const why = (error as Error).message;
  return `what was deleted before may still be read in free pages of the database file, as there was no room to write it anew (${why}): make room, and run VACUUM on it with sqlite3 while no server runs`;
}

const createTable =
  'CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT';

/** 0: there is none yet. */
export function appliedVersion(db: DatabaseSync): number {
  const table = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'").get();
  if (table === undefined) return 0;
  return db.prepare('SELECT coalesce(max(version), 0) AS version FROM migrations').get()?.version as number;
}

function apply(db: DatabaseSync, version: number, name: string): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    const claimed = db
      .prepare('INSERT INTO migrations VALUES (?, ?, unixepoch() * 1000) ON CONFLICT DO NOTHING')
      .run(version, name);
    if (claimed.changes === 1) db.exec(readFileSync(new URL(name, folder), 'utf8'));
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
