import type { OrganizationId, UserId } from './ids.ts';
import type { Lockout } from './lock.ts';
import type { Role } from './roles.ts';

export type UserState = 'initial' | 'active' | 'inactive' | 'locked' | 'deleted';
/** external: an application checks their password itself, and their name is nowhere here. */
export type UserKind = 'human' | 'machine' | 'external';
export type Gender = 'unspecified' | 'female' | 'male' | 'diverse';

/** A role held on the instance (no organizationId) or on one organization. */
export interface Grant {
  readonly role: Role;
  readonly organizationId?: OrganizationId;
}

/** What the law needs to know of a user: the row that every change moves. Times are milliseconds since 1970, UTC. */
export interface User {
  readonly userId: UserId;
  readonly organizationId: OrganizationId;
  readonly kind: UserKind;
  readonly state: UserState;
  /** Number of the newest event, counted from 1 per user; the version that compare-and-set compares. */
  readonly sequence: number;
  readonly createdAt: number;
  readonly changedAt: number;
  /** Strangers' wrong passwords that counted at the last of them; 0 after a right one or an unlock. */
  readonly failedPasswordAttempts: number;
  readonly lockout: Lockout;
  /** Tokens added at or before this sequence are void: lock, deactivate and delete end them all at once. */
  readonly tokensEndedSequence: number;
  readonly grants: readonly Grant[];
}

/**
 * When a life of an id begins: after all that the life before has written, whatever the clock says. What is told apart by
 * its time is then no earlier life's: two servers' clocks differ, and one may be set back.
 */
export function bornAt(before: Pick<User, 'createdAt' | 'changedAt'> | undefined, nowMs: number): number {
  return before === undefined ? nowMs : Math.max(nowMs, before.createdAt + 1, before.changedAt + 1);
}

/** Whose a user is, and whether there still is one: all that is known of them before it is known who may know more. */
export type Standing = Pick<User, 'organizationId' | 'state'>;

/**
 * How far a user's names reach. What a manager of one organization gives out means its user there and nowhere else, so
 * that nobody in another organization can take, or make ambiguous, a name that somebody signs in by.
 */
export interface NameReach {
  /** The bare user name is a login name in its own organization alone. */
  readonly userNameLocal?: true;
}

export interface HumanProfile extends NameReach {
  readonly kind: 'human';
  readonly userName: string;
  readonly givenName: string;
  readonly familyName: string;
  readonly nickName?: string;
  readonly displayName?: string;
  readonly preferredLanguage?: string;
  readonly gender?: Gender;
  readonly email: string;
  readonly emailVerified: boolean;
  /** Nobody who answers for the whole instance has vouched for the address: it is a login name in its own organization alone. */
  readonly emailLocal?: true;
  readonly phone?: string;
  readonly phoneVerified?: boolean;
  /** What an application calls them that checks the password itself; unique in the organization. */
  readonly externalId?: string;
}

export interface MachineProfile extends NameReach {
  readonly kind: 'machine';
  readonly userName: string;
  readonly name: string;
  readonly description?: string;
}

/** Nothing personal: the user name is the id. */
export interface ExternalProfile extends NameReach {
  readonly kind: 'external';
  readonly userName: string;
  readonly externalId: string;
}

/** Who the user is, apart from what may be done: kept in a row of its own, so that an unlock moves few bytes. */
export type Profile = HumanProfile | MachineProfile | ExternalProfile;

/** What an application calls the user, where it does. */
export function externalIdOf(profile: Profile): string | undefined {
  return profile.kind === 'machine' ? undefined : profile.externalId;
}

/** `user name@organization domain`: means this user and nobody else. */
export function loginNameOf({
  profile,
  organizationDomain,
}: {
  readonly profile: Pick<Profile, 'userName'>;
  readonly organizationDomain: string;
}): string {
  return `${profile.userName}@${organizationDomain}`;
}

/** What people call the user. */
export function displayNameOf(profile: Profile): string {
  if (profile.kind === 'machine') return profile.name;
  if (profile.kind === 'external') return profile.externalId;
  return profile.displayName || `${profile.givenName} ${profile.familyName}`;
}

/** What is known of a password besides its hash. */
export interface PasswordFacts {
  readonly changeRequired: boolean;
  readonly changedAt: number;
}

export interface Organization {
  readonly organizationId: OrganizationId;
  readonly name: string;
  /** DNS form, unique; a login name is `user name@domain`. */
  readonly domain: string;
  readonly createdAt: number;
}

/** A personal access token as the store keeps it; the secret itself is kept nowhere. */
export interface Token {
  readonly tokenId: string;
  readonly userId: UserId;
  /** Sequence of the event that added it. */
  readonly sequence: number;
  readonly createdAt: number;
  readonly expiresAt: number;
}
