import {
  type Attempt,
  AttemptOutcome,
  SubscriptionServiceService as hooks,
  PauseCause,
  type Subscription,
  SubscriptionState,
} from '../../../gen/grpc-js/latchkey/v1/subscription.ts';
import type {
  PauseCause as DomainCause,
  AttemptOutcome as DomainOutcome,
  SubscriptionState as DomainState,
} from '../../domain/subscription.ts';
import type { AttemptRow, HookBackend, HookRow } from '../hook-backend.ts';
import type { Connection } from './call.ts';
import { listQuery } from './request.ts';
import { nameOf, promised, timeText } from './rows.ts';

/** Subscriptions of a server. */
export function remoteHooks({ call }: Connection): HookBackend {
  return {
    async createHook({ organizationId, url, description, eventTypes }) {
      const request = { organizationId, url, description, eventTypes: [...eventTypes] };
      const { subscription, secret } = await call(hooks.createSubscription, request);
      return { ...hookRow(subscription), secret };
    },
    async listHooks(page) {
      const found = await call(hooks.listSubscriptions, { query: listQuery(page) });
      const { subscriptions, details } = found;
      const rows = subscriptions.map(hookRow);
      return { rows, total: Number(details?.totalResult ?? rows.length) };
    },
    getHook: async (subscriptionId) =>
      hookRow((await call(hooks.getSubscription, { subscriptionId })).subscription),
    async updateHook({ subscriptionId, url, description, eventTypes, rotate }) {
      const { subscription, secret } = await call(hooks.updateSubscription, {
        ...{ subscriptionId, url, description, rotateSecret: rotate !== undefined },
        eventTypes: eventTypes && { names: [...eventTypes] },
        keepPreviousFor: rotate && { seconds: BigInt(rotate.keepPreviousForSeconds), nanos: 0 },
      });
      return { ...hookRow(subscription), ...(secret !== '' && { secret }) };
    },
    deleteHook: async (subscriptionId) =>
      timeText((await call(hooks.deleteSubscription, { subscriptionId })).deletionDate),
    pauseHook: async (subscriptionId) =>
      hookRow((await call(hooks.pauseSubscription, { subscriptionId })).subscription),
    resumeHook: async (subscriptionId) =>
      hookRow((await call(hooks.resumeSubscription, { subscriptionId })).subscription),
    testHook: async (subscriptionId) =>
      attemptRow(promised((await call(hooks.testSubscription, { subscriptionId })).attempt, 'attempt')),
    listAttempts: async (subscriptionId) =>
      (await call(hooks.listAttempts, { subscriptionId })).attempts.map(attemptRow),
  };
}

const states: Readonly<Record<DomainState, SubscriptionState>> = {
  active: SubscriptionState.SUBSCRIPTION_STATE_ACTIVE,
  paused: SubscriptionState.SUBSCRIPTION_STATE_PAUSED,
  disabled: SubscriptionState.SUBSCRIPTION_STATE_DISABLED,
};
const causes: Readonly<Record<DomainCause, PauseCause>> = {
  asked: PauseCause.PAUSE_CAUSE_ASKED,
  failed: PauseCause.PAUSE_CAUSE_FAILED,
  gone: PauseCause.PAUSE_CAUSE_GONE,
  owner: PauseCause.PAUSE_CAUSE_OWNER,
};
const outcomes: Readonly<Record<DomainOutcome, AttemptOutcome>> = {
  delivered: AttemptOutcome.ATTEMPT_OUTCOME_DELIVERED,
  refused: AttemptOutcome.ATTEMPT_OUTCOME_REFUSED,
  timeout: AttemptOutcome.ATTEMPT_OUTCOME_TIMEOUT,
  unreachable: AttemptOutcome.ATTEMPT_OUTCOME_UNREACHABLE,
  name_unknown: AttemptOutcome.ATTEMPT_OUTCOME_NAME_UNKNOWN,
  not_allowed: AttemptOutcome.ATTEMPT_OUTCOME_NOT_ALLOWED,
  tls_failed: AttemptOutcome.ATTEMPT_OUTCOME_TLS_FAILED,
  invalid_answer: AttemptOutcome.ATTEMPT_OUTCOME_INVALID_ANSWER,
};

const known = <Name extends string>(numbers: Readonly<Record<Name, number>>, number: number): Name =>
  promised(nameOf(numbers, number), 'known value');

// The wire says empty where there is nothing.
function hookRow(sent: Subscription | undefined): HookRow {
  const hook = promised(sent, 'subscription');
  const { subscriptionId, organizationId, ownerUserId, url, description, eventTypes, pauseCause } = hook;
  const { previousSecretUntil, lastDelivered, failedTries, nextTry } = hook;
  return {
    subscriptionId,
    ...(organizationId !== '' && { organizationId }),
    ownerUserId,
    url,
    ...(description !== '' && { description }),
    eventTypes,
    state: known(states, hook.state),
    ...(pauseCause !== PauseCause.PAUSE_CAUSE_UNSPECIFIED && { pauseCause: known(causes, pauseCause) }),
    creationDate: timeText(hook.creationDate),
    changeDate: timeText(hook.changeDate),
    ...(previousSecretUntil && { previousSecretUntil: timeText(previousSecretUntil) }),
    ...(lastDelivered && { lastDelivered: timeText(lastDelivered) }),
    failedTries,
    ...(nextTry && { nextTry: timeText(nextTry) }),
  };
}

function attemptRow({ time, messageId, eventType, nth, outcome, status, duration }: Attempt): AttemptRow {
  const { seconds, nanos } = promised(duration, 'duration');
  return {
    time: timeText(time),
    messageId,
    eventType,
    nth,
    outcome: known(outcomes, outcome),
    ...(status !== 0 && { status }),
    durationMs: Number(seconds) * 1_000 + Math.round(nanos / 1_000_000),
  };
}
