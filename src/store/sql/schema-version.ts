import { readdirSync } from 'node:fs';
import { StoreUnusable } from '../store.ts';

/** Whether a schema that is behind is refused or brought up to date. */
export interface MigrateMode {
  readonly only: 'check' | 'apply';
}

/** The migrations of one database: the file at index 0 makes version 1. */
export function migrationFiles(folder: URL): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort();
}

/** Throws StoreUnusable where the database is newer than the code, or behind it and only to be checked. */
export function requireUsableVersion(applied: number, newest: number, { only }: MigrateMode): void {
  const found = `the database has schema version ${applied}, this Latchkey`;
  if (applied > newest) {
    throw new StoreUnusable(`${found} knows ${newest}: it was written by a newer Latchkey; upgrade this one`);
  }
  if (only === 'check' && applied < newest) {
    throw new StoreUnusable(`${found} needs ${newest}: run "latchkey migrate"`);
  }
}
