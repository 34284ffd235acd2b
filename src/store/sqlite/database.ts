import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { StoreMeasures } from '../../ops/measures.ts';
import { type StoreReport, StoreUnusable } from '../store.ts';
import { registerFold } from './dialect.ts';
import { resultCode } from './error.ts';
import { migrate } from './migrate.ts';
import { applyPragmas, waitWhileBusy } from './pragmas.ts';

/** How the embedded database is opened. */
export interface SqliteOptions {
  /** Path of the database file, made with mode 0600 where absent. */
  readonly path: string;
  /** How long a write waits for another process's write. Default 5000. */
  readonly busyTimeoutMs?: number;
  /** Throw where the schema is behind instead of migrating. Default false. */
  readonly migrateNot?: boolean;
  /** Default: nobody is told. */
  readonly measures?: StoreMeasures;
  /** Hears of what no call answers. */
  readonly onReport?: (report: StoreReport) => void;
}

/** How long a write waits for another process's, where nobody says. */
export const busyTimeoutMs = 5_000;

/** A connection to the file, brought up to date; throws as openSqlite does. */
export function openDatabase(options: SqliteOptions): DatabaseSync {
  const { path } = options;
  const isNew = !existsSync(path);
  let db: DatabaseSync | undefined;
  try {
    if (isNew) makeSecretFile(path);
    const opened = new DatabaseSync(path, { timeout: options.busyTimeoutMs ?? busyTimeoutMs });
    db = opened;
    waitWhileBusy(() => requireOurs(opened, path));
    applyPragmas(db);
    registerFold(db);
    migrate(db, { only: options.migrateNot ? 'check' : 'apply' });
    requireWritable(db);
    return db;
  } catch (error) {
    db?.close();
    if (error instanceof StoreUnusable) throw error;
    throw new StoreUnusable(`cannot open the database ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

// Made before SQLite would, whose own file is everybody's to open until its mode is changed. Its -wal and -shm take it over.
function makeSecretFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600));
}

// Before anything is written: a mistyped path must not put our tables into another program's database.
function requireOurs(db: DatabaseSync, path: string): void {
  const tables = db.prepare(
    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
  );
  // Others call a table "migrations" too.
  const own = db.prepare("SELECT 1 FROM pragma_table_info('migrations') WHERE name = 'version'");
  if (tables.get() === undefined || own.get() !== undefined) return;
  throw new StoreUnusable(`${path} is the database of another program: name another file with --db`);
}

// SQLite opens a file that it cannot write without a word, and tells at the first write.
function requireWritable(db: DatabaseSync): void {
  try {
    db.exec('BEGIN IMMEDIATE');
    db.exec('UPDATE migrations SET applied_at = applied_at WHERE version = 1; ROLLBACK');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    if (resultCode(error) !== 5 /* BUSY */) throw error;
  }
}

/** What went wrong with the file, and what to do. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (/not a database|malformed/.test(message)) {
    return `${message}. The file is damaged or not a Latchkey database: restore a backup, or name another file with --db`;
  }
  if (/readonly|read-only|unable to open|permission|^E[A-Z]+: /i.test(message)) {
    return `${message}. Latchkey needs to read and write the file and its folder: check their owner and mode`;
  }
  if (/locked|busy/.test(message))
    return `${message}. Another process is writing to it: try again, or stop that process`;
  return message;
}
