import { instanceStream, type RecordedEvent } from '../domain/events.ts';
import type { OrganizationId } from '../domain/ids.ts';
import type { Subscription } from '../domain/subscription.ts';

/** What is sent: the same for every try. */
export interface Message {
  /** Tells it from every other of any subscription; a repeat has the same. Says nothing of how much happens elsewhere. */
  readonly id: string;
  readonly type: string;
  readonly body: string;
}

export interface Told {
  readonly event: RecordedEvent;
  /** undefined: of the instance. */
  readonly organizationId: OrganizationId | undefined;
  /** Whether the owner may read the log itself. */
  readonly isWhole: boolean;
}

/** The event for a subscription: ids, cause and times; the whole event beside them for who may read it. */
export function messageOf(
  { subscriptionId }: Subscription,
  { event, organizationId, isWhole }: Told,
): Message {
  const { eventId, userId, type } = event;
  const data = {
    eventId,
    ...(userId !== instanceStream && { userId }),
    ...(organizationId !== undefined && { organizationId }),
    ...factsOf(event),
    ...(isWhole && { event: wholeOf(event) }),
  };
  const body = JSON.stringify({ type, timestamp: timeText(event.createdAt), data });
  return { id: `${subscriptionId}-${eventId}`, type, body };
}

/** What Test sends. */
export function testMessage({ subscriptionId }: Subscription, testId: string, nowMs: number): Message {
  const type = 'latchkey.test';
  const body = JSON.stringify({ type, timestamp: timeText(nowMs), data: { subscriptionId } });
  return { id: `${subscriptionId}-test-${testId}`, type, body };
}

const timeText = (ms: number): string => new Date(ms).toISOString();

/** Named one by one: what an event comes to hold later is not told by that. */
function factsOf({ type, sequence, payload }: RecordedEvent): Readonly<Record<string, unknown>> {
  const { cause, generation, until, expiresAt, tokenId, role } = payload;
  return {
    ...(cause !== undefined && { cause }),
    ...(type === 'user.locked' ? { generation: sequence } : generation !== undefined && { generation }),
    ...(typeof until === 'number' && { until: timeText(until) }),
    ...(typeof expiresAt === 'number' && { expires: timeText(expiresAt) }),
    ...(tokenId !== undefined && { tokenId }),
    ...(role !== undefined && { role }),
  };
}

/** As ListEvents has it in JSON, without what is not known of the actor. */
function wholeOf(event: RecordedEvent): object {
  const { position, eventId, userId, sequence, type, createdAt, payload, meta } = event;
  const { actorUserId, actorOsUser, actorSubject, ...origin } = meta;
  return {
    position: String(position),
    eventId,
    userId,
    sequence: String(sequence),
    type,
    creationDate: timeText(createdAt),
    payload,
    actor: { userId: actorUserId, osUser: actorOsUser, subject: actorSubject, ...origin },
  };
}
