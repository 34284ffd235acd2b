import type { App } from '../../app/app.ts';
import type { Caller } from '../../auth/caller.ts';
import {
  createSubscription,
  deleteSubscription,
  pauseSubscription,
  resumeSubscription,
  testSubscription,
  updateSubscription,
} from '../../commands/subscriptions.ts';
import { parseOrganizationId } from '../../domain/ids.ts';
import type { Attempt, Subscription } from '../../domain/subscription.ts';
import { getSubscription, listAttempts, listSubscriptions } from '../../queries/subscriptions.ts';
import type { AttemptRow, HookBackend, HookRow } from '../hook-backend.ts';
import { checkLengths } from './lengths.ts';
import { pageRequest, timeText } from './rows.ts';

/** Subscriptions of the database itself. Any server of it delivers them. */
export function localHooks(app: App, caller: Caller): HookBackend {
  const row = (subscription: Subscription) => hookRow(subscription, app.now());
  return {
    async createHook({ organizationId, ...content }) {
      checkLengths({ url: [content.url, 1, 2_000], description: [content.description, 0, 200] });
      const within = organizationId === undefined ? undefined : parseOrganizationId(organizationId);
      const made = await createSubscription(app, caller, { organizationId: within, ...content });
      return { ...row(made.subscription), secret: made.secret };
    },
    async listHooks(page) {
      const { rows, total } = await listSubscriptions(app, caller, pageRequest(page));
      return { rows: rows.map(row), total };
    },
    getHook: async (subscriptionId) => row(await getSubscription(app, caller, subscriptionId)),
    async updateHook({ rotate, ...change }) {
      checkLengths({ url: [change.url, 1, 2_000], description: [change.description, 0, 200] });
      const newSecret = rotate && { previousForMs: rotate.keepPreviousForSeconds * 1_000 };
      const { subscription, secret } = await updateSubscription(app, caller, {
        ...change,
        ...(newSecret && { newSecret }),
      });
      return { ...row(subscription), ...(secret !== undefined && { secret }) };
    },
    deleteHook: async (subscriptionId) => timeText(await deleteSubscription(app, caller, subscriptionId)),
    pauseHook: async (subscriptionId) => row(await pauseSubscription(app, caller, subscriptionId)),
    resumeHook: async (subscriptionId) => row(await resumeSubscription(app, caller, subscriptionId)),
    testHook: async (subscriptionId) => attemptRow(await testSubscription(app, caller, subscriptionId)),
    listAttempts: async (subscriptionId) => (await listAttempts(app, caller, subscriptionId)).map(attemptRow),
  };
}

function hookRow(subscription: Subscription, nowMs: number): HookRow {
  const { subscriptionId, organizationId, ownerUserId, url, description, eventTypes, state } = subscription;
  const { cause, previousSecretUntil, lastDeliveredAt, tries, nextTryAt } = subscription;
  return {
    subscriptionId,
    ...(organizationId !== undefined && { organizationId }),
    ownerUserId,
    url,
    ...(description !== '' && { description }),
    eventTypes,
    state,
    ...(cause !== undefined && { pauseCause: cause }),
    creationDate: timeText(subscription.createdAt),
    changeDate: timeText(subscription.changedAt),
    ...(previousSecretUntil > nowMs && { previousSecretUntil: timeText(previousSecretUntil) }),
    ...(lastDeliveredAt !== undefined && { lastDelivered: timeText(lastDeliveredAt) }),
    failedTries: tries,
    ...(nextTryAt > nowMs && { nextTry: timeText(nextTryAt) }),
  };
}

function attemptRow({ at, code, ...attempt }: Attempt): AttemptRow {
  const { messageId, eventType, nth, outcome, durationMs } = attempt;
  return {
    time: timeText(at),
    messageId,
    eventType,
    nth,
    outcome,
    ...(code !== 0 && { status: code }),
    durationMs,
  };
}
