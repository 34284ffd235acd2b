import type { User } from '../../domain/user.ts';
import { type StoreMeasures, unmeasured } from '../../ops/measures.ts';
import { createListGate, listsWaitingMax, listTimeoutMs } from '../sql/list-gate.ts';
import {
  parseOrganization,
  parseStanding,
  parseToken,
  parseUser,
  type Row,
  userColumns,
} from '../sql/rows.ts';
import { type Admit, type Store, type StoreReport, StoreUnusable, type TokenOwner } from '../store.ts';
import { type DatabaseClock, openClock } from './clock.ts';
import { parseAddresses } from './connect/address.ts';
import type { PostgresEnvironment } from './connect/parameters.ts';
import { withoutPassword } from './connect/url.ts';
import { type Connection, connect, NoneWritable, type Statement } from './connection.ts';
import { createErasures } from './erasures.ts';
import { ConnectionLost, sqlState } from './error.ts';
import { createHistories } from './histories.ts';
import { createLists } from './lists.ts';
import { batchLoads } from './loads.ts';
import { migrate } from './migrate.ts';
import { createPlacer } from './placer.ts';
import { listLocksOver, loadPolicies } from './policies.ts';
import { createPool, limitPool, type Pool, type PoolOptions } from './pool.ts';
import { watchPool } from './readiness.ts';
import { askOf, rowsOf } from './rows/ask.ts';
import { loadCode } from './rows/codes.ts';
import { loadMetadata } from './rows/metadata.ts';
import { createSessions } from './rows/sessions.ts';
import { createSubscriptions } from './rows/subscriptions.ts';
import { createRuns } from './unlock-runs.ts';
import { createWriter } from './writer.ts';

export interface PostgresOptions {
  /** postgres://…: see connect/url.ts and connect/parameters.ts. */
  readonly url: string;
  /** libpq's variables. Default: none. */
  readonly environment?: PostgresEnvironment;
  /** Connections that this process holds at most, 2 or more. Default 10. */
  readonly connectionsMax?: number;
  /** How long one statement of a call may take. Default 5000. */
  readonly timeoutMs?: number;
  /** How long a call waits for a database that does not answer. Default 2000. */
  readonly patienceMs?: number;
  /** Throw where the schema is behind instead of migrating. Default false. */
  readonly migrateNot?: boolean;
  /** This machine's clock, milliseconds since 1970. Default Date.now. */
  readonly localNow?: () => number;
  /** Hears of what no call answers. */
  readonly onReport?: (report: StoreReport) => void;
  /** Default: nobody is told. */
  readonly measures?: StoreMeasures;
}

const lockTimeoutMs = 1_000;
const patienceMsDefault = 2_000;
const listLimits = { waitingMax: listsWaitingMax, timeoutMs: listTimeoutMs };
/** A database that starts beside the server may take this long to answer. */
const startTimeoutMs = 5_000;

/**
 * Opens the store on PostgreSQL, or on an engine that speaks its protocol: any number of servers on one database, every
 * commit durable before its answer. Throws StoreUnusable with what to do where the database cannot be reached, refuses
 * the login, or is newer than this code.
 */
export async function openPostgres(options: PostgresOptions): Promise<Store> {
  const { connectionsMax = 10, timeoutMs = 5_000, patienceMs = patienceMsDefault } = options;
  const { onReport = () => undefined, measures = unmeasured } = options;
  const settings = {
    addresses: parseAddresses(options.url, options.environment),
    connectTimeoutMs: patienceMs,
    statementTimeoutMs: timeoutMs,
    lockTimeoutMs,
    patienceMs,
  };
  await prepare(settings, options);
  const { pool: hot, isReady } = watchPool(createPool({ ...settings, connectionsMax }), onReport);
  // Some are kept free of what may take long, so that a few lists never hold up a lock or an unlock.
  const slowMax = Math.max(1, Math.floor(connectionsMax * 0.4));
  const slow = limitPool(hot, { usesMax: slowMax, patienceMs });
  // One of those stays for who changes something.
  const gate = createListGate({ placesMax: Math.max(1, slowMax - 1), ...listLimits });
  const clock = await openClockOf(hot, options);
  const placer = createPlacer(slow, patienceMs);
  const writer = createWriter({ hot, slow, patienceMs, measures });
  const user = batchLoads({ pool: hot, patienceMs }, by(usersById, 'user_id'));
  const organization = batchLoads({ pool: hot, patienceMs }, by(organizationsById, 'organization_id'));
  const ask = askOf(hot, patienceMs);
  const rows = rowsOf(ask);

  return {
    ...createLists({ pool: slow, hot, gate, placer, patienceMs, timeoutMs: listTimeoutMs }),
    loadToken: batchLoads({ pool: hot, patienceMs }, readTokens),
    loadUser: (userId, admit) => user(userId).then((row) => admitted(row, admit)),
    async loadPasswordHash(userId) {
      return (
        ((await rows(passwordHash, [userId]))[0]?.password_hash as string | null | undefined) ?? undefined
      );
    },
    loadCode: (key) => ask((connection) => loadCode(connection, key)),
    loadMetadata: (userId) => ask((connection) => loadMetadata(connection, userId)),
    loadOrganization: (key) =>
      ('domain' in key
        ? rows(organizationByDomain, [key.domain]).then(([row]) => row)
        : organization(key.organizationId)
      ).then((row) => row && parseOrganization(row)),
    loadLockoutPolicies: (organizationId) => ask((connection) => loadPolicies(connection, organizationId)),
    listLocksOver: (nowMs, limit) => ask((connection) => listLocksOver(connection, { nowMs, limit })),
    ...createRuns({ hot, slow, gate, patienceMs, listTimeoutMs }),
    ...createSubscriptions(slow, patienceMs),
    ...createErasures(slow, patienceMs),
    ...writer,
    ...createSessions(hot, patienceMs, writer.append),
    readHistories: createHistories({ pool: slow, placer, patienceMs }),
    clockOffsetMs: clock.offsetMs,
    isReady,
    async [Symbol.asyncDispose]() {
      gate.close();
      await writer[Symbol.asyncDispose]();
      await clock[Symbol.asyncDispose]();
      await placer[Symbol.asyncDispose]();
      await hot[Symbol.asyncDispose]();
    },
  };
}

async function openClockOf(pool: Pool, options: PostgresOptions): Promise<DatabaseClock> {
  const { patienceMs = patienceMsDefault, localNow = Date.now, url } = options;
  try {
    return await openClock({ pool, patienceMs, localNow });
  } catch (error) {
    await pool[Symbol.asyncDispose]();
    throw unusable(url, error);
  }
}

/** The rows of the statement by that column, whose values it is asked for. */
function by(statement: Statement, column: string) {
  return async (connection: Connection, keys: readonly string[]): Promise<ReadonlyMap<string, Row>> =>
    new Map((await connection.query(statement, [keys])).map((row) => [row[column] as string, row]));
}

function admitted(row: Row | undefined, admit: Admit | undefined): User | undefined {
  admit?.(row && parseStanding(row));
  return row && parseUser(row);
}

async function readTokens(connection: Connection, tokenIds: readonly string[]) {
  const rows = await connection.query(tokensById, [tokenIds]);
  return new Map(rows.map((row) => [row.token_id as string, parseTokenOwner(row)]));
}

function parseTokenOwner(row: Row): TokenOwner {
  return { token: parseToken(row), secretHash: row.secret_hash as Uint8Array, owner: parseUser(row) };
}

const usersById: Statement = {
  name: 'users_by_id',
  text: `SELECT ${userColumns} FROM users WHERE user_id = ANY($1::text[])`,
};
const tokensById: Statement = {
  name: 'tokens_by_id',
  text:
    `SELECT tokens.token_id, tokens.sequence AS token_sequence, tokens.created_at AS token_created_at, tokens.expires_at, tokens.secret_hash, ${userColumns} ` +
    'FROM tokens JOIN users ON users.user_id = tokens.user_id WHERE tokens.token_id = ANY($1::text[])',
};
const passwordHash: Statement = {
  name: 'password_hash',
  text: 'SELECT password_hash FROM profiles WHERE user_id = $1',
};
const organizationsById: Statement = {
  name: 'organizations_by_id',
  text: 'SELECT * FROM organizations WHERE organization_id = ANY($1::text[])',
};
const organizationByDomain: Statement = {
  name: 'organization_by_domain',
  text: 'SELECT * FROM organizations WHERE domain = $1',
};

async function prepare(
  settings: Omit<PoolOptions, 'connectionsMax'>,
  options: PostgresOptions,
): Promise<void> {
  let connection: Connection | undefined;
  try {
    connection = await connectAtStart(settings);
    for (const report of reportsOf(connection)) options.onReport?.(report);
    await requireUnicode(connection);
    const went = await migrate(connection, { only: options.migrateNot ? 'check' : 'apply' });
    if (went !== undefined) options.onReport?.({ level: 'info', text: went });
  } catch (error) {
    throw error instanceof StoreUnusable ? error : unusable(options.url, error);
  } finally {
    connection?.close();
  }
}

function unusable(url: string, error: unknown): StoreUnusable {
  const where = withoutPassword(url);
  return new StoreUnusable(`cannot open the database ${where}: ${reasonOf(error)}`, { cause: error });
}

async function connectAtStart(settings: Omit<PoolOptions, 'connectionsMax'>): Promise<Connection> {
  const deadlineMs = performance.now() + startTimeoutMs;
  for (;;) {
    try {
      return await connect(settings);
    } catch (error) {
      // Starting (57P03), or not there yet, or its name not yet known, or not yet promoted; whatever else it says, it
      // will say again.
      const isStarting =
        sqlState(error) === '57P03' ||
        /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN)$/.test(String(codeOf(error))) ||
        error instanceof NoneWritable;
      if (!isStarting || performance.now() > deadlineMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function reportsOf({ isExposed, isPooled }: Connection): readonly StoreReport[] {
  return [
    ...(isExposed
      ? [
          {
            level: 'warn' as const,
            text: 'the database offers no TLS, and all of it goes over the network in plain text: sslmode=require refuses that, sslmode=disable says that it is meant',
          },
        ]
      : []),
    ...(isPooled
      ? [
          {
            level: 'info' as const,
            text: 'a pooler stands before the database: nothing is kept in its sessions. Set statement_timeout and lock_timeout for the role: see docs/postgres.md',
          },
        ]
      : []),
  ];
}

async function requireUnicode(connection: Connection): Promise<void> {
  const [row] = await connection.query({ text: 'SHOW server_encoding' });
  if (row?.server_encoding === 'UTF8') return;
  throw new StoreUnusable(
    `the database keeps text as ${row?.server_encoding}, which has no place for every name: make one with ENCODING 'UTF8'`,
  );
}

function codeOf(error: unknown): unknown {
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  return inner instanceof Error && 'code' in inner ? inner.code : undefined;
}

function reasonOf(error: unknown): string {
  const cause = error instanceof ConnectionLost ? error.cause : error;
  const message = (cause instanceof Error && cause.message) || String(codeOf(cause) ?? cause);
  switch (sqlState(cause) ?? codeOf(cause)) {
    case 'ECONNREFUSED':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'ETIMEDOUT':
      return `${message}. Nothing answers there: check host and port, and that the database runs`;
    case '28P01':
    case '28000':
      return `${message}. Check user and password of the URL, and the database's pg_hba.conf`;
    case '08P01':
      return `${message}. A pooler such as PgBouncer refuses it: leave it out, or name it in ignore_startup_parameters`;
    case '3D000':
      return `${message}. Make it with: createdb -E UTF8 NAME`;
    case '42501':
      return `${message}. Give the user the right to create tables, or run "latchkey migrate" as one who has it`;
    case '25006':
      return `${message}. This is a read-only server, such as a standby: name the primary`;
    default:
      return message;
  }
}
