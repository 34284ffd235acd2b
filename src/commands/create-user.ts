import { requireHeldAnywhere, requireOnOrganization } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { withNameReach } from '../auth/name-reach.ts';
import { DomainError } from '../domain/errors.ts';
import type { UserAdded } from '../domain/events.ts';
import { foldText } from '../domain/filter.ts';
import { type OrganizationId, parseName, parseText, parseUserId, type UserId } from '../domain/ids.ts';
import {
  bornAt,
  type ExternalProfile,
  type HumanProfile,
  type MachineProfile,
  type Profile,
  type Standing,
  type User,
} from '../domain/user.ts';
import { hashPassword, parsePasswordHash } from '../sign-in/password.ts';
import type { OrganizationKey } from '../store/store.ts';
import type { CommandApp } from './change-user.ts';
import { parseEmail } from './email-address.ts';

/** A password to set: as typed, or as a hash made elsewhere. */
export type NewPassword = { readonly changeRequired: boolean } & (
  | { readonly password: string }
  | { readonly hash: string }
);

type Unnamed<T extends Profile> = Omit<T, 'userName' | 'userNameLocal' | 'emailLocal'>;

export interface NewUser {
  readonly organization: OrganizationKey;
  /** Made where absent. */
  readonly userId: string | undefined;
  /** The e-mail address (a human's) or the id (anybody else's) where absent. */
  readonly userName: string | undefined;
  readonly profile: Unnamed<HumanProfile> | Unnamed<MachineProfile>;
  readonly password?: NewPassword;
}

/** Whom an application tries and nobody has made. */
export interface NewExternal extends Omit<NewUser, 'profile' | 'password'> {
  readonly profile: Unnamed<ExternalProfile>;
  readonly password?: never;
}

/** Adds a user. Throws permissionMissing, organizationNotFound, userExists, userNameTaken, and what hashOf throws. */
export async function createUser(
  app: CommandApp,
  caller: Caller,
  request: NewUser | NewExternal,
): Promise<User> {
  requireHeldAnywhere(caller, 'user.write');
  const organization = await app.store.loadOrganization(request.organization);
  const organizationId = requireOnOrganization(caller, organization?.organizationId, 'user.write');
  const userId = parseUserId(request.userId ?? app.newId());
  const before = await app.store.loadUser(userId, requireFree);
  const profile = withNameReach(caller, named(request, userId));
  const sharedNames = await sharedNamesOf(app, { userId, profile, domain: organization?.domain });
  const passwordHash = request.password && (await hashOf(app, request.password, organizationId));
  const payload: UserAdded = {
    organizationId,
    state: startState(profile, passwordHash),
    profile,
    ...(sharedNames.length > 0 && { sharedNames }),
    ...(request.password && { password: { changeRequired: request.password.changeRequired } }),
  };
  const after = await app.store.append({
    before,
    userId,
    events: [{ type: `user.${profile.kind}.added`, payload }],
    at: { createdAt: bornAt(before, app.now()), eventId: app.newId() },
    meta: caller.meta,
    ...(passwordHash !== undefined && { secrets: { passwordHash } }),
  });
  if (after === 'stale') throw new DomainError('userExists');
  if (after === 'user name taken') throw new DomainError('userNameTaken');
  return after;
}

// Whoever holds the id may be somebody else's user: that it is taken is all that may be told, in any state.
function requireFree(found: Standing | undefined): void {
  if (found !== undefined && found.state !== 'deleted') throw new DomainError('userExists');
}

/**
 * Those of the user's login names that somebody else has too, folded. Nothing stops at what is found here: who comes
 * at the same time is found by the sign-in, which then means neither.
 */
export async function sharedNamesOf(
  app: Pick<CommandApp, 'store'>,
  {
    userId,
    profile,
    domain,
  }: { readonly userId: UserId; readonly profile: Profile; readonly domain: string | undefined },
): Promise<readonly string[]> {
  const names = [
    `${profile.userName}@${domain}`,
    ...(profile.userNameLocal ? [] : [profile.userName]),
    ...(profile.kind === 'human' && !profile.emailLocal ? [profile.email] : []),
  ];
  const holders = await Promise.all(
    [...new Set(names.map(foldText))].map(async (name) => ({
      name,
      isHeld: (await app.store.findLogins(name, {})).some((holder) => holder !== userId),
    })),
  );
  return holders.filter(({ isHeld }) => isHeld).map(({ name }) => name);
}

/** The PHC string to keep. Throws passwordHashUnsupported, passwordHashCostly, overloaded. */
export async function hashOf(
  { importedHashCostMax }: Pick<CommandApp, 'importedHashCostMax'>,
  password: NewPassword,
  organizationId: OrganizationId,
): Promise<string> {
  if ('hash' in password) return parsePasswordHash(password.hash, importedHashCostMax);
  return hashPassword(password.password, organizationId);
}

/** The profile with the names as they are kept. Throws fieldInvalid. */
export function named(request: Pick<NewUser | NewExternal, 'profile' | 'userName'>, userId: string): Profile {
  const { profile } = request;
  for (const [field, value] of Object.entries({ ...profile, username: request.userName })) {
    if (typeof value === 'string') parseText(value, snakeCase(field));
  }
  const userName = request.userName === undefined ? undefined : parseName(request.userName, 'username');
  if (profile.kind === 'machine') {
    return {
      ...profile,
      name: parseName(profile.name, 'name'),
      userName: userName ?? parseName(userId, 'user_id'),
    };
  }
  if (profile.kind === 'external') {
    const externalId = parseName(profile.externalId, 'external_id');
    return { ...profile, externalId, userName: userName ?? parseName(userId, 'user_id') };
  }
  const email = parseEmail(profile.email);
  const externalId = profile.externalId && parseName(profile.externalId, 'external_id');
  return { ...profile, email, ...(externalId && { externalId }), userName: userName ?? email };
}

function startState(profile: Profile, passwordHash: string | undefined): UserAdded['state'] {
  if (profile.kind !== 'human') return 'active';
  return passwordHash !== undefined && profile.emailVerified ? 'active' : 'initial';
}

// Fields are named as the caller knows them.
export function snakeCase(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
