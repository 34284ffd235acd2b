import { loadRecords } from '../auth/load-user.ts';
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
  app: { readonly store: Pick<Store, 'listUsers'> },
  { userId, organizationId }: User,
): Promise<LoadedProfile> {
  const [record] = await loadRecords(app, [organizationId], [userId]);
  if (record === undefined) throw new DomainError('userNotFound');
  return { profile: record.profile, domain: record.organizationDomain };
}
