import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { DomainError } from '../../domain/errors.ts';
import { unmeasured } from '../../ops/measures.ts';
import { isQuick, listsWaitingMax, listTimeoutMs } from '../sql/list-gate.ts';
import { LoadedUser, loadedColumns, parseOrganization, parseTokenOwner, standingOf } from '../sql/rows.ts';
import {
  type Admit,
  type BrokenLink,
  type History,
  type Store,
  StoreUnusable,
  type TokenOwner,
} from '../store.ts';
import { busyTimeoutMs, openDatabase, type SqliteOptions } from './database.ts';
import { createErasures } from './erasures.ts';
import { reading } from './error.ts';
import { type FileIdentity, identityOf } from './file-watch.ts';
import { createGate } from './gate.ts';
import { createLists } from './lists/lists.ts';
import { createListQueue } from './lists/queue.ts';
import { createRuns } from './lists/runs.ts';
import { createPolicyReads } from './policies.ts';
import { watchReads } from './readiness.ts';
import { createSessions } from './rows/sessions.ts';
import { createSubscriptions } from './rows/subscriptions.ts';
import { type Snapshot, TickReader } from './tick.ts';
import { createUserRowReads } from './user-rows.ts';
import { createWriter } from './writer.ts';

const tokenWithOwner =
  `SELECT tokens.token_id, tokens.user_id, tokens.sequence, tokens.created_at, tokens.expires_at, tokens.secret_hash, ${loadedColumns} ` +
  'FROM tokens JOIN users ON users.user_id = tokens.user_id WHERE tokens.token_id = ?';

/**
 * Opens the embedded store: one file in WAL mode, every commit on disk (synchronous=FULL) before its answer.
 * Throws StoreUnusable with what to do where the file is not a database, not writable, or newer than this code.
 */
export function openSqlite(options: SqliteOptions): Store {
  const { db, identity } = openIdentified(options);
  const gate = createGate(options.onReport);
  const lists = createLists(db);
  const thread = { path: options.path, busyTimeoutMs: options.busyTimeoutMs ?? busyTimeoutMs };
  const { measures = unmeasured, startsLate = false } = options;
  const writer = createWriter({ ...thread, ...gate, identity, measures, startsLate });
  const queue = createListQueue({ ...thread, timeoutMs: listTimeoutMs, waitingMax: listsWaitingMax });
  const reader = new TickReader(snapshotOf(db, gate.requireOpen));
  const user = look(db, `SELECT ${loadedColumns} FROM users WHERE user_id = ?`);
  const token = look(db, tokenWithOwner);
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
    ...createUserRowReads(db),
    loadOrganization: reading((by) => {
      const row =
        'domain' in by ? organizationByDomain.get(by.domain) : organizationById.get(by.organizationId);
      return row && parseOrganization(row);
    }),
    ...createPolicyReads(db),
    ...createSessions(db, writer.write),
    ...createSubscriptions(db, writer.write),
    ...createErasures(db, { write: writer.write, path: options.path }),
    listSessions: (query) => queue.listSessions(query),
    ...createRuns(db, writer.write, queue),
    countLocked: () => queue.countLocked(),
    append: writer.append,
    changeLockoutPolicy: writer.changeLockoutPolicy,
    addOrganization: writer.addOrganization,
    // The file and all who serve it are on one machine.
    clockOffsetMs: () => 0,
    readHistories: () => readHistories(db, options.path),
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
async function* readHistories(db: DatabaseSync, path: string): AsyncGenerator<History> {
  // What is read is another connection's, which would not notice.
  if (!db.isOpen) throw new DomainError('storeUnavailable');
  const { openVerifiable } = await import('./archive.ts');
  await using verifiable = await openVerifiable(path);
  yield* verifiable.readHistories();
}

async function readBrokenLinks(path: string): Promise<readonly BrokenLink[]> {
  const { openVerifiable } = await import('./archive.ts');
  await using verifiable = await openVerifiable(path);
  return (await verifiable.readBrokenLinks?.()) ?? [];
}
