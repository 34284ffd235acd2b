import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createArchive } from '../archive/archive.ts';
import { createVerifiable } from '../archive/histories.ts';
import type { Snapshot } from '../archive/snapshot.ts';
import { archiveTables, type ColumnValue, parseColumnValues, writtenColumns } from '../archive/tables.ts';
import { erasuresIn } from '../sql/erasures.ts';
import {
  type Archive,
  type ArchiveKind,
  type Mended,
  type Restoration,
  RowRefused,
  StoreNotEmpty,
  StoreUnusable,
  type Verifiable,
} from '../store.ts';
import { openDatabase, requireNoLogAlone } from './database.ts';
import { asStoreError, isUnavailable, resultCode } from './error.ts';
import { createLinks, linkOf, mendLinks } from './links.ts';
import { applyPragmas } from './pragmas.ts';
import { openToRead, type Reading } from './read-only.ts';
import { createStatementCache } from './statements.ts';
import { writeStatements } from './write-statements.ts';

/** What a schema that is behind is to do. */
export interface ArchiveOptions {
  /** Throw instead of reading a copy that is brought up to date. Default false. */
  readonly migrateNot?: boolean;
}

/** Everything in the file as it stands now, while others go on writing; it is not written to. Throws StoreUnusable. */
export async function openArchive(path: string, options: ArchiveOptions = {}): Promise<Archive> {
  const reading = await openToRead(path, options);
  try {
    return await createArchive(createSnapshot(reading));
  } catch (error) {
    reading.db.close();
    throw asStoreError(error);
  }
}

/**
 * Mends what can be mended without changing what anybody did: see mendLinks, and what a server that knew of no such tables
 * has left there of users whom it deleted. Answers how much that was. Nobody may serve the file meanwhile, as a server has
 * read what is mended. Throws StoreUnusable.
 */
export function repair(path: string, options: ArchiveOptions = {}): Mended {
  // What a crash has left in the log goes into the file, and the log with it, unless somebody else has it open.
  openDatabase({ path, ...options }).close();
  const isServed = () =>
    new StoreUnusable(`${path} is being served: stop the servers first, and repair it then`);
  if (existsSync(`${path}-wal`)) throw isServed();
  const db = openDatabase({ path, ...options });
  try {
    leaveWal(db);
    // Without its log nobody else has it open, and without it nobody begins to: who starts now waits for the end.
    if (db.prepare('PRAGMA journal_mode').get()?.journal_mode !== 'delete') throw isServed();
    db.exec('BEGIN EXCLUSIVE');
    const links = mendLinks(db);
    const leftovers = ['user_metadata', 'codes'].map((table) => db.prepare(leftIn(table)).run().changes);
    db.exec('COMMIT');
    return { links, leftovers: leftovers.reduce((sum: number, changes) => sum + Number(changes), 0) };
  } catch (error) {
    throw asStoreError(error);
  } finally {
    db.close();
  }
}

const leftIn = (table: string): string =>
  `DELETE FROM ${table} WHERE user_id IN (SELECT user_id FROM users WHERE state = 'deleted')`;

/** What a store is verified by: all of one moment, on a connection of its own. */
export async function openVerifiable(path: string): Promise<Verifiable & AsyncDisposable> {
  const snapshot = createSnapshot(await openToRead(path, { migrateNot: true }));
  return { ...createVerifiable(snapshot), [Symbol.asyncDispose]: () => snapshot[Symbol.asyncDispose]() };
}

/**
 * Fills the file in one transaction; others wait, or find it empty. Where there is none it is there once it is whole: what
 * fails leaves nothing behind. Throws StoreUnusable, StoreNotEmpty.
 */
export async function openRestoration(path: string, options: ArchiveOptions = {}): Promise<Restoration> {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return openInPlace(path, options);
  requireNoLogAlone(path);
  const draft = draftOf(path);
  let restoration: Restoration;
  try {
    restoration = await openInPlace(draft.path, options);
  } catch (error) {
    draft.remove();
    if (!(error instanceof StoreUnusable)) throw error;
    throw new StoreUnusable(error.message.replaceAll(draft.path, path), { cause: error });
  }
  let isWhole = false;
  return {
    ...restoration,
    async commit() {
      await restoration.commit();
      isWhole = true;
    },
    async [Symbol.asyncDispose]() {
      await restoration[Symbol.asyncDispose]();
      try {
        if (isWhole) draft.become();
      } finally {
        draft.remove();
      }
    },
  };
}

/** A file beside the one that is to be. */
interface Draft {
  readonly path: string;
  /** It is the other from here on, on disk. Throws StoreNotEmpty where somebody has made that meanwhile. */
  readonly become: () => void;
  /** With the folders that were made for it, where nothing else is in them. */
  readonly remove: () => void;
}

function draftOf(path: string): Draft {
  const draft = `${path}.import-${randomBytes(4).toString('hex')}`;
  const folders = missingFolders(dirname(resolve(path)));
  return {
    path: draft,
    become() {
      try {
        linkSync(draft, path);
      } catch (error) {
        if (existsSync(path)) throw new StoreNotEmpty(`another process has made ${path} meanwhile`);
        // A file system without links.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
        renameSync(draft, path);
      }
      const folder = openSync(dirname(path), 'r');
      fsyncSync(folder);
      closeSync(folder);
    },
    remove() {
      for (const end of ['', '-journal', '-wal', '-shm']) rmSync(`${draft}${end}`, { force: true });
      try {
        for (const folder of folders) rmdirSync(folder);
      } catch (error) {
        // Somebody has put something into it, or it was never made.
        if (!/^(ENOENT|ENOTEMPTY)$/.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
      }
    },
  };
}

/** From the innermost out. */
function missingFolders(path: string): readonly string[] {
  return existsSync(path) ? [] : [path, ...missingFolders(dirname(path))];
}

async function openInPlace(path: string, options: ArchiveOptions): Promise<Restoration> {
  const db = openDatabase({ path, ...options });
  try {
    // Room for the indexes that are filled in no order; what does not fit goes to the disk and comes back.
    db.exec('PRAGMA cache_size = -262144');
    leaveWal(db);
    db.exec('BEGIN IMMEDIATE');
    requireEmpty(db);
    return createRestoration(db);
  } catch (error) {
    db.close();
    throw asStoreError(error);
  }
}

function createSnapshot({ db, end }: Reading): Snapshot {
  const statements = createStatementCache(db);
  const links = createLinks(db);
  return {
    placeholder: (index) => `?${index}`,
    links,
    log: 'events',
    async query(text, values) {
      try {
        const rows = statements.get(text).all(...values);
        await nextTurn();
        return rows;
      } catch (error) {
        throw asStoreError(error);
      }
    },
    async [Symbol.asyncDispose]() {
      db.close();
      await end?.();
    },
  };
}

// Without a write-ahead log new pages are written once, straight to their place; the journal holds what little was there
// before. Where somebody else has the file open too, it stays as it is: slower, and no less safe.
function leaveWal(db: DatabaseSync): void {
  try {
    db.exec('PRAGMA journal_mode = DELETE');
  } catch (error) {
    if (!isUnavailable(error)) throw error;
  }
}

function requireEmpty(db: DatabaseSync): void {
  for (const { name } of Object.values(archiveTables)) {
    if (db.prepare(`SELECT 1 FROM ${name} LIMIT 1`).get() !== undefined) {
      throw new StoreNotEmpty(`the database already has ${name}: import into a new one`);
    }
  }
}

function createRestoration(db: DatabaseSync): Restoration {
  const restoreIndexes = dropIndexes(db);
  // Only while the file is filled: it keeps sequences unique and finds each event's forerunner.
  db.exec('CREATE UNIQUE INDEX events_by_user ON events (user_id, sequence)');
  const insert = createInserts(db);
  const insertErasure = db.prepare(writeStatements.insertErasure);
  return {
    ...createVerifiable(createSnapshot({ db })),
    async add(page) {
      const { kind, rows } = page;
      for (const [index, row] of rows.entries()) {
        try {
          insert(kind, parseColumnValues(kind, row));
        } catch (error) {
          throw refusal(error, index);
        }
      }
      for (const values of erasuresIn(page)) insertErasure.run(...values);
      await nextTurn();
    },
    async commit() {
      try {
        db.exec('DROP INDEX events_by_user');
        restoreIndexes();
        db.exec('COMMIT');
        applyPragmas(db);
      } catch (error) {
        throw asStoreError(error);
      }
    },
    async [Symbol.asyncDispose]() {
      // Closing rolls back what was not committed.
      db.close();
    },
  };
}

// An index is made of a million sorted rows in a moment; row by row it is most of the work. Those that keep rows unique stay.
function dropIndexes(db: DatabaseSync): () => void {
  const indexes = db
    .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
    .all();
  for (const { name } of indexes) db.exec(`DROP INDEX ${name}`);
  return () => {
    for (const { sql } of indexes) db.exec(sql as string);
  };
}

function createInserts(db: DatabaseSync): (kind: ArchiveKind, values: readonly ColumnValue[]) => void {
  const statements = new Map<ArchiveKind, StatementSync>();
  return (kind, values) => {
    let statement = statements.get(kind);
    if (statement === undefined) {
      const columns = [...writtenColumns(archiveTables[kind])];
      const marks = columns.map((_column, index) => `?${index + 1}`);
      const link = linkOf(kind, (column) => `?${columns.indexOf(column) + 1}`);
      if (link !== undefined) {
        columns.push(link.column);
        marks.push(link.sql);
      }
      statement = db.prepare(
        `INSERT INTO ${archiveTables[kind].name} (${columns.join(', ')}) VALUES (${marks.join(', ')})`,
      );
      statements.set(kind, statement);
    }
    statement.run(...values);
  };
}

function refusal(error: unknown, index: number): unknown {
  if (isUnavailable(error)) return asStoreError(error);
  const isRefused = error instanceof RowRefused || resultCode(error) === 19; /* CONSTRAINT */
  return isRefused ? new RowRefused((error as Error).message, index) : error;
}
