import type { Caller } from '../auth/caller.ts';
import { DomainError } from '../domain/errors.ts';
import {
  actorFacts,
  type EventMeta,
  isBirth,
  type RecordedEvent,
  type UserEventType,
} from '../domain/events.ts';
import type { UserId } from '../domain/ids.ts';
import type { User } from '../domain/user.ts';
import type { CommandApp } from './change-user.ts';

/** How far back a repeated request is known again, in events of its user. */
const eventsLookedAt = 1_000;

export interface IdentifiedRequest {
  /** As loaded: what is not seen beside it was appended later, and makes the compare-and-set fail. */
  readonly user: User;
  /** Empty: the request has no name. */
  readonly requestId: string;
  readonly type: UserEventType;
}

/**
 * The event that this very request of this caller wrote earlier (AIP-155). Another caller's id is another id. Throws
 * requestIdUsed where the caller asked for something else under it.
 */
export async function findRequest(
  app: Pick<CommandApp, 'store'>,
  caller: Caller,
  { user, requestId, type }: IdentifiedRequest,
): Promise<RecordedEvent | undefined> {
  if (requestId === '') return undefined;
  const found = await newestSinceBirth(
    app,
    user.userId,
    ({ payload, meta }) => payload.requestId === requestId && isSameActor(meta, caller.meta),
  );
  if (found !== undefined && found.type !== type) throw new DomainError('requestIdUsed');
  return found;
}

/** The newest event of the user that is meant, of those that are looked at. */
export async function newestSinceBirth(
  { store }: Pick<CommandApp, 'store'>,
  userId: UserId,
  isMeant: (event: RecordedEvent) => boolean,
): Promise<RecordedEvent | undefined> {
  const query = { userId, newestFirst: true, afterPosition: 0, limit: eventsLookedAt };
  for (const event of await store.listEvents(query)) {
    // A deleted id may be used again: what was asked about the one before is no answer about this one.
    if (isBirth(event)) return undefined;
    if (isMeant(event)) return event;
  }
  return undefined;
}

function isSameActor(one: EventMeta, other: EventMeta): boolean {
  return JSON.stringify(actorFacts(one)) === JSON.stringify(actorFacts(other));
}
