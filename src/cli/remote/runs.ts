import {
  type LockFilter,
  UnlockRunServiceService as runs,
  type UnlockRun,
  type UnlockRunItem,
  UnlockOutcome as WireOutcome,
  UnlockRunState as WireState,
} from '../../../gen/grpc-js/latchkey/v1/unlock_run.ts';
import type { UnlockOutcome, UnlockRunState } from '../../domain/unlock-run-events.ts';
import type { LockQuery } from '../backend-lock.ts';
import type { RunBackend, RunItemRow, RunRow } from '../run-backend.ts';
import type { Connection } from './call.ts';
import { causeNumbers } from './locks.ts';
import { nameOf, promised, timeText } from './rows.ts';

/** Runs of a server. */
export function remoteRuns({ call }: Connection): RunBackend {
  return {
    async previewRun(filter) {
      const request = { filter: filterMessage(filter), sampleSize: 0 };
      const found = await call(runs.previewUnlock, request);
      const { earliest, latest, runToken } = found;
      return {
        count: Number(found.count),
        causes: found.causes.map(({ cause, count }) => ({
          cause: nameOf(causeNumbers, cause) ?? 'unknown',
          count: Number(count),
        })),
        organizations: found.organizations.map((one) => ({ ...one, count: Number(one.count) })),
        ...(earliest !== undefined && { earliest: timeText(earliest) }),
        ...(latest !== undefined && { latest: timeText(latest) }),
        notPermitted: Number(found.notPermitted),
        ...(runToken.length > 0 && { runToken }),
      };
    },
    async startRun({ runToken, count, ticket = '', requestId = '', rate }) {
      const order = { ticket, requestId, reason: '', identification: '', stopAfterFailures: 0 };
      const { run } = await call(runs.startUnlockRun, {
        ...order,
        runToken: Buffer.from(runToken),
        confirmedCount: BigInt(count),
        maxPerSecond: rate,
      });
      return runRow(promised(run, 'run'));
    },
    async getRun(runId) {
      return runRow(promised((await call(runs.getUnlockRun, { runId })).run, 'run'));
    },
    async listRuns(page) {
      const found = await call(runs.listUnlockRuns, page);
      return { rows: found.runs.map(runRow), nextPageToken: found.nextPageToken };
    },
    async listRunItems({ outcome, ...query }) {
      const wanted = outcome === undefined ? WireOutcome.UNLOCK_OUTCOME_UNSPECIFIED : outcomeNumbers[outcome];
      const found = await call(runs.listUnlockRunItems, { ...query, outcome: wanted });
      return { rows: found.items.map(itemRow), nextPageToken: found.nextPageToken };
    },
    async cancelRun(runId) {
      return runRow(promised((await call(runs.cancelUnlockRun, { runId })).run, 'run'));
    },
    async revertRun({ runId, ticket = '', rate }) {
      const request = { runId, ticket, reason: '', requestId: '', maxPerSecond: rate };
      return runRow(promised((await call(runs.revertUnlockRun, request)).run, 'run'));
    },
  };
}

function filterMessage({
  organizationId,
  cause,
  since,
  before,
}: Omit<LockQuery, 'offset' | 'limit'>): LockFilter {
  return {
    organizationId,
    causes: cause === undefined ? [] : [causeNumbers[cause]],
    lockedSince: since === undefined ? undefined : new Date(since),
    lockedBefore: before === undefined ? undefined : new Date(before),
    userIds: [],
    exceptUserIds: [],
    lockedBy: undefined,
    reasonContains: undefined,
    hasEnd: undefined,
  };
}

const outcomeNumbers = {
  unlocked: WireOutcome.UNLOCK_OUTCOME_UNLOCKED,
  newer_lock: WireOutcome.UNLOCK_OUTCOME_NEWER_LOCK,
  not_locked: WireOutcome.UNLOCK_OUTCOME_NOT_LOCKED,
  not_permitted: WireOutcome.UNLOCK_OUTCOME_NOT_PERMITTED,
  failed: WireOutcome.UNLOCK_OUTCOME_FAILED,
  locked_again: WireOutcome.UNLOCK_OUTCOME_LOCKED_AGAIN,
  changed: WireOutcome.UNLOCK_OUTCOME_CHANGED,
  lock_over: WireOutcome.UNLOCK_OUTCOME_LOCK_OVER,
} as const satisfies Record<UnlockOutcome, WireOutcome>;

const stateNumbers = {
  preparing: WireState.UNLOCK_RUN_STATE_UNSPECIFIED,
  running: WireState.UNLOCK_RUN_STATE_RUNNING,
  done: WireState.UNLOCK_RUN_STATE_DONE,
  cancelled: WireState.UNLOCK_RUN_STATE_CANCELLED,
  stopped: WireState.UNLOCK_RUN_STATE_STOPPED,
} as const satisfies Record<UnlockRunState, WireState>;

// The wire says empty where it does not know.
function runRow(run: UnlockRun): RunRow {
  const { runId, startedBy, reason, ticket, revertsRunId, ended } = run;
  return {
    runId,
    state: promised(nameOf(stateNumbers, run.state), 'known state'),
    total: Number(run.total),
    outcomes: {
      unlocked: Number(run.unlocked),
      newer_lock: Number(run.newerLock),
      not_locked: Number(run.notLocked),
      not_permitted: Number(run.notPermitted),
      failed: Number(run.failed),
      locked_again: Number(run.lockedAgain),
      changed: Number(run.changed),
      lock_over: Number(run.lockOver),
    },
    started: timeText(run.started),
    ...(ended !== undefined && { ended: timeText(ended) }),
    startedBy,
    ...(reason !== '' && { reason }),
    ...(ticket !== '' && { ticket }),
    ...(revertsRunId !== '' && { revertsRunId }),
  };
}

function itemRow(item: UnlockRunItem): RunItemRow {
  const { userId, loginName, organizationId, generation, sequence, why } = item;
  const outcome = nameOf(outcomeNumbers, item.outcome);
  return {
    ...{ userId, loginName, organizationId },
    generation: Number(generation),
    ...(outcome !== undefined && { outcome }),
    ...(sequence > 0n && { sequence: Number(sequence) }),
    ...(why !== '' && { why }),
  };
}
