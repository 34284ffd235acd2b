import { type ErrorEntry, entry } from './error-entry.ts';

/** The part of the table in errors.ts that is about subscriptions. */
export const subscriptionErrors = {
  subscriptionNotFound: entry(
    'not_found',
    'LATCH-subscrno',
    'SUBSCRIPTION_NOT_FOUND',
    'Subscription could not be found',
  ),
  subscriptionOwnerless: entry(
    'failed_precondition',
    'LATCH-subsown0',
    'SUBSCRIPTION_OWNERLESS',
    'A subscription reads by the rights of a user of this server: please use a personal access token',
  ),
  subscriptionsTooMany: entry(
    'resource_exhausted',
    'LATCH-subsmany',
    'SUBSCRIPTIONS_TOO_MANY',
    'There are as many subscriptions as there may be, please delete one that is not needed',
  ),
  subscriptionPausedAlready: entry(
    'failed_precondition',
    'LATCH-subspaus',
    'SUBSCRIPTION_NOT_ACTIVE',
    'Subscription is not active',
  ),
  subscriptionActiveAlready: entry(
    'failed_precondition',
    'LATCH-subsact1',
    'SUBSCRIPTION_ACTIVE',
    'Subscription is active already',
  ),
} as const satisfies Record<string, ErrorEntry>;
