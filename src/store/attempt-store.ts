import type { EventMeta } from '../domain/events.ts';
import type { OrganizationId, UserId } from '../domain/ids.ts';

/**
 * What the memory holds of attempts that an application makes and checks itself. One is a claim on the check of a user
 * that no other claim takes over: not when the user's row moves, and not when its time is over. It is ended by the append
 * that counts it (Change.attemptId), or dropped.
 */
export interface AttemptStore {
  /** False: the user is being checked, or tried in another attempt that nobody has ended, over or not. */
  beginAttempt(attempt: StoredAttempt, nowMs: number): Promise<boolean>;
  /** Not ended yet; `until` may have come. */
  loadAttempt(
    by: { readonly attemptId: string } | { readonly userId: UserId },
  ): Promise<StoredAttempt | undefined>;
  /** It counts for nothing. False: it was ended already. */
  dropAttempt(attempt: Pick<StoredAttempt, 'userId' | 'attemptId'>): Promise<boolean>;
  /** Those that nobody has ended in time, the longest over first. */
  listAttemptsOver(nowMs: number, limit: number): Promise<readonly StoredAttempt[]>;
  /** Whom an application of that organization calls so. */
  findExternal(by: ExternalName): Promise<UserId | undefined>;
}

export interface ExternalName {
  readonly organizationId: OrganizationId;
  readonly externalId: string;
}

/** Times are milliseconds since 1970, UTC. */
export interface AttemptFacts {
  readonly begunAt: number;
  /** When the user was made: an attempt on whoever had the id before is none on this one. */
  readonly createdAt: number;
  /** The known device that it comes from. */
  readonly deviceId?: string;
  /** Where failures count, as the application says. */
  readonly address?: string;
  /** Who began it, from where: the record of its end. */
  readonly meta: EventMeta;
}

export interface StoredAttempt extends AttemptFacts {
  /** Nobody can guess it. */
  readonly attemptId: string;
  readonly userId: UserId;
  /** The user's, as loaded. */
  readonly sequence: number;
  /** When it has failed unless it was ended. */
  readonly until: number;
}
