import { requireHeldAnywhere, requireOnUser } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { loadForCaller, requireNotAbove } from '../auth/load-user.ts';
import { DomainError } from '../domain/errors.ts';
import { evolveProfile } from '../domain/evolve/profile.ts';
import type { UserId } from '../domain/ids.ts';
import type { ProfileEvent } from '../domain/profile-events.ts';
import type { Profile, User } from '../domain/user.ts';
import type { Store } from '../store/store.ts';
import { changeUser, type Decision } from './change-user.ts';
import { checkPassword } from './check-password.ts';
import { hashOf, type NewPassword, sharedNamesOf } from './create-user.ts';
import type { PasswordApp } from './password.ts';
import { type ProfileChange, parseProfileChange, profileEvents } from './profile-change.ts';

export interface UserUpdate extends ProfileChange {
  readonly userId: UserId;
  readonly password?: {
    readonly newPassword: NewPassword;
    /** Checked where given; wrong ones count and lock like any sign-in. */
    readonly currentPassword: string | undefined;
  };
  /** Aborted when the caller is gone: a check that has not begun is then not made. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Changes what is given, all or nothing, whatever the user's state, which stays. Throws fieldInvalid, userKindOther,
 * userNameTaken, passwordHashUnsupported, and with a current password what checkPassword throws.
 */
export async function updateUser(app: PasswordApp, caller: Caller, update: UserUpdate): Promise<User> {
  const { userId, password } = update;
  const change = parseProfileChange(update);
  const rule = { userId, permission: 'user.write', notFound: 'userNotFound' } as const;
  const credentials = { ...rule, permission: 'user.credential.write' } as const;
  if (password === undefined)
    return changeUser(app, caller, rule, (user) => decided(app, caller, user, change));
  requireHeldAnywhere(caller, rule.permission);
  requireHeldAnywhere(caller, credentials.permission);
  const { newPassword, currentPassword } = password;
  const withPassword = async (user: User): Promise<Decision> => {
    const decision = await decided(app, caller, user, change);
    return withNewPassword(app, user, newPassword, decision);
  };
  if (currentPassword === undefined) {
    return changeUser(app, caller, rule, (user) => {
      requireOnUser(caller, user, credentials);
      return withPassword(user);
    });
  }
  const admit = (user: User) => {
    for (const each of [rule, credentials]) requireOnUser(caller, user, each);
    requireNotAbove(caller, user);
    requireHuman(user);
  };
  // Before any work: a hidden user is answered as fast as one that nobody has.
  admit(await loadForCaller(app, caller, rule));
  const { user } = await checkPassword(app, {
    userId,
    name: userId,
    password: currentPassword,
    address: caller.meta.ip,
    deviceToken: undefined,
    meta: caller.meta,
    signal: update.signal,
    admit,
    right: (facts) => withPassword(facts.user),
  });
  return user;
}

/** Takes a person's phone number away; one that has none stays as they are. */
export function removePhone(app: PasswordApp, caller: Caller, userId: UserId): Promise<User> {
  return updateUser(app, caller, { userId, human: { phone: { phone: '', isVerified: false } } });
}

async function decided(
  app: PasswordApp,
  caller: Caller,
  user: User,
  change: ProfileChange,
): Promise<Decision> {
  const { profile, domain } = await loadProfile(app, user);
  const events = profileEvents(caller, profile, change);
  return { events: await withSharedNames(app, { user, profile, domain }, events), profile };
}

interface Loaded {
  readonly profile: Profile;
  readonly domain: string;
}

/** The user's profile, no older than the row. Throws userNotFound where they are gone meanwhile. */
export async function loadProfile(
  { store }: { readonly store: Pick<Store, 'listUsers'> },
  { userId, organizationId }: User,
): Promise<Loaded> {
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

// Said once, in the first event that gives a name or a reach.
async function withSharedNames(
  app: PasswordApp,
  { user, profile, domain }: Loaded & { readonly user: User },
  events: readonly ProfileEvent[],
): Promise<readonly ProfileEvent[]> {
  const at = events.findIndex(({ type }) => naming.has(type));
  const event = events[at];
  if (event === undefined) return events;
  let after: Profile | undefined = profile;
  for (const each of events) after = evolveProfile(after, each);
  if (after === undefined) return events;
  const sharedNames = await sharedNamesOf(app, { userId: user.userId, profile: after, domain });
  if (sharedNames.length === 0) return events;
  const told = { ...event, payload: { ...event.payload, sharedNames } } as ProfileEvent;
  return events.with(at, told);
}

const naming: ReadonlySet<ProfileEvent['type']> = new Set([
  'user.username.changed',
  'user.human.email.changed',
  'user.human.email.verified',
]);

async function withNewPassword(
  app: PasswordApp,
  user: User,
  newPassword: NewPassword,
  decision: Decision,
): Promise<Decision> {
  requireHuman(user);
  const { changeRequired } = newPassword;
  return {
    ...decision,
    events: [...decision.events, { type: 'user.human.password.changed', payload: { changeRequired } }],
    secrets: { passwordHash: await hashOf(app, newPassword, user.organizationId) },
  };
}

function requireHuman({ kind }: User): void {
  if (kind !== 'human') throw new DomainError('passwordOfMachine');
}
