import type { OrganizationId } from './ids.ts';
import type { LockCause } from './lock.ts';

/** Which locks; all that is given must hold. Times are whole milliseconds since 1970. */
export interface LockFilter {
  readonly organizationId?: OrganizationId;
  /** Empty: any. */
  readonly causes: readonly LockCause[];
  /** Set at this time or later. */
  readonly since?: number;
  /** Set before this time. */
  readonly before?: number;
  /** Empty: anybody. */
  readonly userIds: readonly string[];
  readonly exceptUserIds: readonly string[];
  readonly lockedBy?: string;
  readonly reasonContains?: string;
  readonly hasEnd?: boolean;
}

/** What became of one user. */
export const outcomes = [
  'unlocked',
  'newer_lock',
  'not_locked',
  'not_permitted',
  'failed',
  'locked_again',
  'changed',
  'lock_over',
] as const;
export type UnlockOutcome = (typeof outcomes)[number];
export type OutcomeCounts = Readonly<Record<UnlockOutcome, number>>;

/** 'preparing': its set is being written down; nobody is shown it. */
export type UnlockRunState = 'preparing' | 'running' | 'done' | 'cancelled' | 'stopped';

/** The events of a run's own, in the instance's stream. */
export type UnlockRunEvent =
  | { readonly type: 'unlock.run.started'; readonly payload: UnlockRunStarted }
  | { readonly type: 'unlock.run.ended'; readonly payload: UnlockRunEnded };

export interface UnlockRunStarted {
  readonly runId: string;
  readonly total: number;
  readonly filter?: LockFilter;
  readonly ticket?: string;
  readonly identification?: string;
  readonly revertsRunId?: string;
}

export interface UnlockRunEnded {
  readonly runId: string;
  readonly state: UnlockRunState;
  readonly total: number;
  readonly counts: Readonly<Partial<OutcomeCounts>>;
  readonly ticket?: string;
}
