import type { Duration } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import type {
  SubscriptionService,
  UpdateSubscriptionRequest,
} from '../../gen/es/latchkey/v1/subscription_pb.js';
import {
  createSubscription,
  deleteSubscription,
  pauseSubscription,
  resumeSubscription,
  type SubscriptionApp,
  type SubscriptionChange,
  testSubscription,
  updateSubscription,
} from '../commands/subscriptions.ts';
import { parseOrganizationId } from '../domain/ids.ts';
import { getSubscription, listAttempts, listSubscriptions } from '../queries/subscriptions.ts';
import { timestampOf } from './convert/details.ts';
import { invalidField, listDetailsOf, pageOf } from './convert/list.ts';
import { attemptMessage, subscriptionMessage } from './convert/subscription.ts';
import { callerKey } from './limits/caller-key.ts';

/** The calls about where events are sent. */
export function subscriptionHandlers(app: SubscriptionApp): ServiceImpl<typeof SubscriptionService> {
  const shown = (subscription: Parameters<typeof subscriptionMessage>[0]) =>
    subscriptionMessage(subscription, app.now());
  return {
    async createSubscription(req, context) {
      const { url, description, eventTypes } = req;
      const organizationId =
        req.organizationId === undefined ? undefined : parseOrganizationId(req.organizationId);
      const request = { organizationId, url, description, eventTypes };
      const made = await createSubscription(app, context.values.get(callerKey), request);
      return { subscription: shown(made.subscription), secret: made.secret };
    },
    async listSubscriptions(req, context) {
      const found = await listSubscriptions(app, context.values.get(callerKey), pageOf(req.query));
      const { rows, total } = found;
      // The newest position counts the events of the whole instance.
      return { details: listDetailsOf({ total, position: 0 }, app.now()), subscriptions: rows.map(shown) };
    },
    async getSubscription({ subscriptionId }, context) {
      const found = await getSubscription(app, context.values.get(callerKey), subscriptionId);
      return { subscription: shown(found) };
    },
    async updateSubscription(req, context) {
      const changed = await updateSubscription(app, context.values.get(callerKey), changeOf(req));
      return { subscription: shown(changed.subscription), secret: changed.secret ?? '' };
    },
    async deleteSubscription({ subscriptionId }, context) {
      const deletedAt = await deleteSubscription(app, context.values.get(callerKey), subscriptionId);
      return { deletionDate: timestampOf(deletedAt) };
    },
    async pauseSubscription({ subscriptionId }, context) {
      const paused = await pauseSubscription(app, context.values.get(callerKey), subscriptionId);
      return { subscription: shown(paused) };
    },
    async resumeSubscription({ subscriptionId }, context) {
      const resumed = await resumeSubscription(app, context.values.get(callerKey), subscriptionId);
      return { subscription: shown(resumed) };
    },
    async testSubscription({ subscriptionId }, context) {
      const attempt = await testSubscription(app, context.values.get(callerKey), subscriptionId);
      return { attempt: attemptMessage(attempt) };
    },
    async listAttempts({ subscriptionId }, context) {
      const attempts = await listAttempts(app, context.values.get(callerKey), subscriptionId);
      return { attempts: attempts.map(attemptMessage) };
    },
  };
}

function changeOf(req: UpdateSubscriptionRequest): SubscriptionChange {
  const { subscriptionId, url, description, eventTypes, rotateSecret, keepPreviousFor } = req;
  if (keepPreviousFor !== undefined && !rotateSecret) {
    throw invalidField('keep_previous_for', 'goes with rotate_secret');
  }
  return {
    subscriptionId,
    ...(url !== undefined && { url }),
    ...(description !== undefined && { description }),
    ...(eventTypes !== undefined && { eventTypes: eventTypes.names }),
    ...(rotateSecret && { newSecret: { previousForMs: parsePreviousFor(keepPreviousFor) } }),
  };
}

const previousForSecondsMax = 604_800;
const previousForSecondsDefault = 86_400;

function parsePreviousFor(duration: Duration | undefined): number {
  const { seconds, nanos } = duration ?? { seconds: BigInt(previousForSecondsDefault), nanos: 0 };
  if (nanos === 0 && seconds >= 0n && seconds <= BigInt(previousForSecondsMax))
    return Number(seconds) * 1_000;
  throw invalidField('keep_previous_for', `must be whole seconds from 0s to ${previousForSecondsMax}s`);
}
