import { readFileSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { type MigrateMode, migrationFiles, requireUsableVersion } from '../sql/schema-version.ts';

const folder = new URL('./migrations/', import.meta.url);

/**
 * Brings the schema to this code's version, or only checks it. The migration's own row goes in first, so that two
 * starting processes collide on it and one waits. Throws StoreUnusable where the database is newer than the code.
 */
export function migrate(db: DatabaseSync, mode: MigrateMode): void {
  const files = migrationFiles(folder);
  if (mode.only === 'apply') db.exec(createTable);
  const applied = appliedVersion(db);
  requireUsableVersion(applied, mode);
  for (let version = applied + 1; version <= files.length; version += 1)
    apply(db, version, files[version - 1] ?? '');
}

const createTable =
  'CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT';

function appliedVersion(db: DatabaseSync): number {
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
