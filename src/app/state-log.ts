import { actorIn, type UserEvent } from '../domain/events.ts';
import type { User } from '../domain/user.ts';
import type { Change, Store } from '../store/store.ts';

type Tell = (fields: Readonly<Record<string, string | number | undefined>>, message: string) => void;

/** The same store, whose every lock and unlock is a line of the log: who, whom, why, and the ids to find it again. */
export function withStateLog(store: Store, tell: Tell | undefined): Store {
  if (tell === undefined) return store;
  return {
    ...store,
    append(change) {
      const at = change.events.findIndex(isOfLock);
      if (at === -1) return store.append(change);
      return store.append(change).then((outcome) => {
        if (typeof outcome !== 'string') tellChange(tell, change, { at, user: outcome });
        return outcome;
      });
    },
  };
}

const isOfLock = ({ type }: UserEvent): boolean => type === 'user.locked' || type === 'user.unlocked';

function tellChange(
  tell: Tell,
  { events, before, meta, at: { eventId } }: Change,
  { at, user }: { at: number; user: User },
) {
  const event = events[at];
  const sequence = (before?.sequence ?? 0) + at + 1;
  const who = {
    userId: user.userId,
    organizationId: user.organizationId,
    by: actorIn(meta),
    ip: meta.ip,
    requestId: meta.requestId,
    sequence,
    // All events of one change have it.
    eventId,
  };
  if (event?.type === 'user.locked') {
    const { cause, until, reason = meta.reason, failedAttempts } = event.payload;
    const end = until === undefined ? undefined : new Date(until).toISOString();
    tell({ ...who, cause, until: end, failedAttempts, reason, generation: sequence }, 'user locked');
  }
  if (event?.type === 'user.unlocked') {
    const { cause, generation, ticket, identification } = event.payload;
    const lockCause = before?.lockout.lock?.cause;
    tell(
      {
        ...who,
        cause: cause ?? 'administrator',
        lockCause,
        generation,
        ticket,
        identification,
        reason: meta.reason,
      },
      'user unlocked',
    );
  }
}
