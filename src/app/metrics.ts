import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '../domain/errors.ts';
import { startMetricsListener } from '../ops/listener.ts';
import { type CheckOutcome, createMetrics, type Metrics, type Readings } from '../ops/metrics.ts';
import { watchProcess } from '../ops/process-metrics.ts';
import type { WebhookReadings } from '../ops/webhook-metrics.ts';
import { newestPosition } from '../queries/newest-position.ts';
import { passwordsWaiting } from '../sign-in/hash-threads.ts';
import type { EndedCheck } from '../sign-in/sign-ins.ts';
import { isPostgresUrl } from '../store/postgres/connect/url.ts';
import type { Store } from '../store/store.ts';
import { readVersion } from './version.ts';

/** The metrics of a server on this database, at zero. */
export function metricsFor(database: string): Metrics {
  return createMetrics({
    version: readVersion(),
    node: process.versions.node,
    store: isPostgresUrl(database) ? 'postgres' : 'sqlite',
  });
}

/** Counts how a check of a password ended. */
export function countCheck(metrics: Metrics, { error, isKnownDevice, startedMs }: EndedCheck): void {
  metrics.passwordChecked(outcomeOf(error), isKnownDevice ? 'known' : 'stranger', startedMs);
}

function outcomeOf(error: unknown): CheckOutcome {
  if (error === undefined) return 'right';
  switch (error instanceof DomainError ? error.error : undefined) {
    case 'passwordWrong':
      return 'wrong';
    case 'signInLocked':
      return 'locked';
    case 'userNotFound':
      return 'unknown_user';
    case 'signInNotActive':
    case 'passwordNotSet':
    case 'passwordOfMachine':
      return 'not_possible';
    case 'addressFailing':
      return 'address_failing';
    case 'overloaded':
      return 'overloaded';
    default:
      return 'failed';
  }
}

/** What is read whenever somebody reads the metrics. */
export interface MeteredApp {
  readonly metrics: Metrics;
  readonly store: Pick<Store, 'listOrganizations' | 'countLocked' | 'countSubscriptions' | 'listEvents'>;
  readonly now: () => number;
  readonly isReady: () => Promise<boolean>;
  /** Of the certificate that clients are shown; undefined where there is none. */
  readonly validity: () => Readings['validity'];
  /** Hears of what could not be counted. */
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** A database that does not answer must not keep the metrics from being read. */
const readingMsMax = 2_000;

/** Serves the app's metrics at this address until disposed. Rejects where the address is taken. */
export async function serveMetrics(
  app: MeteredApp,
  at: { readonly host: string; readonly port: number },
): Promise<AsyncDisposable & { readonly url: string }> {
  await using resources = new AsyncDisposableStack();
  const own = resources.use(watchProcess());
  const counting = resources.use(countLocked(app));
  const listener = resources.use(
    await startMetricsListener({
      ...at,
      metrics: [...app.metrics.all, ...own.metrics],
      async refresh() {
        const [isReady, position, webhooks] = await Promise.all([
          within(app.isReady()),
          within(newestPosition(app)),
          within(webhooksOf(app)),
          own.refresh(),
          within(counting.first),
        ]);
        const known = { isReady: isReady ?? false, position, webhooks, validity: app.validity() };
        app.metrics.take({ ...known, passwordsWaiting: passwordsWaiting() });
      },
      // Two addresses are listened on: which one is taken is to be told.
    }).catch((error: Error) => Promise.reject(Object.assign(error, { setting: 'metrics-listen' }))),
  );
  const whole = resources.move();
  return { url: listener.url, [Symbol.asyncDispose]: () => whole.disposeAsync() };
}

async function webhooksOf({ store, now }: MeteredApp): Promise<WebhookReadings> {
  const counts = await store.countSubscriptions();
  const active = counts.find(({ state }) => state === 'active');
  if (active === undefined) return { counts, behindMs: 0 };
  const [next] = await store.listEvents({ afterPosition: active.position, limit: 1 });
  return { counts, behindMs: next === undefined ? 0 : Math.max(0, now() - next.createdAt) };
}

/** undefined: it failed, or took too long. */
async function within<Value>(asked: Promise<Value>): Promise<Value | undefined> {
  const limit = new AbortController();
  const late = delay(readingMsMax, undefined, { signal: limit.signal }).catch(() => undefined);
  try {
    return await Promise.race([asked.catch(() => undefined), late]);
  } finally {
    limit.abort();
  }
}

/** The count looks at every user, so it takes a hundredth of the time at most, and never comes more often than this. */
const countPauseMsMin = 60_000;
const pausePerCount = 100;

/**
 * Counts who is locked once, and now and then again, since other servers and the command line lock as well. In between
 * the gauge is moved by what this server writes itself. What it wrote during a count may be in it or not: then the next
 * count follows soon.
 */
function countLocked({ metrics: { locks }, store, log }: MeteredApp): Disposable & { first: Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const count = async () => {
    const [movesBefore, startedMs] = [locks.moves, performance.now()];
    try {
      locks.setLocked(await store.countLocked());
    } catch (cause) {
      log('metrics.locked-users-not-counted', { cause });
    }
    const isSettled = locks.moves === movesBefore;
    const pauseMs = (performance.now() - startedMs) * pausePerCount;
    const waitMs = isSettled ? Math.max(countPauseMsMin, pauseMs) : Math.max(1_000, pauseMs);
    if (!isClosed) timer = setTimeout(() => void count(), waitMs).unref();
  };
  return {
    first: count(),
    [Symbol.dispose]() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
