import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  AttemptOutcome,
  type AttemptSchema,
  PauseCause,
  type SubscriptionSchema,
  SubscriptionState,
} from '../../../gen/es/latchkey/v1/subscription_pb.js';
import type {
  Attempt,
  PauseCause as DomainCause,
  AttemptOutcome as DomainOutcome,
  SubscriptionState as DomainState,
  Subscription,
} from '../../domain/subscription.ts';
import { timestampOf } from './details.ts';

const states = {
  active: SubscriptionState.ACTIVE,
  paused: SubscriptionState.PAUSED,
  disabled: SubscriptionState.DISABLED,
} as const satisfies Record<DomainState, SubscriptionState>;

const causes = {
  asked: PauseCause.ASKED,
  failed: PauseCause.FAILED,
  gone: PauseCause.GONE,
  owner: PauseCause.OWNER,
} as const satisfies Record<DomainCause, PauseCause>;

const outcomes = {
  delivered: AttemptOutcome.DELIVERED,
  refused: AttemptOutcome.REFUSED,
  timeout: AttemptOutcome.TIMEOUT,
  unreachable: AttemptOutcome.UNREACHABLE,
  name_unknown: AttemptOutcome.NAME_UNKNOWN,
  not_allowed: AttemptOutcome.NOT_ALLOWED,
  tls_failed: AttemptOutcome.TLS_FAILED,
  invalid_answer: AttemptOutcome.INVALID_ANSWER,
} as const satisfies Record<DomainOutcome, AttemptOutcome>;

/** As its owner is shown it at this time. The position stays here: it counts the events of all. */
export function subscriptionMessage(
  subscription: Subscription,
  nowMs: number,
): MessageInitShape<typeof SubscriptionSchema> {
  const { subscriptionId, ownerUserId, url, description, cause, lastDeliveredAt, nextTryAt } = subscription;
  const { previousSecretUntil } = subscription;
  return {
    subscriptionId,
    organizationId: subscription.organizationId ?? '',
    ownerUserId,
    url,
    description,
    eventTypes: [...subscription.eventTypes],
    state: states[subscription.state],
    ...(cause && { pauseCause: causes[cause] }),
    creationDate: timestampOf(subscription.createdAt),
    changeDate: timestampOf(subscription.changedAt),
    ...(previousSecretUntil > nowMs && { previousSecretUntil: timestampOf(previousSecretUntil) }),
    ...(lastDeliveredAt !== undefined && { lastDelivered: timestampOf(lastDeliveredAt) }),
    failedTries: subscription.tries,
    ...(nextTryAt > nowMs && { nextTry: timestampOf(nextTryAt) }),
  };
}

export function attemptMessage(attempt: Attempt): MessageInitShape<typeof AttemptSchema> {
  const { at, messageId, eventType, nth, outcome, code, durationMs } = attempt;
  const seconds = Math.floor(durationMs / 1_000);
  const duration = { seconds: BigInt(seconds), nanos: (durationMs % 1_000) * 1_000_000 };
  return {
    time: timestampOf(at),
    messageId,
    eventType,
    nth,
    outcome: outcomes[outcome],
    status: code,
    duration,
  };
}
