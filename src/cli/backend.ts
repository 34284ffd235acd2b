import type { NewUser } from '../commands/create-user.ts';
import type { UserImport } from '../commands/import-users.ts';
import type { NewOrganization } from '../commands/organizations.ts';
import type { ProfileChange } from '../commands/profile-change.ts';
import type { UserKind, UserState } from '../domain/user.ts';
import type { UserAction } from '../domain/user-state.ts';
import type { LockBackend } from './backend-lock.ts';
import type { HookBackend } from './hook-backend.ts';
import type { MetadataBackend } from './metadata-backend.ts';
import type { ChangeRow, Listing, PageQuery } from './page.ts';
import type { RunBackend } from './run-backend.ts';

/**
 * Where the commands get their answers: from a server (remote/) or from the database itself (local/), with the
 * same rows and the same refusals. Times in rows are RFC 3339, UTC; what is not known is absent.
 */
export interface Backend
  extends UserBackend,
    LockBackend,
    MetadataBackend,
    HookBackend,
    RunBackend,
    AsyncDisposable {
  /** At most importBatchMax of them; one row for each, in their order. */
  importUsers(batch: UsersToImport): Promise<readonly ImportRow[]>;

  createToken(request: { readonly userId: string; readonly expiresAt: number }): Promise<CreatedTokenRow>;
  revokeToken(request: { readonly userId: string; readonly tokenId: string }): Promise<RevokedTokenRow>;
  listTokens(query: TokenQuery): Promise<Listing<TokenRow>>;

  addGrant(grant: GrantRow): Promise<ChangeRow>;
  removeGrant(grant: GrantRow): Promise<ChangeRow>;
  listGrants(query: GrantQuery): Promise<Listing<GrantRow>>;

  createOrganization(organization: NewOrganization): Promise<OrganizationRow>;
  listOrganizations(page: PageQuery): Promise<Listing<OrganizationRow>>;

  /** Oldest first. */
  listEvents(query: EventQuery): Promise<readonly EventRow[]>;
  /**
   * Every event after the position, then each new one until the signal. `onOpen` is told once the source has taken the
   * call, before the first event.
   */
  followEvents(
    afterPosition: number,
    options: { readonly signal: AbortSignal; readonly onOpen: () => void },
  ): AsyncIterable<EventRow>;
}

/** The part of Backend that is about people, who asks among them. */
export interface UserBackend {
  getCaller(): Promise<CallerRow>;
  listUsers(query: UserQuery): Promise<Listing<UserRow>>;
  getUser(userId: string): Promise<UserRow>;
  /** Newest first. Asks user.read alone. */
  listHistory(query: HistoryQuery): Promise<HistoryPage>;
  changeUserState(userId: string, action: Exclude<UserAction, 'lock' | 'unlock'>): Promise<ChangeRow>;
  eraseUser(userId: string): Promise<ChangeRow>;
  createUser(user: UserToCreate): Promise<CreatedUserRow>;
  updateUser(change: UserToUpdate): Promise<UpdatedUserRow>;
  resetPassword(userId: string): Promise<ResetRow>;
  setPassword(request: PasswordToSet): Promise<ChangeRow>;
}

/** Who asks. */
export interface CallerRow {
  readonly userId?: string;
  readonly loginName?: string;
  /** Of a token of another issuer. */
  readonly subject?: string;
  /** On the database itself. */
  readonly osUser?: string;
  readonly organizationId?: string;
  readonly grants: readonly Omit<GrantRow, 'userId'>[];
  readonly permissions: readonly PermissionRow[];
  /** When the token ends. */
  readonly expires?: string;
}

export interface PermissionRow {
  readonly permission: string;
  readonly everywhere: boolean;
  /** Empty where it is held everywhere. */
  readonly organizationIds: readonly string[];
}

export interface UserQuery extends PageQuery {
  readonly state?: Exclude<UserState, 'deleted'>;
  readonly type?: UserKind;
  readonly organizationId?: string;
  /** Part of the user name, the display name or the e-mail address, in any letter case. */
  readonly search?: string;
  /** The whole login name, in any letter case. */
  readonly loginName?: string;
  /** The whole user name or e-mail address, in any letter case. */
  readonly name?: string;
  /** The whole id that an application calls the user by. */
  readonly externalId?: string;
  /** These, as far as they may be read; 100 at most. */
  readonly userIds?: readonly string[];
}

export interface UserRow {
  readonly userId: string;
  readonly state: UserState;
  readonly type: UserKind;
  readonly userName: string;
  readonly loginName: string;
  readonly displayName: string;
  readonly email?: string;
  readonly phone?: string;
  readonly externalId?: string;
  readonly organizationId: string;
  readonly sequence: number;
  readonly creationDate: string;
  readonly changeDate: string;
}

export type UserToCreate = Omit<NewUser, 'organization'> & { readonly organizationId: string };

export type UserToUpdate = ProfileChange & { readonly userId: string };

export type UpdatedUserRow = Pick<ChangeRow, 'userId' | 'changeDate'>;

export interface ResetRow extends ChangeRow {
  /** Shown this once. */
  readonly code: string;
}

/** How many users one call imports at most; the server refuses more. */
export const importBatchMax = 100;

export type UsersToImport = Omit<UserImport, 'organizationId'> & { readonly organizationId: string };

export interface ImportRow {
  readonly outcome: 'created' | 'updated' | 'unchanged' | 'refused';
  readonly userId?: string;
  readonly passwordLeftOut?: boolean;
  /** Why it was refused: reason, id and text of the error table. */
  readonly reason?: string;
  readonly errorId?: string;
  readonly message?: string;
}

export interface CreatedUserRow {
  readonly userId: string;
  readonly creationDate: string;
}

export interface PasswordToSet {
  readonly userId: string;
  readonly password: string;
  readonly changeRequired: boolean;
}

export interface TokenQuery extends PageQuery {
  readonly userId?: string;
  readonly tokenId?: string;
}

export interface TokenRow {
  readonly tokenId: string;
  readonly userId: string;
  readonly organizationId: string;
  readonly creationDate: string;
  readonly expirationDate: string;
}

export interface CreatedTokenRow {
  readonly tokenId: string;
  /** Shown this once. */
  readonly token: string;
  readonly creationDate: string;
}

export interface RevokedTokenRow {
  readonly deletionDate: string;
}

export interface GrantQuery extends PageQuery {
  readonly userId?: string;
  readonly organizationId?: string;
}

export interface GrantRow {
  readonly userId: string;
  readonly role: string;
  /** Absent: on the instance. */
  readonly organizationId?: string;
}

export interface OrganizationRow {
  readonly organizationId: string;
  readonly name: string;
  readonly domain: string;
  readonly creationDate: string;
}

export interface EventQuery {
  readonly afterPosition: number;
  readonly limit: number;
  readonly userId?: string;
  readonly type?: string;
}

export interface EventRow {
  readonly position: number;
  readonly eventId: string;
  readonly userId: string;
  readonly sequence: number;
  readonly type: string;
  readonly creationDate: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly actor: ActorRow;
}

export interface HistoryQuery {
  readonly userId: string;
  /** 0: from the newest. */
  readonly beforeSequence: number;
  /** At most historyRowsMax. */
  readonly limit: number;
}

/** How many rows of a history one call asks for at most; the server refuses more. */
export const historyRowsMax = 100;

/** Without the position, which those who read a part of the instance are not told. */
export interface HistoryRow extends Omit<EventRow, 'position'> {
  /** Of the user who did it, where the caller may read them. */
  readonly actorLoginName?: string;
}

export interface HistoryPage {
  readonly rows: readonly HistoryRow[];
  /** 0: there are no more. */
  readonly nextBeforeSequence: number;
}

export interface ActorRow {
  readonly policy?: string;
  readonly userId?: string;
  readonly osUser?: string;
  readonly subject?: string;
  readonly ip?: string;
  readonly userAgent?: string;
  readonly requestId?: string;
  readonly traceparent?: string;
  readonly reason?: string;
}
