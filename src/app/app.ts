import { randomInt } from 'node:crypto';
import { attemptMsDefault } from '../commands/attempts/settle.ts';
import type { HookSender } from '../commands/subscriptions.ts';
import { type Measures, type Tracer, unmeasured } from '../ops/measures.ts';
import type { Metrics } from '../ops/metrics.ts';
import type { TracingConfig } from '../ops/tracing.ts';
import { type Allowed, parseAllowed } from '../outbound/allowed.ts';
import { createOutbound, type Outbound } from '../outbound/outbound.ts';
import { importedCostMaxDefault } from '../sign-in/bounds.ts';
import { setPasswordShare, setPasswordThreads } from '../sign-in/hash-threads.ts';
import { createSignIns, type SignIns } from '../sign-in/sign-ins.ts';
import { databaseNameOf } from '../store/database.ts';
import { withLockEnds } from '../store/lock-ends.ts';
import { openStore } from '../store/open.ts';
import type * as OpenArchive from '../store/open-archive.ts';
import type { Archive, Mended, Restoration, Store, StoreReport } from '../store/store.ts';
import { withSpans } from '../store/traced.ts';
import { createHooks } from '../webhooks/hooks.ts';
import { readDatabaseEnvironment } from './config.ts';
import type { ListenAddress } from './listen-address.ts';
import { type Log, type Logger, silentLog } from './log/logger.ts';
import type { LogFormat } from './log/text.ts';
import { withStateLog } from './state-log.ts';
import { readVersion } from './version.ts';

export { databaseNameOf } from '../store/database.ts';

export interface AppConfig {
  /** Path of the SQLite file, or postgres://… */
  readonly database: string;
  readonly databaseConnectionsMax?: number;
  readonly databaseTimeoutMs?: number;
  /** 'never': throw StoreUnusable where the schema is behind. Default: what LATCHKEY_MIGRATE says, else 'auto'. */
  readonly migrate?: 'auto' | 'never';
  /** Default: what LATCHKEY_MIGRATE_BACKUP says, else 'beside'. */
  readonly migrateBackup?: 'beside' | 'nowhere';
  /** For a command of a moment, which may only read: see StoreOptions. */
  readonly startsLate?: boolean;
  /** Hears of what the log is told of the store, too. */
  readonly onReport?: (report: StoreReport) => void;
  readonly passwordAttemptsMax: number;
  /** In units of a hash of our own. Default 8. */
  readonly importedHashCostMax?: number;
  /** Default: as many as there are processors. */
  readonly passwordThreads?: number | undefined;
  /** See setPasswordShare. Default 25. */
  readonly passwordSharePercent?: number;
  /** How long an attempt of an application's may last, in milliseconds. Default 30 s. */
  readonly attemptMs?: number;
  /** How long what became of each user of a run is kept, in milliseconds; 0, the default: always. */
  readonly runItemsMs?: number;
  readonly logLevel: string;
  readonly logFormat?: LogFormat;
  /** Where metrics are to be read; undefined: nowhere, and nothing is counted. */
  readonly metricsListen?: ListenAddress | undefined;
  /** Where spans go; undefined: no call is followed. */
  readonly tracing?: TracingConfig | undefined;
  /** Where else the server may connect to. Default: nowhere. */
  readonly outboundAllowed?: Allowed;
  /** Whose certificates it believes there beside the public ones (PEM). */
  readonly outboundAuthorities?: readonly string[];
}

/** All that the rooms share. */
export interface App extends AsyncDisposable {
  /** No lock in it outlives its end: see store/lock-ends.ts. */
  readonly store: Store;
  /** What the database is called in messages and logs: without its password. */
  readonly databaseName: string;
  /** Milliseconds since 1970, UTC, by the clock that all servers of the database share. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly log: Logger;
  readonly passwordAttemptsMax: number;
  readonly importedHashCostMax: number;
  readonly attemptMs: number;
  readonly runItemsMs: number;
  readonly signIns: SignIns;
  readonly outbound: Outbound;
  readonly hooks: HookSender;
  /** Resolves, with why, where the store needs a process that is started anew. */
  readonly failed: Promise<string>;
  /** undefined: nobody reads them. */
  readonly metrics: Metrics | undefined;
  readonly measures: Measures;
  /** undefined: no call is followed. */
  readonly tracer: Tracer | undefined;
}

/** Loaded where somebody reads them: a server, or a command, without starts without. */
const loadLog = () => import('./log/open.ts');
const loadMetrics = () => import('./metrics.ts');
const loadTracing = () => import('../ops/tracing.ts');

async function openTracer(config: TracingConfig, outbound: Outbound) {
  const { createTracer } = await loadTracing();
  return createTracer(config, { version: readVersion(), agent: outbound.wayTo([config.url]).agent });
}

/** Times that a test decides on. */
export interface AppClocks {
  /** This machine's clock, which the database's corrects. Default Date.now. */
  readonly localNow?: () => number;
  /** The time itself, whatever the database says. */
  readonly now?: () => number;
}

/** Opens the store; the only place where one is made. Throws StoreUnusable. */
export async function openApp(config: AppConfig, clocks: AppClocks = {}): Promise<App> {
  const { localNow = Date.now } = clocks;
  const { database, databaseConnectionsMax, databaseTimeoutMs, migrate, migrateBackup } = config;
  await using resources = new AsyncDisposableStack();
  const outbound = outboundOf(config);
  const tracer = config.tracing && (await openTracer(config.tracing, outbound));
  const { logger: log, tell } = resources.use(await logOf(config, tracer?.logFields));
  if (tracer !== undefined) resources.use(tracer);
  const failed = Promise.withResolvers<string>();
  const metered = config.metricsListen && (await loadMetrics());
  const metrics = metered?.metricsFor(database);
  const measures = metrics ?? unmeasured;
  const { environment, migrateNot, copyNot } = readDatabaseEnvironment();
  const opened = await openStore({
    database,
    measures,
    localNow,
    environment,
    onReport(report) {
      const { level, text } = report;
      config.onReport?.(report);
      log[level]({}, text);
      if (level === 'fatal') failed.resolve(text);
    },
    migrateNot: migrate === undefined ? migrateNot : migrate === 'never',
    startsLate: config.startsLate ?? false,
    copyNot: migrateBackup === undefined ? copyNot : migrateBackup === 'nowhere',
    ...(databaseConnectionsMax !== undefined && { connectionsMax: databaseConnectionsMax }),
    ...(databaseTimeoutMs !== undefined && { timeoutMs: databaseTimeoutMs }),
  });
  const now = clocks.now ?? (() => localNow() + opened.clockOffsetMs());
  const newId = createIds(Date.now, randomInt(idsPerMs));
  const told = withStateLog(
    tracer ? withSpans(opened, tracer) : opened,
    log.isLevelEnabled('info') ? tell : undefined,
  );
  const store = resources.use(withLockEnds(told, { now, newId }));
  boundPasswords(config);
  const hooks = createHooks({ store, now, newId, way: outbound.wayTo([]) });
  const all = resources.move();
  return {
    store,
    databaseName: databaseNameOf(database),
    now,
    newId,
    log,
    outbound,
    hooks,
    failed: failed.promise,
    ...limitsOf(config),
    signIns: createSignIns({
      ...(metrics && { tell: (check) => metered?.countCheck(metrics, check) }),
      ...(tracer && { within: tracer.span }),
    }),
    metrics,
    measures,
    tracer,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function logOf(config: AppConfig, mixin: (() => object) | undefined): Promise<Log> {
  if (config.logLevel === 'silent') return silentLog;
  return (await loadLog()).openLog(config, mixin);
}

function boundPasswords({ passwordThreads, passwordSharePercent }: AppConfig): void {
  if (passwordThreads !== undefined) setPasswordThreads(passwordThreads);
  if (passwordSharePercent !== undefined) setPasswordShare(passwordSharePercent);
}

function outboundOf({ outboundAllowed, outboundAuthorities: authorities = [] }: AppConfig): Outbound {
  return createOutbound(outboundAllowed ?? parseAllowed([]), { authorities });
}

type Limits = 'passwordAttemptsMax' | 'importedHashCostMax' | 'attemptMs' | 'runItemsMs';

function limitsOf(config: AppConfig): Pick<App, Limits> {
  return {
    passwordAttemptsMax: config.passwordAttemptsMax,
    importedHashCostMax: config.importedHashCostMax ?? importedCostMaxDefault,
    attemptMs: config.attemptMs ?? attemptMsDefault,
    runItemsMs: config.runItemsMs ?? 0,
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
const archives = () => import('../store/open-archive.ts');

/** All that the database holds, at this moment; nothing is changed in it. Throws StoreUnusable. */
export const openArchive = async (database: string): Promise<Archive> =>
  (await archives()).openArchive(database, readDatabaseEnvironment());

/** Mends what can be mended of what older versions wrote; nobody may serve a file meanwhile. Throws StoreUnusable. */
export const repair = async (database: string): Promise<Mended> =>
  (await archives()).repair(database, readDatabaseEnvironment());

/** The database to be filled, made where it is a file that is not there. Throws StoreUnusable, StoreNotEmpty. */
export const openRestoration = async (database: string): Promise<Restoration> =>
  (await archives()).openRestoration(database, readDatabaseEnvironment());

/** Copies the embedded database while others serve it. Throws StoreUnusable. */
export const backUp: typeof OpenArchive.backUp = async (options) => (await archives()).backUp(options);
