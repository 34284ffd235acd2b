import type { User } from '../../../gen/es/zitadel/user/v2/user_pb.js';
import { admin, users } from './api.ts';
import { msOf } from './clock.ts';

/** What a person is called: their name, and what they sign in with. */
export interface Person {
  readonly userId: string;
  readonly name: string;
  readonly loginName: string;
  /** What an application calls them; empty where none does. */
  readonly externalId: string;
  readonly organizationId: string;
  /** When they were made, in milliseconds since 1970. */
  readonly createdMs: number | undefined;
}

/** At once, of a list that shows as many. */
const idsMax = 1_000;

export function personOf(user: User): Person {
  return {
    userId: user.userId,
    name: nameOf(user),
    loginName: user.preferredLoginName,
    externalId: user.externalId,
    organizationId: user.details?.resourceOwner ?? '',
    createdMs: msOf(user.details?.creationDate),
  };
}

/** Of whom only an application's id for them is known, that. */
function nameOf({ type, username, externalId }: User): string {
  if (type.case === undefined) return externalId || username;
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

/**
 * What whoever did something then (ms since 1970; undefined: just now) is called; empty where the caller may not read
 * them. Who has been given the id of somebody deleted since is not named for it.
 */
export function nameThen(
  people: ReadonlyMap<string, Person> | undefined,
  id: string,
  atMs: number | undefined,
): string {
  const { name = '', createdMs = 0 } = people?.get(id) ?? {};
  return atMs === undefined || createdMs <= atMs ? name : '';
}

/** Names of the organizations that the caller may see, by id. */
export async function loadOrganizations(signal: AbortSignal): Promise<Map<string, string>> {
  const { organizations } = await admin.listOrganizations(
    { query: { limit: idsMax, asc: true } },
    { signal },
  );
  return new Map(organizations.map(({ organizationId, name }) => [organizationId, name]));
}
