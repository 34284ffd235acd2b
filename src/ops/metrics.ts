import { createCallMetrics } from './call-metrics.ts';
import { createLockMetrics, type LockMetrics } from './lock-metrics.ts';
import { callLimits, type Follower, type Measures, storeFailures } from './measures.ts';
import { Histogram, type Metric, product, Values } from './registry.ts';
import { createWebhookMetrics, type WebhookReadings } from './webhook-metrics.ts';

/** How a password check ended. */
const checkOutcomes = [
  'right',
  'wrong',
  'locked',
  'unknown_user',
  'not_possible',
  'address_failing',
  'overloaded',
  'failed',
] as const;
export type CheckOutcome = (typeof checkOutcomes)[number];
const devices = ['known', 'stranger'] as const;

/** What is asked of others whenever the metrics are read. */
export interface Readings {
  readonly isReady: boolean;
  /** Of the newest event; undefined where the database did not answer. */
  readonly position: number | undefined;
  readonly passwordsWaiting: number;
  /** Of the certificate that clients are shown; undefined where there is none. */
  readonly validity: { readonly from: Date; readonly to: Date } | undefined;
  /** undefined, too, where the database did not answer. */
  readonly webhooks: WebhookReadings | undefined;
}

/** All metrics of one server, but the process's own. */
export interface Metrics extends Measures {
  readonly all: readonly Metric[];
  readonly locks: Pick<LockMetrics, 'moves' | 'setLocked'>;
  passwordChecked(outcome: CheckOutcome, device: 'known' | 'stranger', startedMs: number): void;
  take(readings: Readings): void;
}

export interface Build {
  readonly version: string;
  readonly node: string;
  readonly store: 'sqlite' | 'postgres';
}

/** Makes every metric, at zero. */
export function createMetrics(build: Build): Metrics {
  const calls = createCallMetrics();
  const locks = createLockMetrics();
  const store = storeMetrics();
  const signIns = signInMetrics();
  const log = logMetrics();
  const webhooks = createWebhookMetrics();
  const certificate = certificateMetrics();
  const limited = new Values(
    'counter',
    { name: 'latchkey_calls_limited', help: 'Calls refused for coming too fast, by the limit.' },
    product({ limit: callLimits }),
  );
  const ready = new Values('gauge', { name: 'latchkey_ready', help: '1 where a call would be served now.' });
  const info = new Values('info', { name: 'latchkey_build', help: 'What runs.' }, [{ ...build }]);
  info.set(0, 1);
  return {
    ...calls,
    ...store.measures,
    moved: locks.moved,
    locks,
    follower: log.follower,
    callLimited: (limit) => limited.add(callLimits.indexOf(limit), 1),
    passwordChecked: signIns.checked,
    delivered: webhooks.delivered,
    all: [
      ...calls.metrics,
      ...locks.metrics,
      ...signIns.metrics,
      ...store.metrics,
      ...log.metrics,
      ...webhooks.metrics,
      ...certificate.metrics,
      limited,
      ready,
      info,
    ],
    take({ isReady, position, passwordsWaiting, webhooks: told, validity }) {
      ready.set(0, Number(isReady));
      signIns.waiting.set(0, passwordsWaiting);
      log.take(position);
      webhooks.take(told);
      certificate.take(validity);
    },
  };
}

function certificateMetrics() {
  const gauge = (name: string, help: string) => new Values('gauge', { name, help, unit: 'seconds' });
  const from = gauge(
    'latchkey_certificate_not_before_seconds',
    'When the validity of the certificate began that clients are shown, since 1970; only with TLS.',
  );
  const to = gauge(
    'latchkey_certificate_not_after_seconds',
    'When the validity of the certificate ends that clients are shown, since 1970; only with TLS.',
  );
  return {
    metrics: [from, to],
    take(validity: Readings['validity']) {
      from.set(0, validity === undefined ? Number.NaN : validity.from.getTime() / 1_000);
      to.set(0, validity === undefined ? Number.NaN : validity.to.getTime() / 1_000);
    },
  };
}

const checkSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

function signInMetrics() {
  const checks = new Values(
    'counter',
    {
      name: 'latchkey_password_checks',
      help: 'Passwords tried, by how it ended and whether the device is known.',
    },
    product({ outcome: checkOutcomes, device: devices }),
  );
  const seconds = new Histogram(
    {
      name: 'latchkey_password_check_seconds',
      help: 'How long a check took, its wait for a turn and a thread included.',
      unit: 'seconds',
    },
    { bounds: checkSeconds, rows: product({ device: devices }) },
  );
  const waiting = new Values('gauge', {
    name: 'latchkey_password_checks_waiting',
    help: 'Checks that wait for a thread.',
  });
  return {
    metrics: [checks, seconds, waiting],
    waiting,
    checked(outcome: CheckOutcome, device: 'known' | 'stranger', startedMs: number) {
      const row = devices.indexOf(device);
      checks.add(checkOutcomes.indexOf(outcome) * devices.length + row, 1);
      seconds.observe(row, (performance.now() - startedMs) / 1_000);
    },
  };
}

const batchSizes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
const commitSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

function storeMetrics() {
  const sizes = new Histogram(
    { name: 'latchkey_store_batch_changes', help: 'Changes that one commit held.' },
    { bounds: batchSizes },
  );
  const seconds = new Histogram(
    { name: 'latchkey_store_commit_seconds', help: 'How long commits took.', unit: 'seconds' },
    { bounds: commitSeconds },
  );
  const waiting = new Values('gauge', {
    name: 'latchkey_store_changes_waiting',
    help: 'Changes that wait for a commit.',
  });
  const failures = new Values(
    'counter',
    { name: 'latchkey_store_commit_failures', help: 'Commits that failed, by reason.' },
    product({ reason: storeFailures }),
  );
  const measures: Pick<Measures, 'committed' | 'commitFailed' | 'waiting'> = {
    committed(changes, startedMs) {
      sizes.observe(0, changes);
      seconds.observe(0, (performance.now() - startedMs) / 1_000);
    },
    commitFailed: (reason) => failures.add(storeFailures.indexOf(reason), 1),
    waiting: (changes) => waiting.set(0, changes),
  };
  return { metrics: [sizes, seconds, waiting, failures], measures };
}

function logMetrics() {
  const position = new Values('gauge', {
    name: 'latchkey_event_position',
    help: 'Position of the newest event.',
  });
  const followers = new Values('gauge', { name: 'latchkey_followers', help: 'Who follow the log.' });
  const lag = new Values('gauge', {
    name: 'latchkey_follower_lag_events',
    help: 'Events that the follower farthest behind has not taken.',
  });
  position.set(0, Number.NaN);
  const places = new Set<{ position: number }>();
  return {
    metrics: [position, followers, lag],
    follower(afterPosition: number): Follower {
      const place = { position: afterPosition };
      places.add(place);
      return {
        hasTaken(taken) {
          place.position = taken;
        },
        left: () => void places.delete(place),
      };
    },
    take(newest: number | undefined) {
      if (newest !== undefined) position.set(0, newest);
      followers.set(0, places.size);
      const behind = [...places].map((place) => (newest ?? place.position) - place.position);
      lag.set(0, Math.max(0, ...behind));
    },
  };
}
