import { randomInt } from 'node:crypto';
import pino, { type Logger } from 'pino';
import { openStore } from './store/open.ts';
import type * as OpenArchive from './store/open-archive.ts';
import { withoutPassword } from './store/postgres-url.ts';
import type { Store } from './store/store.ts';

export interface AppConfig {
  /** Path of the SQLite file, or postgres://… */
  readonly database: string;
  readonly databaseConnectionsMax?: number;
  readonly databaseTimeoutMs?: number;
  /** 'never': throw StoreUnusable where the schema is behind. Default 'auto'. */
  readonly migrate?: 'auto' | 'never';
  readonly passwordAttemptsMax: number;
  readonly logLevel: string;
}

/** All that the rooms share. */
export interface App extends AsyncDisposable {
  readonly store: Store;
  /** What the database is called in messages and logs: without its password. */
  readonly databaseName: string;
  /** Milliseconds since 1970, UTC. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly log: Logger;
  readonly passwordAttemptsMax: number;
}

/** Opens the store; the only place where one is made. Throws StoreUnusable. */
export async function openApp(config: AppConfig): Promise<App> {
  const { database, databaseConnectionsMax, databaseTimeoutMs, migrate } = config;
  const store = await openStore({
    database,
    migrateNot: migrate === 'never',
    ...(databaseConnectionsMax !== undefined && { connectionsMax: databaseConnectionsMax }),
    ...(databaseTimeoutMs !== undefined && { timeoutMs: databaseTimeoutMs }),
  });
  return {
    store,
    databaseName: withoutPassword(database),
    now: Date.now,
    newId: createIds(Date.now, randomInt(idsPerMs)),
    // To stderr: stdout belongs to what a command prints.
    log: pino({ level: config.logLevel, base: null }, pino.destination({ fd: 2, sync: true })),
    passwordAttemptsMax: config.passwordAttemptsMax,
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

const idsPerMs = 1_000_000;

/**
 * Ids: 19 decimal digits, thirteen of the millisecond and six of a count that starts anywhere: they sort by time, fit
 * 64 bits, and two servers meet only by a one-in-a-million chance within one millisecond, which the store then refuses.
 */
export function createIds(now: () => number, start: number): () => string {
  let count = start;
  return () => {
    count = (count + 1) % idsPerMs;
    return `${now()}${String(count + idsPerMs).slice(1)}`;
  };
}

/** The rooms of the archive are loaded when asked for: a server starts without them. */
const archives = () => import('./store/open-archive.ts');

/** All that the database holds, at this moment. Throws StoreUnusable. */
export const openArchive: typeof OpenArchive.openArchive = async (database) =>
  (await archives()).openArchive(database);

/** The database to be filled, made where it is a file that is not there. Throws StoreUnusable, StoreNotEmpty. */
export const openRestoration: typeof OpenArchive.openRestoration = async (database) =>
  (await archives()).openRestoration(database);

/** Copies the embedded database while others serve it. Throws StoreUnusable. */
export const backUp: typeof OpenArchive.backUp = async (options) => (await archives()).backUp(options);

/** What the database is called in messages and logs: without its password. */
export const databaseNameOf = withoutPassword;
