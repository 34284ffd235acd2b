import type { OrganizationId } from '../../domain/ids.ts';
import type { Subscription } from '../../domain/subscription.ts';
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
