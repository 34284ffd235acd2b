import { DomainError } from '../domain/errors.ts';
import type { Profile, User } from '../domain/user.ts';
import type { Store } from '../store/store.ts';

export interface LoadedProfile {
  readonly profile: Profile;
  /** Of the user's organization. */
  readonly domain: string;
}

/** The user's profile, no older than the row. Throws userNotFound where they are gone meanwhile. */
export async function loadProfile(
  { store }: { readonly store: Pick<Store, 'listUsers'> },
  { userId, organizationId }: User,
): Promise<LoadedProfile> {
  const { rows } = await store.listUsers({
    scope: [organizationId],
    filters: [{ kind: 'ids', userIds: [userId] }],
    sort: 'user_name',
    page: { offset: 0, limit: 1, ascending: true },
  });
  const [record] = rows;
  if (record === undefined) throw new DomainError('userNotFound');
  return { profile: record.profile, domain: record.organizationDomain };
}
