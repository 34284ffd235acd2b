import { birthTypes, type RecordedEvent } from '../domain/events.ts';
import type { UserId } from '../domain/ids.ts';
import type { Store } from '../store/store.ts';

const births: readonly string[] = birthTypes;
const birthsAtOnce = 100;

/** Whether it is how a user's events begin. */
export function isBirth({ type }: Pick<RecordedEvent, 'type'>): boolean {
  return births.includes(type);
}

/**
 * The position at which the id was last used anew after this one; 0: not since. What stands before it was written about
 * whoever had the id before, perhaps in another organization, and is not for the readers of who has it now. All of the
 * user's events after the position are looked through, however many they are.
 */
export async function newestBirth(
  { store }: { readonly store: Pick<Store, 'listEvents'> },
  userId: UserId,
  afterPosition: number,
): Promise<number> {
  let newest = 0;
  for (const type of births) {
    for (let after = afterPosition; ; ) {
      const found = await store.listEvents({ userId, type, afterPosition: after, limit: birthsAtOnce });
      after = found.at(-1)?.position ?? after;
      if (found.length > 0) newest = Math.max(newest, after);
      if (found.length < birthsAtOnce) break;
    }
  }
  return newest;
}
