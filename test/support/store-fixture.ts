import type { RecordedEvent, UserEvent } from '../../src/domain/events.ts';
import type { User } from '../../src/domain/user.ts';
import type { Change, Store } from '../../src/store/store.ts';
import { historyOf } from './replay.ts';
import { human, seedOrganization, seedUser } from './seed-users.ts';
import { openEmptyStore, type StoreKind } from './stores.ts';

/** A store alone, with the organizations `here` and `there`, and hands to change it by. */
export interface StoreFixture extends AsyncDisposable {
  readonly store: Store;
  /** A new active human `here`. */
  someone(): Promise<User>;
  /** The user's row as it is now. */
  now(user: User): Promise<User | undefined>;
  /** The user's newest event. */
  newest(user: User): Promise<RecordedEvent | undefined>;
}

export async function openStoreFixture(kind: StoreKind): Promise<StoreFixture> {
  const store = await openEmptyStore(kind);
  for (const id of ['here', 'there']) await seedOrganization(store, id);
  let named = 0;
  return {
    store,
    async someone() {
      named += 1;
      const userId = `someone-${named}`;
      return seedUser(store, { userId, organizationId: 'here', profile: human({ userName: userId }) });
    },
    now: ({ userId }) => store.loadUser(userId),
    newest: async ({ userId }) => (await historyOf(store, userId)).at(-1),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

/** When the changes of `change` happen. */
export const changedAt = 1_800_000_000_123;

/** A change decided on this row. */
export function change(before: User, events: readonly UserEvent[], more: Partial<Change> = {}): Change {
  const at = { createdAt: changedAt, eventId: `e-${before.userId}-${before.sequence}` };
  return { before, userId: before.userId, events, at, meta: {}, ...more };
}

export const locked: UserEvent = { type: 'user.locked', payload: {} };
export const unlocked: UserEvent = { type: 'user.unlocked', payload: {} };
