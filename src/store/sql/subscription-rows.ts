import type { OrganizationId } from '../../domain/ids.ts';
import type { PauseCause, Subscription, SubscriptionState } from '../../domain/subscription.ts';
import type { SubscriptionCount } from '../subscription-store.ts';
import type { Row } from './rows.ts';

/** What a subscription is found by, and itself as JSON: in the order of subscriptionValues. */
export const subscriptionColumns =
  'subscription_id, sequence, organization_id, state, held_until, next_try_at, created_at, document';

export function subscriptionValues(subscription: Subscription): readonly (string | number | null)[] {
  const { subscriptionId, sequence, organizationId = null, state } = subscription;
  const { heldUntil, nextTryAt, createdAt } = subscription;
  const document = JSON.stringify(subscription);
  return [subscriptionId, sequence, organizationId, state, heldUntil, nextTryAt, createdAt, document];
}

/** A row that has the column document. */
export function parseSubscription({ document }: Row): Subscription {
  type Stored = Omit<Subscription, 'organizationId'> & { readonly organizationId?: OrganizationId };
  const stored = JSON.parse(document as string) as Stored;
  return { ...stored, organizationId: stored.organizationId };
}

/** Counts by the cause and the position that the database reads out of `document`. */
export function subscriptionsByState(cause: string, position: string): string {
  return `SELECT state, ${cause} AS cause, count(*) AS count, min(${position}) AS position FROM subscriptions GROUP BY 1, 2`;
}

/** A row that subscriptionsByState answered. */
export function parseSubscriptionCount({ state, cause, count, position }: Row): SubscriptionCount {
  return {
    state: state as SubscriptionState,
    cause: (cause as PauseCause | null) ?? undefined,
    count: Number(count),
    position: Number(position),
  };
}
