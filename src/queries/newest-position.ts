import type { Store } from '../store/store.ts';

/** Of the newest event of all; 0 where there is none. Nothing of the log itself is read. */
export async function newestPosition({
  store,
}: {
  readonly store: Pick<Store, 'listOrganizations'>;
}): Promise<number> {
  return (await store.listOrganizations([], { offset: 0, limit: 1, ascending: true })).position;
}
