import type { EventMeta } from '../domain/events.ts';
import type { Scope } from '../domain/filter.ts';
import type { OrganizationId, UserId } from '../domain/ids.ts';
import type { LockCause } from '../domain/lock.ts';
import type { RunItem, RunSlice, UnlockRun } from '../domain/unlock-run.ts';
import type { LockFilter, UnlockOutcome, UnlockRunEvent } from '../domain/unlock-run-events.ts';
import type { Asker } from './records.ts';

/** What the memory holds of runs: rows of their own, beside the events that their unlocks write. */
export interface UnlockRunStore extends UnlockRunReads {
  /** What the filter finds, of one moment. Looks at every user. */
  countLocks(query: SelectLocks & { readonly sampleSize: number }): Promise<LocksFound>;
  /** How many those are, and their digest. Looks at every user as well, and costs less. */
  sumLocks(query: SelectLocks): Promise<FrozenSet>;
  /**
   * Writes the same set, of one moment, down as the run's slices, in the order of user ids. undefined: the run is gone, and
   * has none.
   */
  freezeLocks(freeze: FreezeLocks): Promise<FrozenSet | undefined>;

  /** Writes a run that nobody carries yet. False: there is one of this request already. */
  addRun(run: UnlockRun, requestKey: string | undefined): Promise<boolean>;
  /** False: the run is gone, and has none. */
  addRunSlices(runId: string, slices: readonly NewSlice[]): Promise<boolean>;
  /** Compare-and-set on `before.version`, with all that stands beside it; false: it moved, or is gone. */
  moveRun(move: RunMove): Promise<boolean>;
  /** The run with its slices, where it still is of this version. */
  removeRun(run: UnlockRun): Promise<void>;
  /** Removes some of its slices; false: there are none. */
  removeRunSlices(runId: string): Promise<boolean>;
}

/** Runs as they stand. */
export interface UnlockRunReads {
  loadRun(runId: string): Promise<UnlockRun | undefined>;
  loadRunOfRequest(requestKey: string): Promise<UnlockRun | undefined>;
  /** Those before the id, the newest first; '': from the newest of all. */
  listRuns(query: { readonly before: string; readonly limit: number }): Promise<readonly UnlockRun[]>;
  /** Those that have not ended and that nobody carries at this time, the oldest first. */
  listRunsLeft(nowMs: number, limit: number): Promise<readonly UnlockRun[]>;
  /** Those after the id, of every state, the oldest first. */
  listRunsOldest(query: { readonly after: string; readonly limit: number }): Promise<readonly UnlockRun[]>;
  /** From this slice on; only those that hold the outcome, where one is named. */
  listRunSlices(query: ListRunSlices): Promise<readonly RunSlice[]>;
}

export interface SelectLocks {
  readonly scope: Scope;
  readonly filter: LockFilter;
  readonly asker?: Asker | undefined;
}

export interface LocksFound {
  /** By organization and cause. */
  readonly groups: readonly LockGroup[];
  /** Which locks those are: another set of as many has another sum, modulo digestModulus. */
  readonly digest: number;
  /** When the first and the last of them were set; undefined where there are none. */
  readonly times: { readonly earliest: number; readonly latest: number } | undefined;
  /** The oldest ones, then the newest; none twice. */
  readonly sample: readonly UserId[];
}

export interface LockGroup {
  readonly organizationId: OrganizationId;
  /** undefined: from before causes were written. */
  readonly cause: LockCause | undefined;
  readonly locks: number;
}

export interface FreezeLocks extends SelectLocks {
  readonly runId: string;
  /** Awaited now and then where it takes long. Where it throws, so does all, and what is written stays. */
  readonly onPart: () => Promise<void>;
}

/** What tells one set from another; `digest`: as countLocks has it. */
export interface FrozenSet {
  readonly locks: number;
  readonly digest: number;
}

/** Items as a row of the slices holds them, or to be written so. */
export interface NewSlice {
  readonly slice: number;
  readonly items: string | readonly RunItem[];
}

export interface RunMove {
  readonly before: UnlockRun;
  readonly after: UnlockRun;
  /** What is known of their items from now on. */
  readonly slices?: readonly RunSlice[];
  readonly event?: {
    readonly event: UnlockRunEvent;
    readonly at: { readonly createdAt: number; readonly eventId: string };
    readonly meta: EventMeta;
  };
}

export interface ListRunSlices {
  readonly runId: string;
  readonly from: number;
  readonly outcome?: UnlockOutcome;
  readonly limit: number;
}
