import type { RecordedEvent } from '../domain/events.ts';
import type { UserId } from '../domain/ids.ts';
import type { User } from '../domain/user.ts';
import type { Store } from '../store/store.ts';

/**
 * The position at which the id was last used anew after this one; 0: not since. What stands before it was written about
 * whoever had the id before, perhaps in another organization, and is not for the readers of who has it now.
 */
export async function newestBirth(
  { store }: { readonly store: Pick<Store, 'listEvents'> },
  userId: UserId,
  afterPosition: number,
): Promise<number> {
  const query = { userId, newestFirst: true, birthsOnly: true, afterPosition: 0, limit: 1 } as const;
  const [birth] = await store.listEvents(query);
  return birth !== undefined && birth.position > afterPosition ? birth.position : 0;
}

/** When and where a user's present life began, as far as the row says. */
export type Life = Pick<User, 'createdAt' | 'tokensEndedSequence'>;

/** By user, where this life of the id begins, if that is behind one of the events, which are in the order of the log. */
export async function birthsAmong(
  app: { readonly store: Pick<Store, 'listEvents'> },
  users: ReadonlyMap<UserId, Life | undefined>,
  events: readonly RecordedEvent[],
): Promise<ReadonlyMap<UserId, number>> {
  const first = new Map<UserId, number>();
  for (const event of events) {
    const user = users.get(event.userId);
    if (user === undefined || first.has(event.userId) || isOfThisLife(user, event)) continue;
    first.set(event.userId, event.position);
  }
  return new Map(
    await Promise.all(
      [...first].map(
        async ([userId, position]) => [userId, await newestBirth(app, userId, position)] as const,
      ),
    ),
  );
}

/**
 * Whether the row alone tells. Tokens end with a birth first of all, and no later than that: what is not before the end of
 * them is not before the birth, so an import, all of one instant, is not looked up user by user.
 */
const isOfThisLife = ({ createdAt, tokensEndedSequence }: Life, event: RecordedEvent): boolean =>
  event.createdAt > createdAt || event.sequence >= tokensEndedSequence;
