import type { UnlockOutcome, UnlockRunState } from '../domain/unlock-run-events.ts';
import type { LockQuery } from './backend-lock.ts';

/** The part of Backend that is about waves of locks. */
export interface RunBackend {
  previewRun(filter: Omit<LockQuery, 'offset' | 'limit'>): Promise<PreviewRow>;
  startRun(order: RunToStart): Promise<RunRow>;
  getRun(runId: string): Promise<RunRow>;
  /** Newest first. */
  listRuns(page: RunPageQuery): Promise<RunPage<RunRow>>;
  /** In an order that never changes. */
  listRunItems(
    query: RunPageQuery & { readonly runId: string; readonly outcome?: UnlockOutcome },
  ): Promise<RunPage<RunItemRow>>;
  cancelRun(runId: string): Promise<RunRow>;
  revertRun(order: RunToRevert): Promise<RunRow>;
}

/** How many items one call asks for at most; the server refuses more. */
export const runItemsMax = 1_000;
/** The same for runs. */
export const runsMax = 100;

export interface PreviewRow {
  readonly count: number;
  /** The most frequent first. */
  readonly causes: readonly { readonly cause: string; readonly count: number }[];
  /** The most frequent first, 100 at most. */
  readonly organizations: readonly { readonly organizationId: string; readonly count: number }[];
  readonly earliest?: string;
  readonly latest?: string;
  readonly notPermitted: number;
  /** Absent where there is nothing to unlock. */
  readonly runToken?: Uint8Array;
}

export interface RunToStart {
  readonly runToken: Uint8Array;
  readonly count: number;
  readonly ticket?: string;
  readonly requestId?: string;
  /** A second; 0: no limit. */
  readonly rate: number;
}

export interface RunToRevert {
  readonly runId: string;
  readonly ticket?: string;
  readonly rate: number;
}

export interface RunRow {
  readonly runId: string;
  readonly state: UnlockRunState;
  readonly total: number;
  readonly outcomes: Readonly<Record<UnlockOutcome, number>>;
  readonly started: string;
  readonly ended?: string;
  readonly startedBy: string;
  readonly reason?: string;
  readonly ticket?: string;
  readonly revertsRunId?: string;
}

export interface RunItemRow {
  readonly userId: string;
  readonly loginName: string;
  readonly organizationId: string;
  readonly generation: number;
  /** Absent: not tried. */
  readonly outcome?: UnlockOutcome;
  readonly sequence?: number;
  readonly why?: string;
}

export interface RunPageQuery {
  /** Empty: the first page. */
  readonly pageToken: string;
  readonly pageSize: number;
}

export interface RunPage<Row> {
  readonly rows: readonly Row[];
  /** Empty: this is the last page. */
  readonly nextPageToken: string;
}

/** How many of the run are behind it. */
export function triedOf({ outcomes }: RunRow): number {
  return Object.values(outcomes).reduce((all, one) => all + one, 0);
}
