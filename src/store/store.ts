import type { CodeKind, StoredCode } from '../domain/code.ts';
import type { EventMeta, OrganizationAdded, RecordedEvent, UserEvent } from '../domain/events.ts';
import type { StoredPolicy } from '../domain/evolve/policy.ts';
import type { Page, Scope, UserFilter, UserSortField } from '../domain/filter.ts';
import type { OrganizationId, UserId } from '../domain/ids.ts';
import type { LockCause } from '../domain/lock.ts';
import type { LockoutPolicy } from '../domain/lockout-policy.ts';
import type { MetadataEntry } from '../domain/metadata.ts';
import type { Grant, Organization, Profile, Standing, Token, User } from '../domain/user.ts';
import type { ErasureStore } from './erasure-store.ts';
import type { History } from './history.ts';
import type { Asker, Listed, TimeMethod, UserRecord } from './records.ts';
import type { SessionStore, StoredSession } from './session-store.ts';
import type { SubscriptionStore } from './subscription-store.ts';
import type { UnlockRunStore } from './unlock-run-store.ts';

export type { ExternalName, StoredAttempt } from './attempt-store.ts';
export type { History, ProfileKeys } from './history.ts';
export type { Asker, Listed, TimeMethod, UserRecord } from './records.ts';
export type { SessionFilter, SessionRecord, StoredSession } from './session-store.ts';
export type { FrozenSet, LocksFound, RunMove } from './unlock-run-store.ts';

/**
 * The memory: one interface, SQLite and Postgres behind it, one contract suite against both.
 * Reads see every change that was answered before they were asked. Writes are compare-and-set: no transaction
 * leaves this room. A database that does not answer is the error storeUnavailable, never a wrong answer.
 */
export interface Store
  extends AsyncDisposable,
    SessionStore,
    UnlockRunStore,
    SubscriptionStore,
    ErasureStore {
  /** The token with its owner, as they stand now; one query serves all that ask in one tick. */
  loadToken(tokenId: string): Promise<TokenOwner | undefined>;
  /**
   * The user's row, deleted ones too (state 'deleted'). `admit` hears first whose it is, before anything of the row is
   * parsed that is longer for one state than for another; what it throws is thrown.
   */
  loadUser(userId: UserId, admit?: Admit): Promise<User | undefined>;
  /** PHC string of the password's hash; undefined where none is set. */
  loadPasswordHash(userId: UserId): Promise<string | undefined>;
  /** The code that was handed out, over or not; a lock, deactivation or deletion ends all, a new address or password its own. */
  loadCode(key: { readonly userId: UserId; readonly kind: CodeKind }): Promise<StoredCode | undefined>;
  /** In the order of the keys; none where there is no such user. */
  loadMetadata(userId: UserId): Promise<readonly MetadataEntry[]>;
  loadOrganization(by: OrganizationKey): Promise<Organization | undefined>;

  /**
   * Appends the events and moves the row, together or not at all, durable before the answer.
   * 'stale': the row is not the one that was decided on; load and decide again.
   * 'user name taken': somebody in the organization signs in by a name that this user would have as well.
   */
  append(change: Change): Promise<User | 'stale' | 'user name taken'>;
  /** 'taken': the id or the domain belongs to another organization. */
  addOrganization(event: OrganizationAdded, at: ChangeTime, meta: EventMeta): Promise<Organization | 'taken'>;

  /** The instance's policy and the organization's own, each where it was set. */
  loadLockoutPolicies(organizationId: OrganizationId | undefined): Promise<LockoutPolicies>;
  /** The policy by compare-and-set on its sequence, and its event in the instance's stream, together. */
  changeLockoutPolicy(change: PolicyChange): Promise<StoredPolicy | 'stale'>;
  /** How many users are locked, by the cause of the lock; looks at every user. */
  countLocked(): Promise<LockedCounts>;
  /** Users whose lock has an end that has come by then, the longest over first. */
  listLocksOver(nowMs: number, limit: number): Promise<readonly User[]>;

  listUsers(query: ListUsers): Promise<Listed<UserRecord>>;
  listTokens(query: ListTokens): Promise<Listed<TokenRecord>>;
  listGrants(query: ListGrants): Promise<Listed<GrantRecord>>;
  listOrganizations(scope: Scope, page: Page): Promise<Listed<Organization>>;
  /** Events after the position, oldest first; without gap: what commits later has a higher position. */
  listEvents(query: ListEvents): Promise<readonly RecordedEvent[]>;
  /** Every policy that was ever set. The position is of an event that they all reflect, and all before it. */
  listLockoutPolicies(): Promise<Pick<Listed<PolicyRecord>, 'rows' | 'position'>>;
  /** Every id that any table knows, in their order, however many: one at a time, others are answered meanwhile. */
  readHistories(): AsyncIterable<History>;
  /** Of a store that links each event to the one before it; the first 100. */
  readBrokenLinks?(): Promise<readonly BrokenLink[]>;

  /** Milliseconds by which the clock that all servers of the database share is ahead of this machine's. */
  clockOffsetMs(): number;
  /** Whether the database answers and can be written to now. */
  isReady(): Promise<boolean>;
}

/** Throws where whoever asks may not have the user; undefined: there is none. */
export type Admit = (found: Standing | undefined) => void;

/** 'unknown': locks from before they had records. */
export type LockedCounts = Readonly<Record<LockCause | 'unknown', number>>;

export interface TokenOwner {
  readonly token: Token;
  /** SHA-256 of the secret, 32 bytes. */
  readonly secretHash: Uint8Array;
  readonly owner: User;
}

export interface Change {
  /** The row that was decided on; undefined where the id was never used. */
  readonly before: User | undefined;
  readonly userId: UserId;
  /** One or more, in order; they get the sequences before.sequence + 1, + 2, … */
  readonly events: readonly UserEvent[];
  readonly at: ChangeTime;
  readonly meta: EventMeta;
  /** As loaded with `before`; given where an event changes it. */
  readonly profile?: Profile;
  /** Codes as they are from now on: at most one of each kind. Written behind what the events do to codes. */
  readonly codes?: readonly { readonly kind: CodeKind; readonly after: StoredCode | undefined }[];
  /** The attempt that this change ends, and with it: 'stale' where it is no more. */
  readonly attemptId?: string;
  /** What the events begin: there with them, on PostgreSQL right behind them, and never without them. */
  readonly session?: StoredSession;
  /** What no event may hold. */
  readonly secrets?: { readonly passwordHash?: string; readonly tokenSecretHash?: Uint8Array };
  /** By their keys, what `user.metadata.set` events set. */
  readonly metadata?: ReadonlyMap<string, Uint8Array>;
}

export interface ChangeTime {
  /** Milliseconds since 1970, UTC. */
  readonly createdAt: number;
  /** Of the first event; known beforehand, so that an unknown outcome can be looked up. */
  readonly eventId: string;
}

export interface PolicyRecord extends StoredPolicy {
  /** undefined: the instance's. */
  readonly organizationId: OrganizationId | undefined;
}

export interface LockoutPolicies {
  readonly instance: StoredPolicy | undefined;
  readonly organization: StoredPolicy | undefined;
}

export interface PolicyChange {
  /** undefined: the instance's. */
  readonly organizationId: OrganizationId | undefined;
  readonly before: StoredPolicy | undefined;
  /** undefined: back to the default. */
  readonly policy: LockoutPolicy | undefined;
  readonly at: ChangeTime;
  readonly meta: EventMeta;
}

export type OrganizationKey = { readonly organizationId: OrganizationId } | { readonly domain: string };

export interface TokenRecord {
  readonly token: Token;
  readonly organizationId: OrganizationId;
}

export interface GrantRecord {
  readonly userId: UserId;
  readonly grant: Grant;
}

/** Deleted users are never listed. */
export interface ListUsers {
  readonly asker?: Asker | undefined;
  readonly scope: Scope;
  readonly filters: readonly UserFilter[];
  readonly sort: UserSortField;
  readonly page: Page;
}

export type TokenFilter =
  | { readonly kind: 'token_id' | 'user_id' | 'organization_id'; readonly id: string }
  | {
      readonly kind: 'created_at' | 'expires_at';
      /** Milliseconds since 1970. */
      readonly time: number;
      readonly method: TimeMethod;
    };

export type TokenSortField = 'created_at' | 'token_id' | 'user_id' | 'organization_id' | 'expires_at';

/** Tokens that a lock, deactivation or deletion ended are never listed; expired ones are. */
export interface ListTokens {
  readonly scope: Scope;
  readonly filters: readonly TokenFilter[];
  readonly sort: TokenSortField;
  readonly page: Page;
}

export interface ListGrants {
  readonly scope: Scope;
  readonly userId?: UserId;
  readonly organizationId?: OrganizationId;
  readonly page: Page;
}

export interface ListEvents {
  readonly afterPosition: number;
  readonly limit: number;
  readonly userId?: UserId;
  readonly type?: string;
  /** Alone: what this user did, to whomever. */
  readonly actorUserId?: UserId;
  /** Newest first, with `userId` alone: the last `limit` events of that user, whatever `afterPosition` says. */
  readonly newestFirst?: boolean;
  /** With `newestFirst`: only events with a lower sequence. */
  readonly beforeSequence?: number;
  /** With `newestFirst`: only those by which a user of that id began. Found at once, however much has happened since. */
  readonly birthsOnly?: true;
}

/** What an operator should know of the database; fatal: nothing will be written until the process is started anew. */
export interface StoreReport {
  readonly level: 'info' | 'warn' | 'error' | 'fatal';
  readonly text: string;
}

/** What a repair has mended. */
export interface Mended {
  /** Of events to the one before; undefined: this store keeps none. */
  readonly links: number | undefined;
  /** Rows of deleted users that were left behind. */
  readonly leftovers: number;
}

/** The database cannot be opened as it is; the message says what to do. */
export class StoreUnusable extends Error {
  override readonly name = 'StoreUnusable';
}

/** Events are all there, and yet do not lead to one another. */
export interface BrokenLink {
  readonly userId: UserId;
  readonly text: string;
}

/** What can be held against its own events: a store, or one that is being filled. */
export interface Verifiable
  extends Pick<Store, 'readHistories' | 'readBrokenLinks' | 'loadOrganization' | 'listLockoutPolicies'> {
  listEvents(query: {
    readonly afterPosition: number;
    readonly limit: number;
    readonly userId: UserId;
  }): Promise<readonly RecordedEvent[]>;
  listOrganizations(scope: 'all', page: Page): Promise<Pick<Listed<Organization>, 'total' | 'position'>>;
}

/** All that a store holds, secrets included, as it stood at one moment. Disposing lets go of that moment. */
export interface Archive extends AsyncDisposable, Verifiable {
  readonly counts: ArchiveCounts;
  /** Every row: kind by kind in the order of archiveKinds, each in the order of its key; read once. */
  readPages(): AsyncIterable<ArchivePage>;
}

/** The version of the archive's form; a file names it in its first line. */
export const archiveFormat = 2;
export const archiveKinds = [
  'organization',
  'policy',
  'event',
  'user',
  'profile',
  'token',
  'metadata',
] as const;
export type ArchiveKind = (typeof archiveKinds)[number];
export type ArchiveCounts = Readonly<Record<ArchiveKind, number>>;

/** Rows of one kind, by the names of store/archive/tables.ts; the same from every store. */
export interface ArchivePage {
  readonly kind: ArchiveKind;
  readonly rows: readonly ArchiveRow[];
}

export type ArchiveRow = Readonly<Record<string, unknown>>;

/** An empty store that is being filled: all of it or, where it is disposed before its commit, nothing. */
export interface Restoration extends AsyncDisposable, Verifiable {
  /** Throws RowRefused where a row is not one of its kind, or contradicts another. */
  add(page: ArchivePage): Promise<void>;
  commit(): Promise<void>;
}

/** A row that the store cannot keep; `index` in its page, undefined where the database did not say which. */
export class RowRefused extends Error {
  override readonly name = 'RowRefused';
  readonly index: number | undefined;

  constructor(message: string, index?: number) {
    super(message);
    this.index = index;
  }
}

/** What is there already forbids it; the message says what, and what to do. */
export class StoreNotEmpty extends Error {
  override readonly name = 'StoreNotEmpty';
}
