import type { StoreMeasures } from '../ops/measures.ts';
import { kindOf } from './database.ts';
import type { PostgresEnvironment } from './postgres/connect/parameters.ts';
import { openSqlite } from './sqlite/sqlite.ts';
import type { Store, StoreReport } from './store.ts';

export interface StoreOptions {
  /** postgres://… or the path of a SQLite file. */
  readonly database: string;
  /** PostgreSQL alone; see PostgresOptions. */
  readonly connectionsMax?: number;
  /** libpq's variables. Default: none. */
  readonly environment?: PostgresEnvironment;
  /** How long a statement may take (PostgreSQL), or wait for another process's write (SQLite). */
  readonly timeoutMs?: number;
  /** Throw where the schema is behind instead of migrating. Default false. */
  readonly migrateNot?: boolean;
  /** Migrate a file without keeping a copy of it. Default false. */
  readonly copyNot?: boolean;
  /** This machine's clock, milliseconds since 1970. Default Date.now. */
  readonly localNow?: () => number;
  /** Hears of what no call answers; default: nobody does. */
  readonly onReport?: (report: StoreReport) => void;
  /** Told of commits and of moved users. Default: nobody is. */
  readonly measures?: StoreMeasures;
  /** SQLite: start the thread that writes, and that watches the file, with the first write or question whether the store is ready: for a moment's command, which may only read. Default false. */
  readonly startsLate?: boolean;
}

/** Opens the store that `database` names. Throws StoreUnusable. */
export async function openStore({ database, timeoutMs, ...options }: StoreOptions): Promise<Store> {
  if (kindOf(database) === 'postgres') {
    // Loaded where it is asked for: a server on the embedded file starts without its packages.
    const { openPostgres } = await import('./postgres/postgres.ts');
    return openPostgres({ ...options, url: database, ...(timeoutMs !== undefined && { timeoutMs }) });
  }
  return openSqlite({
    ...options,
    path: database,
    ...(timeoutMs !== undefined && { busyTimeoutMs: timeoutMs }),
  });
}
