import type { UserId } from '../domain/ids.ts';
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
