import {
  type AttemptOutcome,
  attemptOutcomes,
  type PauseCause,
  type SubscriptionState,
} from '../domain/subscription.ts';
import type { DeliveryMeasures } from './measures.ts';
import { Histogram, type Metric, product, Values } from './registry.ts';

/** How subscriptions stand, as the database has them. */
export interface WebhookReadings {
  readonly counts: readonly {
    readonly state: SubscriptionState;
    readonly cause: PauseCause | undefined;
    readonly count: number;
  }[];
  /** Since the oldest event happened that an active one has not passed; 0: there is none. */
  readonly behindMs: number;
}

export interface WebhookMetrics extends DeliveryMeasures {
  readonly metrics: readonly Metric[];
  /** undefined: the database did not answer. */
  take(readings: WebhookReadings | undefined): void;
}

/** In which state a subscription may be, and why. No id and no URL is a label. */
const standings: readonly { readonly state: SubscriptionState; readonly cause: PauseCause | '' }[] = [
  { state: 'active', cause: '' },
  { state: 'paused', cause: 'asked' },
  { state: 'paused', cause: 'failed' },
  { state: 'paused', cause: 'owner' },
  { state: 'disabled', cause: 'gone' },
];

/** A try takes 15 s at most. */
const trySeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15];

/** What this server has told receivers, and how far all subscriptions of the database are. */
export function createWebhookMetrics(): WebhookMetrics {
  const deliveries = new Values(
    'counter',
    {
      name: 'latchkey_webhook_deliveries',
      help: 'Tries to tell a receiver of an event, by what came of it.',
    },
    product({ outcome: attemptOutcomes }),
  );
  const seconds = new Histogram(
    {
      name: 'latchkey_webhook_delivery_seconds',
      help: 'How long a try took, failed ones too.',
      unit: 'seconds',
    },
    { bounds: trySeconds },
  );
  const subscriptions = new Values(
    'gauge',
    { name: 'latchkey_webhook_subscriptions', help: 'Subscriptions, by state and by why they send nothing.' },
    standings,
  );
  const behind = new Values('gauge', {
    name: 'latchkey_webhook_behind_seconds',
    help: 'Age of the oldest event that an active subscription has not been told of.',
    unit: 'seconds',
  });
  const forget = (): void => {
    subscriptions.values.fill(Number.NaN);
    behind.set(0, Number.NaN);
  };
  forget();
  return {
    metrics: [deliveries, seconds, subscriptions, behind],
    delivered(outcome: AttemptOutcome, durationMs: number) {
      deliveries.add(attemptOutcomes.indexOf(outcome), 1);
      seconds.observe(0, durationMs / 1_000);
    },
    take(readings) {
      if (readings === undefined) return forget();
      const { counts, behindMs } = readings;
      for (const [row, standing] of standings.entries()) {
        const alike = counts.find(
          ({ state, cause = '' }) => state === standing.state && cause === standing.cause,
        );
        subscriptions.set(row, alike?.count ?? 0);
      }
      behind.set(0, behindMs / 1_000);
    },
  };
}
