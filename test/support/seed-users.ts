import { formatToken, hashTokenSecret, newTokenSecret } from '../../src/auth/token.ts';
import type { StateEventType, UserEvent } from '../../src/domain/events.ts';
import type { StoredPolicy } from '../../src/domain/evolve/policy.ts';
import type { OrganizationId, UserId } from '../../src/domain/ids.ts';
import { defaultPolicy, type LockoutPolicy } from '../../src/domain/lockout-policy.ts';
import type { Grant, HumanProfile, Profile, User } from '../../src/domain/user.ts';
import type { Change, Store } from '../../src/store/store.ts';

/** Milliseconds since 1970 of the first seeded event; tests count on from it. */
export const seedTime = Date.UTC(2026, 0, 1);

export interface SeededUser {
  readonly userId: string;
  readonly organizationId: string;
  readonly profile: Profile;
  readonly state?: 'initial' | 'active';
  /** What happened to the user afterwards, in order. */
  readonly afterwards?: readonly StateEventType[];
  readonly grants?: readonly Grant[];
  readonly password?: { readonly changeRequired: boolean };
  /** Milliseconds after seedTime. */
  readonly at?: number;
}

/** A human's profile with what a test does not care about filled in. */
export function human(profile: Partial<HumanProfile> & { readonly userName: string }): HumanProfile {
  return {
    kind: 'human',
    givenName: 'Given',
    familyName: 'Family',
    email: `${profile.userName}@mail.example`,
    emailVerified: true,
    ...profile,
  };
}

/** Adds an organization whose domain is `<id>.example`. */
export async function seedOrganization(store: Store, id: string): Promise<void> {
  const organizationId = id as OrganizationId;
  const payload = { organizationId, name: `Organization ${id}`, domain: `${id}.example` };
  const at = { createdAt: seedTime, eventId: `organization-${id}` };
  const added = await store.addOrganization({ type: 'organization.added', payload }, at, {});
  if (added === 'taken') throw new Error(`organization ${id} is there already`);
}

/** Sets the organization's lockout policy, the instance's where none is named; without one, back to the default. */
export async function seedPolicy(
  store: Store,
  organizationId: string | undefined,
  policy: Partial<LockoutPolicy> | undefined,
): Promise<StoredPolicy> {
  const whose = organizationId as OrganizationId | undefined;
  const { instance, organization } = await store.loadLockoutPolicies(whose);
  const before = whose === undefined ? instance : organization;
  const sequence = (before?.sequence ?? 0) + 1;
  const after = await store.changeLockoutPolicy({
    organizationId: whose,
    before,
    policy: policy && { ...defaultPolicy, ...policy },
    at: { createdAt: seedTime + sequence, eventId: `policy-${organizationId}-${sequence}` },
    meta: {},
  });
  if (after === 'stale') throw new Error('cannot seed the policy: stale');
  return after;
}

/** Adds a user by the same door as the server does, and answers the row. */
export async function seedUser(store: Store, seed: SeededUser): Promise<User> {
  const { userId, organizationId, profile, state = 'active', password } = seed;
  const type = profile.kind === 'human' ? 'user.human.added' : 'user.machine.added';
  const added = {
    organizationId: organizationId as OrganizationId,
    state,
    profile,
    ...(password !== undefined && { password }),
  };
  const events: readonly UserEvent[] = [
    { type, payload: added },
    ...(seed.grants ?? []).map((payload) => ({ type: 'user.grant.added', payload }) as const),
    ...(seed.afterwards ?? []).map((event) => ({ type: event, payload: {} }) as const),
  ];
  return appendOrFail(store, {
    before: undefined,
    userId: userId as UserId,
    events,
    at: { createdAt: seedTime + (seed.at ?? 0), eventId: `added-${userId}` },
    meta: {},
    ...(password !== undefined && { secrets: { passwordHash: '$argon2id$never-verified' } }),
  });
}

/** Moves a user on. */
export async function seedEvents(store: Store, userId: string, events: readonly UserEvent[]): Promise<User> {
  const before = await store.loadUser(userId as UserId);
  return appendOrFail(store, {
    before,
    userId: userId as UserId,
    events,
    at: { createdAt: seedTime, eventId: `later-${userId}-${before?.sequence}` },
    meta: {},
  });
}

/** Gives the user a token; answers what stands in the Authorization header. */
export async function seedToken(
  store: Store,
  token: {
    readonly userId: string;
    readonly tokenId: string;
    readonly expiresAt: number;
    readonly at?: number;
  },
): Promise<string> {
  const { userId, tokenId, expiresAt } = token;
  const secret = newTokenSecret();
  await appendOrFail(store, {
    before: await store.loadUser(userId as UserId),
    userId: userId as UserId,
    events: [{ type: 'user.pat.added', payload: { tokenId, expiresAt } }],
    at: { createdAt: seedTime + (token.at ?? 0), eventId: `token-${tokenId}` },
    meta: {},
    secrets: { tokenSecretHash: hashTokenSecret(secret) },
  });
  return `Bearer ${formatToken({ tokenId, secret })}`;
}

async function appendOrFail(store: Store, change: Change): Promise<User> {
  const after = await store.append(change);
  if (typeof after === 'string') throw new Error(`cannot seed ${change.userId}: ${after}`);
  return after;
}
