import { readdirSync } from 'node:fs';
import { StoreUnusable } from '../store.ts';

/** Whether a schema that is behind is refused or brought up to date. */
export interface MigrateMode {
  readonly only: 'check' | 'apply';
}

/** The newest schema that this code knows: as many migrations as lie in the folder of either database. */
export const schemaVersion = 13;

/** The migrations of one database: the file at index 0 makes version 1. */
export function migrationFiles(folder: URL): readonly string[] {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort();
  if (files.length === schemaVersion) return files;
  throw new Error(
    `bug: schemaVersion is ${schemaVersion}, and there are ${files.length} migrations in ${folder}`,
  );
}

/** Throws StoreUnusable where the database is newer than the code, or behind it and only to be checked. */
export function requireUsableVersion(applied: number, { only }: MigrateMode): void {
  const found = `the database has schema version ${applied}, this Latchkey`;
  if (applied > schemaVersion) {
    throw new StoreUnusable(
      `${found} knows ${schemaVersion}: it was written by a newer Latchkey; upgrade this one`,
    );
  }
  if (only === 'check' && applied < schemaVersion) {
    throw new StoreUnusable(`${found} needs ${schemaVersion}: run "latchkey migrate"`);
  }
}

/** The line that tells of a migration. */
export function schemaWent(from: number, copy: string | undefined): string {
  const kept = copy === undefined ? '' : `; a copy of the database as it was is kept in ${copy}`;
  return `the schema of the database went from version ${from} to ${schemaVersion}${kept}`;
}
