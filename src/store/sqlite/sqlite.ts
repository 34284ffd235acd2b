import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import {
  type Admit,
  type BrokenLink,
  type History,
  type ListUsers,
  type Store,
  type StoreReport,
  StoreUnusable,
  type TokenOwner,
} from '../store.ts';
import { type Snapshot, TickReader } from '../tick.ts';
import { registerFold } from './dialect.ts';
import { reading, resultCode } from './error.ts';
import { type FileIdentity, identityOf } from './file-watch.ts';
import { createGate } from './gate.ts';
import { createListQueue } from './list-queue.ts';
import { createLists } from './lists.ts';
import { migrate } from './migrate.ts';
import { createPolicyReads } from './policies.ts';
import { applyPragmas, waitWhileBusy } from './pragmas.ts';
import { watchReads } from './readiness.ts';
import { LoadedUser, loadedColumns, parseOrganization, parseTokenOwner, standingOf } from './rows.ts';
import { createSessions } from './sessions.ts';
import { createWriter } from './writer.ts';

export interface SqliteOptions {
  /** Path of the database file, made with mode 0600 where absent. */
  readonly path: string;
  /** How long a write waits for another process's write. Default 5000. */
  readonly busyTimeoutMs?: number;
  /** Throw where the schema is behind instead of migrating. Default false. */
  readonly migrateNot?: boolean;
  /** Hears of what no call answers. */
  readonly onReport?: (report: StoreReport) => void;
}

/**
 * Opens the embedded store: one file in WAL mode, every commit on disk (synchronous=FULL) before its answer.
 * Throws StoreUnusable with what to do where the file is not a database, not writable, or newer than this code.
 */
export function openSqlite(options: SqliteOptions): Store {
  const { db, identity } = openIdentified(options);
  const gate = createGate(options.onReport);
  const lists = createLists(db);
  const thread = { path: options.path, busyTimeoutMs: options.busyTimeoutMs ?? busyTimeoutMs };
  const writer = createWriter({ ...thread, ...gate, identity });
  const queue = createListQueue({ ...thread, timeoutMs: listTimeoutMs, waitingMax: listsWaitingMax });
  const reader = new TickReader(snapshotOf(db, gate.requireOpen));
  const user = look(db, `SELECT ${loadedColumns} FROM users WHERE user_id = ?`);
  const token = look(
    db,
    `SELECT tokens.token_id, tokens.user_id, tokens.sequence, tokens.created_at, tokens.expires_at, tokens.secret_hash, ${loadedColumns} ` +
      'FROM tokens JOIN users ON users.user_id = tokens.user_id WHERE tokens.token_id = ?',
  );
  const passwordHash = db.prepare('SELECT password_hash FROM profiles WHERE user_id = ?');
  const organizationById = db.prepare('SELECT * FROM organizations WHERE organization_id = ?');
  const organizationByDomain = db.prepare('SELECT * FROM organizations WHERE domain = ?');

  // Every call comes by these two: what they find damaged must not be called ready.
  const watch = watchReads();
  const readToken = watch.watched((tokenId): TokenOwner | undefined => {
    const values = token(tokenId);
    return values && parseTokenOwner(values);
  });
  const readUser = reader.of(watch.watched(user));

  return gate.reads({
    ...lists,
    listUsers: (query) => (isQuick(query) ? lists : queue).listUsers(query),
    loadToken: reader.of(readToken),
    loadUser: (userId, admit) => readUser(userId).then((values) => admitted(values, admit)),
    loadPasswordHash: reading(
      (userId) => (passwordHash.get(userId)?.password_hash as string | null | undefined) ?? undefined,
    ),
    loadOrganization: reading((by) => {
      const row =
        'domain' in by ? organizationByDomain.get(by.domain) : organizationById.get(by.organizationId);
      return row && parseOrganization(row);
    }),
    ...createPolicyReads(db),
    ...createSessions(db, writer.write),
    listSessions: (query) => queue.listSessions(query),
    append: writer.append,
    changeLockoutPolicy: writer.changeLockoutPolicy,
    addOrganization: writer.addOrganization,
    // The file and all who serve it are on one machine.
    clockOffsetMs: () => 0,
    readHistories: () => readHistories(options.path),
    readBrokenLinks: () => readBrokenLinks(options.path),
    isReady: async () => (await writer.isReady()) && watch.isSound(),
    async [Symbol.asyncDispose]() {
      await queue[Symbol.asyncDispose]();
      await writer[Symbol.asyncDispose]();
      if (db.isOpen) db.close();
    },
  });
}

// Whoever moves files may do so between any two looks: the same file must lie there before and after it was opened.
function openIdentified(options: SqliteOptions): {
  readonly db: DatabaseSync;
  readonly identity: FileIdentity;
} {
  const before = identityOf(options.path);
  const db = openDatabase(options);
  const identity = identityOf(options.path);
  if (identity !== undefined && (before === undefined || before.ino === identity.ino))
    return { db, identity };
  db.close();
  throw new StoreUnusable(`the database ${options.path} was moved while it was opened: start again`);
}

/** A look-up by key that answers one row as an array: a third of the time that an object with names takes. */
function look(db: DatabaseSync, sql: string): (key: string) => readonly SQLOutputValue[] | undefined {
  const statement = db.prepare(sql);
  statement.setReturnArrays(true);
  return (key) => statement.get(key) as unknown as SQLOutputValue[] | undefined;
}

function admitted(
  values: readonly SQLOutputValue[] | undefined,
  admit: Admit | undefined,
): LoadedUser | undefined {
  admit?.(values && standingOf(values));
  return values && new LoadedUser(values, 0);
}

// Outside of a transaction SQLite takes and drops its read lock for every single look-up.
function snapshotOf(db: DatabaseSync, requireOpen: () => void): Snapshot {
  const begin = db.prepare('BEGIN');
  const commit = db.prepare('COMMIT');
  return (reads) => {
    requireOpen();
    begin.run();
    try {
      reads();
    } finally {
      commit.run();
    }
  };
}

// The rooms of the archive are loaded when asked for: a server starts without them.
async function* readHistories(path: string): AsyncGenerator<History> {
  const { openVerifiable } = await import('./archive.ts');
  await using verifiable = openVerifiable(path);
  yield* verifiable.readHistories();
}

async function readBrokenLinks(path: string): Promise<readonly BrokenLink[]> {
  const { openVerifiable } = await import('./archive.ts');
  await using verifiable = openVerifiable(path);
  return (await verifiable.readBrokenLinks?.()) ?? [];
}

const busyTimeoutMs = 5_000;
const listTimeoutMs = 30_000;
const listsWaitingMax = 100;
const idsQuickMax = 1_000;

// Found by an index, whoever is there; all other filters look at every user in scope.
function isQuick({ filters }: ListUsers): boolean {
  return filters.every(
    (filter) =>
      filter.kind === 'organization' || (filter.kind === 'ids' && filter.userIds.length <= idsQuickMax),
  );
}

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
