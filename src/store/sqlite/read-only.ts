import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { schemaVersion } from '../sql/schema-version.ts';
import { StoreUnusable } from '../store.ts';
import { busyTimeoutMs, openDatabase, requireOurs, unusable } from './database.ts';
import { registerFold } from './dialect.ts';
import { appliedVersion, migrate } from './migrate.ts';

/** One moment of a file, in a transaction that nobody's writing disturbs. */
export interface Reading {
  readonly db: DatabaseSync;
  /** To be called after the connection was closed. Throws StoreUnusable where the moment was none. */
  readonly end?: () => void;
}

/**
 * Opens the file for reading, and changes nothing: not its bytes, not its times, and where nobody serves it, nothing in its
 * folder. A backup may be on a disk that cannot be written. One of an older version is copied and the copy brought up to
 * date. Throws StoreUnusable.
 */
export async function openToRead(
  path: string,
  { migrateNot = false }: { readonly migrateNot?: boolean },
): Promise<Reading> {
  const reading = openAsItIs(path);
  const { db } = reading;
  try {
    requireOurs(db, path);
    migrate(db, { only: 'check', isBehind: !migrateNot });
    if (appliedVersion(db) === schemaVersion) return begin(reading);
    return begin(await openCopy(db));
  } catch (error) {
    if (db.isOpen) db.close();
    throw unusable(path, error);
  }
}

function begin(reading: Reading): Reading {
  registerFold(reading.db);
  reading.db.exec('BEGIN');
  return reading;
}

// Who serves a file has its log beside it; without one, SQLite would make one and leave it there.
function openAsItIs(path: string): Reading {
  const isServed = bytesOf(`${path}-wal`) !== undefined;
  const url = pathToFileURL(resolve(path));
  if (!isServed) url.search = '?immutable=1';
  try {
    const before = stateOf(path);
    const db = new DatabaseSync(url, { readOnly: true, timeout: busyTimeoutMs });
    return isServed ? { db } : { db, end: () => requireUnchanged(path, before) };
  } catch (error) {
    throw unusable(path, error);
  }
}

async function openCopy(from: DatabaseSync): Promise<Reading> {
  // For its owner alone, as everything in it is.
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-copy-'));
  const end = () => rmSync(folder, { recursive: true, force: true });
  try {
    const path = join(folder, 'latchkey.db');
    await backup(from, path);
    from.close();
    return { db: openDatabase({ path, copyNot: true }), end };
  } catch (error) {
    end();
    throw error;
  }
}

function requireUnchanged(path: string, before: string): void {
  if (stateOf(path) === before) return;
  throw new StoreUnusable(
    `${path} was written to while it was read: what was found may be of two moments; try again`,
  );
}

function stateOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return [found?.ino, found?.size, found?.mtimeNs, bytesOf(`${path}-wal`)].join();
}

function bytesOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}
