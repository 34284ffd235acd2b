import { requireHeldAnywhere, requireOnUser } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import type { UserRule } from '../auth/load-user.ts';
import type { UserEvent } from '../domain/events.ts';
import type { UserId } from '../domain/ids.ts';
import type { ProfileEvent } from '../domain/profile-events.ts';
import type { Profile, User } from '../domain/user.ts';
import type { Change } from '../store/store.ts';
import { changeUser, type Decision } from './change-user.ts';
import { makeCode } from './codes.ts';
import { type NewPassword, sharedNamesOf } from './create-user.ts';
import type { Guess } from './credential.ts';
import { type LoadedProfile, loadProfile } from './load-profile.ts';
import { requireHuman, withNewPassword } from './password.ts';
import { foldProfile, type ProfileChange, parseProfileChange, profileEvents } from './profile-change.ts';
import { changeProven } from './proven.ts';
import type { SignInApp } from './sign-in-facts.ts';

export interface UserUpdate extends ProfileChange {
  readonly userId: UserId;
  readonly password?: {
    readonly newPassword: NewPassword;
    /** Checked where given; wrong ones count and lock like any sign-in. */
    readonly proof: Guess | undefined;
  };
  /** Aborted when the caller is gone: a check that has not begun is then not made. */
  readonly signal?: AbortSignal | undefined;
}

export interface UpdatedUser {
  readonly user: User;
  /** Where they were asked for, and what they prove is not proven yet. Shown this once. */
  readonly codes: { readonly email?: string; readonly phone?: string };
}

/**
 * Changes what is given, all or nothing, whatever the user's state, which stays. Throws fieldInvalid, userKindOther,
 * userNameTaken, passwordHashUnsupported, and with a proof what checkPassword throws.
 */
export async function updateUser(app: SignInApp, caller: Caller, update: UserUpdate): Promise<UpdatedUser> {
  const { userId, password } = update;
  const change = parseProfileChange(update);
  const rule: UserRule = { userId, permission: 'user.write', notFound: 'userNotFound' };
  let codes: UpdatedUser['codes'] = {};
  const decide = async (user: User): Promise<Decision> => {
    const { codes: handed, ...decision } = await decided(app, caller, user, change);
    codes = handed.codes;
    return { ...decision, ...(handed.stored.length > 0 && { codes: handed.stored }) };
  };
  if (password === undefined) return { user: await changeUser(app, caller, rule, decide), codes };
  const credentials: UserRule = { ...rule, permission: 'user.credential.write' };
  for (const { permission } of [rule, credentials]) requireHeldAnywhere(caller, permission);
  const { newPassword, proof } = password;
  if (proof === undefined) {
    const user = await changeUser(app, caller, rule, async (found) => {
      requireOnUser(caller, found, credentials);
      return withNewPassword(app, { user: found, newPassword }, await decide(found));
    });
    return { user, codes };
  }
  const proven = {
    rules: [rule, credentials],
    guess: proof,
    signal: update.signal,
    admit: requireHuman,
  } as const;
  const user = await changeProven(app, caller, proven, async (facts) => {
    const by = { user: facts.user, newPassword, proven: { by: proof, facts } };
    return withNewPassword(app, by, await decide(facts.user));
  });
  return { user, codes };
}

/** Takes a person's phone number away; one that has none stays as they are. */
export async function removePhone(app: SignInApp, caller: Caller, userId: UserId): Promise<User> {
  return (await updateUser(app, caller, { userId, human: { phone: { phone: '', isVerified: false } } })).user;
}

interface Handed {
  readonly codes: UpdatedUser['codes'];
  readonly stored: NonNullable<Change['codes']>;
}

async function decided(
  app: SignInApp,
  caller: Caller,
  user: User,
  change: ProfileChange,
): Promise<Omit<Decision, 'codes'> & { readonly codes: Handed }> {
  const loaded = await loadProfile(app, user);
  const events = profileEvents(caller, loaded.profile, change);
  const after = foldProfile(loaded.profile, events);
  const told: UserEvent[] = [...(await withSharedNames(app, { ...loaded, user, after }, events))];
  const codes: { email?: string; phone?: string } = {};
  const stored: NonNullable<Change['codes']>[number][] = [];
  for (const kind of wantedCodes(change, after)) {
    const made = await makeCode(app, user.userId, kind);
    codes[kind] = made.code;
    told.push(made.event);
    stored.push(...made.stored);
  }
  return { events: told, profile: loaded.profile, codes: { codes, stored } };
}

function wantedCodes({ human }: ProfileChange, after: Profile): readonly ('email' | 'phone')[] {
  if (after.kind !== 'human') return [];
  return [
    ...(human?.email?.wantsCode && !after.emailVerified ? ['email' as const] : []),
    ...(human?.phone?.wantsCode && after.phone !== undefined && !after.phoneVerified
      ? ['phone' as const]
      : []),
  ];
}

// Said once, in the first event that gives a name or a reach.
async function withSharedNames(
  app: SignInApp,
  { user: { userId }, after, domain }: LoadedProfile & { readonly user: User; readonly after: Profile },
  events: readonly ProfileEvent[],
): Promise<readonly ProfileEvent[]> {
  const at = events.findIndex(({ type }) => naming.has(type));
  const event = events[at];
  if (event === undefined) return events;
  const sharedNames = await sharedNamesOf(app, { userId, profile: after, domain });
  if (sharedNames.length === 0) return events;
  const told = { ...event, payload: { ...event.payload, sharedNames } } as ProfileEvent;
  return events.with(at, told);
}

const naming: ReadonlySet<ProfileEvent['type']> = new Set([
  'user.username.changed',
  'user.human.email.changed',
  'user.human.email.verified',
]);
