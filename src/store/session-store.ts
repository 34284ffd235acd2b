import type { Page, Scope } from '../domain/filter.ts';
import type { OrganizationId, UserId } from '../domain/ids.ts';
import type { Session } from '../domain/session.ts';
import type { AttemptStore } from './attempt-store.ts';
import type { Asker, Listed, TimeMethod, UserRecord } from './records.ts';

/** What the memory holds of sign-ins. Sessions are no history: their rows have no events. */
export interface SessionStore extends AttemptStore {
  /**
   * Whom this name means, as foldText makes it: in the organization that is named, whoever has it there. Else the owner of
   * `user name@domain`; else those whose bare user name or e-mail address it is and reaches beyond their organization; else
   * whoever has it in the caller's own. Several, a few of them at most, have one bare name together.
   */
  findLogins(name: string, where: LoginPlace): Promise<readonly UserId[]>;
  /**
   * The right to check the user's password at this version of the row: true for one holder alone, until the row moves or
   * `until` has come. So no two servers check at the same time, and each check sees the failures before it. The holder
   * may claim again, and with an `until` of now it lets go. One that ends more than `claimMsMax` from now is no claim: a
   * clock that ran ahead wrote it, and its server may be gone.
   */
  claimCheck(claim: CheckClaim): Promise<boolean>;

  addSession(session: StoredSession): Promise<void>;
  /** The session, expired ones too, with its user as they stand now. */
  loadSession(sessionId: string): Promise<SessionRecord | undefined>;
  /** Compare-and-set on `before.sequence`; false: it moved or is gone. `after` undefined deletes. */
  changeSession(before: StoredSession, after: StoredSession | undefined): Promise<boolean>;
  listSessions(query: ListSessions): Promise<Listed<SessionRecord>>;
  /**
   * Deletes sessions and claims that were over by then; answers how many sessions. Those that a lock, deactivation or
   * deletion of their user ends go with the user's tokens, in the same change.
   */
  removeSessionsOver(nowMs: number, limit: number): Promise<number>;

  /** What this database's servers sign device tokens with: 32 random bytes, made once. */
  loadSigningKey(): Promise<Uint8Array>;
}

export interface LoginPlace {
  /** The organization that the call names. */
  readonly named?: OrganizationId | undefined;
  /** That of the caller, where the call names none. */
  readonly own?: OrganizationId | undefined;
}

/** Longer than any server's claim lasts. */
export const claimMsMax = 60_000;

export interface CheckClaim {
  readonly userId: UserId;
  /** The user's, as loaded. */
  readonly sequence: number;
  /** The server that asks. */
  readonly holder: string;
  /** Milliseconds since 1970: now, and when a server that has not recorded its check by then is given up. */
  readonly nowMs: number;
  readonly until: number;
}

export interface StoredSession extends Session {
  /** SHA-256 of the newest token's secret, 32 bytes. */
  readonly tokenHash: Uint8Array;
}

export interface SessionRecord {
  readonly session: StoredSession;
  /** Absent where the session has no user, or where that user is no more. */
  readonly owner: UserRecord | undefined;
}

export type SessionFilter =
  | { readonly kind: 'ids'; readonly sessionIds: readonly string[] }
  | { readonly kind: 'user' | 'creator' | 'fingerprint'; readonly id: string }
  | { readonly kind: 'created_at'; readonly time: number; readonly method: TimeMethod };

/** Never one that is over by `nowMs`. The scope is about the session's user; one without a user is for 'all' alone. */
export interface ListSessions {
  readonly asker?: Asker | undefined;
  readonly scope: Scope;
  readonly filters: readonly SessionFilter[];
  readonly nowMs: number;
  readonly page: Page;
}
