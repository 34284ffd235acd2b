import { actorFacts, type EventMeta } from './events.ts';
import type { OrganizationId, UserId } from './ids.ts';
import { leaseLeftMs } from './lease.ts';
import {
  type LockFilter,
  type OutcomeCounts,
  outcomes,
  type UnlockOutcome,
  type UnlockRunEvent,
  type UnlockRunState,
} from './unlock-run-events.ts';
import type { Grant } from './user.ts';

/** Many unlocks as one piece of work. Times are milliseconds since 1970, UTC. */
export interface UnlockRun {
  readonly runId: string;
  readonly state: UnlockRunState;
  /** The version that compare-and-set compares; moved by every write. */
  readonly version: number;
  readonly total: number;
  readonly counts: OutcomeCounts;
  readonly startedAt: number;
  readonly endedAt?: number;
  /** Who started it, from where and why: what every event of it says. */
  readonly meta: EventMeta;
  /** Of ours, by which they started it: it ends with the token. */
  readonly tokenId?: string;
  /** What whoever has no row of ours held when they started it, and until when that is taken for true. */
  readonly grants?: { readonly held: readonly Grant[]; readonly until: number };
  /** Every organization of its users; undefined: too many to be named. */
  readonly organizationIds?: readonly OrganizationId[];
  readonly filter?: LockFilter;
  readonly ticket?: string;
  readonly identification?: string;
  readonly revertsRunId?: string;
  /** 0: no limit. */
  readonly maxPerSecond: number;
  /** 0: it goes on whatever fails. */
  readonly stopAfterFailures: number;
  /** What became of each user is not kept any more. */
  readonly itemsGone?: true;
  /** Who has cancelled it. */
  readonly cancelledBy?: EventMeta;
  /** The first slice that is not done. */
  readonly nextSlice: number;
  /** The server that carries it, until when; it says so again with all that it has done. */
  readonly holder: string;
  readonly leaseUntil: number;
}

/** One user of a run. */
export interface RunItem {
  readonly userId: UserId;
  readonly organizationId: OrganizationId;
  /** Of the lock that is to end; of a run that reverts: sequence of the unlock that is taken back. */
  readonly generation: number;
  /** When that lock ends by itself. */
  readonly until: number | undefined;
}

/** `sequence`: of the event that it wrote. `why`: what came between. */
export interface RunResult {
  readonly outcome: UnlockOutcome;
  readonly sequence?: number;
  readonly why?: string;
}

/** Users of a run that stand, and are done, together. */
export interface RunSlice {
  /** From 0. */
  readonly slice: number;
  readonly items: readonly RunItem[];
  /** Beside the items; undefined, or not there: not tried yet. */
  readonly results: readonly (RunResult | undefined)[];
}

/** Users in one slice: what is unlocked between two looks at whether to go on. */
export const sliceSize = 128;
/** More than so many are a wave, and take user.unlock.bulk. */
export const withoutBulkMax = 100;
/** What whoever does not hold it may have unlocked by runs, whatever their number, within `withoutBulkWindowMs`. */
export const withoutBulkWindowMs = 3_600_000;
/** Runs of one organization that have not ended; of those that name several, one caller's. */
export const openOfOneMax = 50;
/** Of all together: as many as are looked at for whose turn it is. */
export const openMax = 1_000;
/** Organizations that a run names. */
export const organizationsNamedMax = 100;

/** Nothing tried yet. */
export const noOutcomes: OutcomeCounts = Object.freeze(
  Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<UnlockOutcome, number>,
);

/** The counts with these results in them. */
export function counted(counts: OutcomeCounts, results: readonly (RunResult | undefined)[]): OutcomeCounts {
  const next = { ...counts };
  for (const result of results) if (result !== undefined) next[result.outcome] += 1;
  return next;
}

export function isEnded({ state }: UnlockRun): boolean {
  return state === 'done' || state === 'cancelled' || state === 'stopped';
}

/** Longer than any server's lease of a run. */
export const leaseAheadMs = 300_000;

/** Whether any server may go on with the run. */
export function isLeaseOver({ leaseUntil }: Pick<UnlockRun, 'leaseUntil'>, nowMs: number): boolean {
  return leaseLeftMs(leaseUntil, { nowMs, msMax: leaseAheadMs }) <= 0;
}

/** Whose turn a run takes, and whose place: its organization's; of several, the instance's. */
export function organizationOf({ organizationIds = [] }: Pick<UnlockRun, 'organizationIds'>): string {
  const [organizationId = '', ...others] = organizationIds;
  return others.length === 0 ? organizationId : '';
}

/** Whoever started it, as one text. */
export function startedBy({ meta }: Pick<UnlockRun, 'meta'>): string {
  return JSON.stringify(actorFacts(meta));
}

/** Sums of digests are taken modulo this, so that they are exact numbers however many there are. */
export const digestModulus = 1_000_000_007;

/** Of sets that have nobody in common. */
export function digestOfAll(digests: readonly number[]): number {
  return digests.reduce((all, one) => (all + one) % digestModulus, 0);
}

/** Whether the filter finds whoever is locked. */
export function saysNothing(filter: LockFilter): boolean {
  const { causes, userIds, exceptUserIds, ...rest } = filter;
  const lists = [causes, userIds, exceptUserIds];
  return (
    lists.every((list) => list.length === 0) && Object.values(rest).every((value) => value === undefined)
  );
}

/** The event that begins the run. */
export function runStarted(run: UnlockRun): UnlockRunEvent {
  const { runId, total, filter, ticket, identification, revertsRunId } = run;
  const payload = {
    runId,
    total,
    ...(filter && { filter }),
    ...(ticket && { ticket }),
    ...(identification && { identification }),
    ...(revertsRunId && { revertsRunId }),
  };
  return { type: 'unlock.run.started', payload };
}

/** The event that ends it; it stands in its last state already. */
export function runEnded({ runId, state, total, counts, ticket }: UnlockRun): UnlockRunEvent {
  const told = Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
  return {
    type: 'unlock.run.ended',
    payload: { runId, state, total, counts: told, ...(ticket && { ticket }) },
  };
}
