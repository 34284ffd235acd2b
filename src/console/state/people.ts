import type { User } from '../../../gen/es/zitadel/user/v2/user_pb.js';
import { admin, users } from './api.ts';

/** What a person is called: their name, and what they sign in with. */
export interface Person {
  readonly userId: string;
  readonly name: string;
  readonly loginName: string;
  readonly organizationId: string;
}

/** At once, of a list that shows as many. */
const idsMax = 1_000;

export function personOf(user: User): Person {
  return {
    userId: user.userId,
    name: nameOf(user),
    loginName: user.preferredLoginName,
    organizationId: user.details?.resourceOwner ?? '',
  };
}

function nameOf({ type, username }: User): string {
  if (type.case === 'machine') return type.value.name || username;
  const profile = type.value?.profile;
  const whole = `${profile?.givenName ?? ''} ${profile?.familyName ?? ''}`.trim();
  return profile?.displayName || whole || username;
}

/** Those of the ids whom the caller may read. */
export async function loadPeople(ids: Iterable<string>, signal: AbortSignal): Promise<Map<string, Person>> {
  const userIds = [...new Set(ids)].filter((id) => id !== '').slice(0, idsMax);
  if (userIds.length === 0) return new Map();
  const query = { case: 'inUserIdsQuery' as const, value: { userIds } };
  const { result } = await users.listUsers({ query: { limit: idsMax }, queries: [{ query }] }, { signal });
  return new Map(result.map((user) => [user.userId, personOf(user)]));
}

/** Names of the organizations that the caller may see, by id. */
export async function loadOrganizations(signal: AbortSignal): Promise<Map<string, string>> {
  const { organizations } = await admin.listOrganizations(
    { query: { limit: idsMax, asc: true } },
    { signal },
  );
  return new Map(organizations.map(({ organizationId, name }) => [organizationId, name]));
}
