import type { Explanation, KnownDevice, Obstacle } from '../domain/explain.ts';
import type { LockCause } from '../domain/lock.ts';
import type { LockoutPolicy, PolicySource } from '../domain/lockout-policy.ts';
import type { UserState } from '../domain/user.ts';
import type { ChangeRow, Listing, PageQuery } from './page.ts';

/** The part of Backend that is about locks and what they come from. The reason is the connection's. */
export interface LockBackend {
  lockUser(order: LockToSet): Promise<LockedRow>;
  unlockUser(order: LockToEnd): Promise<UnlockedRow>;
  getLock(userId: string): Promise<LockRow>;
  /** Oldest first. */
  listLocks(query: LockQuery): Promise<Listing<LockRow>>;
  explainUser(userId: string): Promise<ExplanationRow>;
  getPolicy(organizationId: string | undefined): Promise<PolicyRow>;
  setPolicy(organizationId: string | undefined, change: Partial<LockoutPolicy>): Promise<PolicyRow>;
  resetPolicy(organizationId: string | undefined): Promise<PolicyRow>;
}

export interface LockToSet {
  readonly userId: string;
  /** Milliseconds since 1970; absent: until somebody unlocks. */
  readonly until?: number;
}

export interface LockToEnd {
  readonly userId: string;
  readonly ticket?: string;
  readonly identification?: string;
  readonly expectedGeneration?: bigint;
  /** The same one again does nothing. */
  readonly requestId?: string;
}

export interface LockedRow extends ChangeRow {
  readonly generation: number;
  readonly until?: string;
}

export interface UnlockedRow extends ChangeRow {
  /** Of the lock that ended. */
  readonly generation: number;
}

export interface LockQuery extends PageQuery {
  readonly organizationId?: string;
  readonly cause?: LockCause;
  /** Milliseconds since 1970: locked at this time or later, and before this one. */
  readonly since?: number;
  readonly before?: number;
}

export interface LockRow {
  readonly userId: string;
  readonly loginName: string;
  readonly organizationId: string;
  readonly cause: LockCause;
  readonly reason?: string;
  readonly lockedBy?: string;
  readonly since: string;
  readonly until?: string;
  readonly failedAttempts: number;
  readonly generation: number;
  /** Newest first; of one lock alone, not in lists. */
  readonly failedSignIns?: readonly FailureRow[];
}

export interface FailureRow {
  readonly time: string;
  readonly ip?: string;
  readonly userAgent?: string;
}

export interface ExplanationRow extends Pick<Explanation, 'canSignIn' | 'summary'> {
  readonly userId: string;
  readonly state: UserState;
  readonly obstacles: readonly ObstacleRow[];
  readonly attemptsLeft?: number;
  readonly lock?: LockRow;
  readonly devices: readonly DeviceRow[];
}

export interface ObstacleRow extends Omit<Obstacle, 'code' | 'ends'> {
  readonly code: string;
  readonly ends?: string;
}

export interface DeviceRow extends Omit<KnownDevice, 'attemptsLeft'> {
  readonly attemptsLeft?: number;
}

/** The policy in force, and where it comes from. */
export interface PolicyRow extends LockoutPolicy {
  readonly source: PolicySource;
}
