import type { Page, Scope } from '../domain/filter.ts';
import type { PauseCause, Subscription, SubscriptionState } from '../domain/subscription.ts';
import type { Listed } from './records.ts';

/** What the memory holds of subscriptions. They are no history: their rows have no events. */
export interface SubscriptionStore {
  addSubscription(subscription: Subscription): Promise<void>;
  loadSubscription(subscriptionId: string): Promise<Subscription | undefined>;
  /**
   * Compare-and-set on `before.sequence`, which `after` has counted on; false: it moved or is gone. `after` undefined deletes.
   */
  changeSubscription(before: Subscription, after: Subscription | undefined): Promise<boolean>;
  listSubscriptions(query: ListSubscriptions): Promise<Pick<Listed<Subscription>, 'rows' | 'total'>>;
  /** Active ones that no server delivers by then, whoever waited longest first. */
  listSubscriptionsFree(nowMs: number, limit: number): Promise<readonly Subscription[]>;
  /** How many there are of each state and cause that any has; looks at every one. */
  countSubscriptions(): Promise<readonly SubscriptionCount[]>;
}

/** Subscriptions that stand alike. */
export interface SubscriptionCount {
  readonly state: SubscriptionState;
  readonly cause: PauseCause | undefined;
  readonly count: number;
  /** Of the one that is farthest behind. */
  readonly position: number;
}

/** By their time of creation. The scope is about what they are limited to; those that are not are for 'all' alone. */
export interface ListSubscriptions {
  readonly scope: Scope;
  readonly page: Page;
}

/** Longer than any server holds one without saying so again: one that ends later is of a clock that ran ahead. */
export const holdMsMax = 120_000;

/** Longer than any wait between two tries: one that ends later is of a clock that ran ahead, and over. */
export const tryAheadMs = 172_800_000;
