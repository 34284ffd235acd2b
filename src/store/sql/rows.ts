import type { SQLOutputValue } from 'node:sqlite';
import { birthTypes, type EventMeta, type RecordedEvent } from '../../domain/events.ts';
import { endOf } from '../../domain/evolve/lockout.ts';
import type { StoredPolicy } from '../../domain/evolve/policy.ts';
import type { OrganizationId, UserId } from '../../domain/ids.ts';
import { type Lockout, noLockout } from '../../domain/lock.ts';
import type { LockoutPolicy } from '../../domain/lockout-policy.ts';
import type {
  Grant,
  Organization,
  PasswordFacts,
  Profile,
  Standing,
  Token,
  User,
  UserKind,
  UserState,
} from '../../domain/user.ts';
import type { History, PolicyRecord, ProfileKeys, TokenOwner } from '../store.ts';

/** One row as node:sqlite gives it: column name → value. */
export type Row = Record<string, SQLOutputValue>;

const noGrants: readonly Grant[] = Object.freeze([]);

/** The users columns that the law knows; every query that reads a user selects them. */
export const userColumns =
  'users.user_id, users.organization_id, users.kind, users.state, users.sequence, users.created_at, ' +
  'users.changed_at, users.failed_password_attempts, users.tokens_ended_sequence, users.grants, users.lockout';

/**
 * A user as this store loads one for a change. It remembers where the newest event stands, which is the store's own
 * business: copies, which may be changed, do not. A row of the same sequence has the same newest event for ever.
 */
export class LoadedUser implements User {
  readonly userId: UserId;
  readonly organizationId: OrganizationId;
  readonly kind: UserKind;
  readonly state: UserState;
  readonly sequence: number;
  readonly createdAt: number;
  readonly changedAt: number;
  readonly failedPasswordAttempts: number;
  readonly lockout: Lockout;
  readonly tokensEndedSequence: number;
  readonly grants: readonly Grant[];
  readonly #newestPosition: number;

  /** Values of loadedColumns, from `at` on. */
  constructor(values: readonly SQLOutputValue[], at: number) {
    this.userId = values[at] as UserId;
    this.organizationId = values[at + 1] as OrganizationId;
    this.kind = values[at + 2] as UserKind;
    this.state = values[at + 3] as UserState;
    this.sequence = values[at + 4] as number;
    this.createdAt = values[at + 5] as number;
    this.changedAt = values[at + 6] as number;
    this.failedPasswordAttempts = values[at + 7] as number;
    this.tokensEndedSequence = values[at + 8] as number;
    this.grants = parseGrants(values[at + 9] as string);
    this.lockout = parseLockout(values[at + 10] as string);
    this.#newestPosition = values[at + 11] as number;
  }

  /** Position of the user's newest event; 0 where there is none, undefined where this is not known. */
  static newestPosition(user: User | undefined): number | undefined {
    if (user === undefined) return 0;
    return user instanceof LoadedUser ? user.#newestPosition : undefined;
  }
}

/** Of values of loadedColumns: nothing in it is parsed. */
export function standingOf(values: readonly SQLOutputValue[]): Standing {
  return { organizationId: values[1] as OrganizationId, state: values[3] as UserState };
}

/** What a LoadedUser is made of. */
export const loadedColumns = `${userColumns}, users.newest_position`;

const parseGrants = (text: string) => (text === '[]' ? noGrants : (JSON.parse(text) as Grant[]));

const parseLockout = (text: string) =>
  text === '{}' ? noLockout : withSoundEnd(JSON.parse(text) as Lockout);

// What an older version wrote as the end of a lock may be null.
function withSoundEnd(lockout: Lockout): Lockout {
  const { lock } = lockout;
  if (lock === undefined || !('until' in lock) || endOf(lock) !== undefined) return lockout;
  const { until: _none, ...endless } = lock;
  return { ...lockout, lock: endless };
}

/** A row of userColumns → Standing: nothing in it is parsed. */
export function parseStanding(row: Row): Standing {
  return { organizationId: row.organization_id as OrganizationId, state: row.state as UserState };
}

/** A row of userColumns → User. */
export function parseUser(row: Row): User {
  return {
    userId: row.user_id as UserId,
    organizationId: row.organization_id as OrganizationId,
    kind: row.kind as UserKind,
    state: row.state as UserState,
    sequence: row.sequence as number,
    createdAt: row.created_at as number,
    changedAt: row.changed_at as number,
    failedPasswordAttempts: row.failed_password_attempts as number,
    lockout: parseLockout(row.lockout as string),
    tokensEndedSequence: row.tokens_ended_sequence as number,
    grants: parseGrants(row.grants as string),
  };
}

/** Lockout → its column, and the end of the lock that it is found by. */
export function lockoutValues(lockout: Lockout): readonly [lockout: string, lockUntil: number | null] {
  if (lockout === noLockout) return ['{}', null];
  return [JSON.stringify(lockout), lockout.lock?.until ?? null];
}

/** A row of the lockout_policies table. */
export function parsePolicyRow(row: Row): StoredPolicy {
  return {
    policy: row.policy === null ? undefined : (JSON.parse(row.policy as string) as LockoutPolicy),
    sequence: row.sequence as number,
    createdAt: row.created_at as number,
    changedAt: row.changed_at as number,
  };
}

/** The same, with whose it is. */
export function parsePolicyRecord(row: Row): PolicyRecord {
  const organizationId = row.organization_id === '' ? undefined : (row.organization_id as OrganizationId);
  return { organizationId, ...parsePolicyRow(row) };
}

/** A row of the organizations table. */
export function parseOrganization(row: Row): Organization {
  return {
    organizationId: row.organization_id as OrganizationId,
    name: row.name as string,
    domain: row.domain as string,
    createdAt: row.created_at as number,
  };
}

/** What a history holds of one user's rows in users and profiles, each where it is there. */
export function parseHistoryRows(
  user: Row | undefined,
  profile: Row | undefined,
): Pick<History, 'user' | 'lockUntil' | 'profile' | 'profileKeys' | 'password'> {
  return {
    user: user && parseUser(user),
    lockUntil: (user?.lock_until as number | null | undefined) ?? undefined,
    profile: profile && (JSON.parse(profile.profile as string) as Profile),
    profileKeys: profile && parseProfileKeys(profile),
    password: profile && parsePassword(profile),
  };
}

/** A row with organization_id, user_name, user_name_folded, email_folded, external_id of the profiles table. */
function parseProfileKeys(row: Row): ProfileKeys {
  return {
    organizationId: row.organization_id as OrganizationId,
    userName: row.user_name as string,
    userNameFolded: row.user_name_folded as string,
    ...(row.email_folded !== null && { emailFolded: row.email_folded as string }),
    ...(row.external_id !== null && { externalId: row.external_id as string }),
  };
}

/** A row with password_change_required and password_changed_at; undefined where there is no password. */
export function parsePassword(row: Row): PasswordFacts | undefined {
  if (row.password_changed_at === null) return undefined;
  return {
    changeRequired: row.password_change_required === 1,
    changedAt: row.password_changed_at as number,
  };
}

/** A row with token_id, user_id, token_sequence, token_created_at, expires_at. */
export function parseToken(row: Row): Token {
  return {
    tokenId: row.token_id as string,
    userId: row.user_id as UserId,
    sequence: row.token_sequence as number,
    createdAt: row.token_created_at as number,
    expiresAt: row.expires_at as number,
  };
}

/** Values of token_id, user_id, sequence, created_at, expires_at, secret_hash of tokens, then loadedColumns. */
export function parseTokenOwner(values: readonly SQLOutputValue[]): TokenOwner {
  const [tokenId, userId, sequence, createdAt, expiresAt, secretHash] = values;
  return {
    token: {
      tokenId: tokenId as string,
      userId: userId as UserId,
      sequence: sequence as number,
      createdAt: createdAt as number,
      expiresAt: expiresAt as number,
    },
    secretHash: secretHash as Uint8Array,
    owner: new LoadedUser(values, 6),
  };
}

/** In the words of SQLite's index events_births, so that it is found by it. */
export const isBirthSql = `(${birthTypes.map((type) => `type = '${type}'`).join(' OR ')})`;

/** A row of the events table. */
export function parseEvent(row: Row): RecordedEvent {
  return {
    position: row.position as number,
    eventId: row.event_id as string,
    userId: row.user_id as UserId,
    sequence: row.sequence as number,
    type: row.type as RecordedEvent['type'],
    createdAt: row.created_at as number,
    payload: JSON.parse(row.payload as string) as Record<string, unknown>,
    meta: parseMeta(row),
  };
}

function parseMeta(row: Row): EventMeta {
  return {
    ...(row.actor_user_id !== null && { actorUserId: row.actor_user_id as UserId }),
    ...(row.actor_os_user !== null && { actorOsUser: row.actor_os_user as string }),
    ...(row.actor_subject !== null && { actorSubject: row.actor_subject as string }),
    ...(row.ip !== null && { ip: row.ip as string }),
    ...(row.user_agent !== null && { userAgent: row.user_agent as string }),
    ...(row.request_id !== null && { requestId: row.request_id as string }),
    ...(row.traceparent !== null && { traceparent: row.traceparent as string }),
    ...(row.reason !== null && { reason: row.reason as string }),
  };
}
