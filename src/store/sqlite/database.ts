import { chmodSync, closeSync, existsSync, fsyncSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { StoreMeasures } from '../../ops/measures.ts';
import { type StoreReport, StoreUnusable } from '../store.ts';
import { registerFold } from './dialect.ts';
import { isBusy } from './error.ts';
import { makeFolder } from './folder.ts';
import { migrate } from './migrate.ts';
import { applyPragmas, waitWhileBusy } from './pragmas.ts';

/** How the embedded database is opened. */
export interface SqliteOptions {
  /** Path of the database file, made with mode 0600 where absent, and given it where it is there. */
  readonly path: string;
  /** How long a write waits for another process's write. Default 5000. */
  readonly busyTimeoutMs?: number;
  /** Throw where the schema is behind instead of migrating. Default false. */
  readonly migrateNot?: boolean;
  /** Migrate without keeping a copy of what was there. Default false. */
  readonly copyNot?: boolean;
  /** Default: nobody is told. */
  readonly measures?: StoreMeasures;
  /** Hears of what no call answers. */
  readonly onReport?: (report: StoreReport) => void;
  /** See StoreOptions. Default false. */
  readonly startsLate?: boolean;
}

/** How long a write waits for another process's, where nobody says. */
export const busyTimeoutMs = 5_000;

/** A connection to the file, brought up to date. Throws StoreUnusable with what to do where that cannot be. */
export function openDatabase(options: SqliteOptions): DatabaseSync {
  const { path, migrateNot = false, copyNot = false, onReport = () => undefined } = options;
  let db: DatabaseSync | undefined;
  try {
    requireNoLogAlone(path);
    makeFile(path);
    const opened = new DatabaseSync(path, { timeout: options.busyTimeoutMs ?? busyTimeoutMs });
    db = opened;
    waitWhileBusy(() => requireOurs(opened, path));
    keepSecret(path);
    migrate(db, { only: 'check', isBehind: !migrateNot });
    applyPragmas(db);
    registerFold(db);
    const keep = copyNot ? () => undefined : (version: number) => keepCopy(opened, path, version);
    const warn = (text: string) => onReport({ level: 'warn', text });
    const went = migrate(db, { only: migrateNot ? 'check' : 'apply', keep, warn });
    if (went !== undefined) onReport({ level: 'info', text: went });
    requireWritable(db);
    return db;
  } catch (error) {
    db?.close();
    throw unusable(path, error);
  }
}

/** As what an error on the way to an open file is answered. */
export function unusable(path: string, error: unknown): StoreUnusable {
  if (error instanceof StoreUnusable) return error;
  return new StoreUnusable(`cannot open the database ${path}: ${reasonOf(error)}`, { cause: error });
}

/**
 * Throws StoreUnusable where a log lies there whose database is gone or empty, before either is touched: SQLite would
 * delete that log at the first look (see existing.ts), or read it into another file that is put beside it.
 */
export function requireNoLogAlone(path: string): void {
  const log = `${path}-wal`;
  // In this order: where another process makes the database just now, that is longer than nothing before it has a log.
  if (sizeOf(log) === 0 || sizeOf(path) > 0) return;
  throw new StoreUnusable(
    `the database file ${path} is gone or empty, and ${log} is there, which may hold what was written last: put it back, or restore a backup; for that, or to begin with nobody, move ${log} away first`,
  );
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

const ownerOnly = 0o600;
const others = 0o077;

// Made before SQLite would, whose own file is everybody's to open until its mode is changed. Its -wal and -shm take it over.
function makeFile(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  closeSync(openSync(path, 'a', ownerOnly));
}

// Once it is known to be ours: the mode of a file that was named by mistake is not ours to change.
function keepSecret(path: string): void {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found === undefined || !found.isFile() || (found.mode & others) === 0) continue;
    try {
      chmodSync(file, ownerOnly);
    } catch (error) {
      // Somebody else's file, or one on a read-only disk: whose it is has decided.
      if (!/^(EPERM|EROFS|ENOENT)$/.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}

/** Before anything is written: a mistyped path must not put our tables into another program's database. */
export function requireOurs(db: DatabaseSync, path: string): void {
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
    if (!isBusy(error)) throw error;
  }
}

const copiesMax = 1_000;

// Beside the file, where there is room for one, and nobody else may read it. Answers its path.
function keepCopy(db: DatabaseSync, path: string, version: number): string {
  for (let copy = 1; copy <= copiesMax; copy += 1) {
    const to = `${path}.schema-${version}${copy === 1 ? '' : `-${copy}`}`;
    if (existsSync(to)) continue;
    const file = openSync(to, 'wx', ownerOnly);
    try {
      // Into an empty file, as one that is made here would be everybody's to read.
      db.prepare('VACUUM INTO ?').run(to);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    return to;
  }
  throw new StoreUnusable(
    `${copiesMax} copies of schema ${version} lie beside ${path}: remove what is not needed`,
  );
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
