import {
  UnlockOutcome,
  type UnlockRun,
  UnlockRunState,
} from '../../../../gen/es/latchkey/v1/unlock_run_pb.js';

export const runStateWords: Readonly<Record<UnlockRunState, string>> = {
  [UnlockRunState.UNSPECIFIED]: 'Not known',
  [UnlockRunState.RUNNING]: 'Under way',
  [UnlockRunState.DONE]: 'Done',
  [UnlockRunState.CANCELLED]: 'Cancelled',
  [UnlockRunState.STOPPED]: 'Stopped: too many failed',
};

export const outcomeWords: Readonly<Record<UnlockOutcome, string>> = {
  [UnlockOutcome.UNSPECIFIED]: 'Not tried',
  [UnlockOutcome.UNLOCKED]: 'Unlocked',
  [UnlockOutcome.NEWER_LOCK]: 'Left alone: under a newer lock',
  [UnlockOutcome.NOT_LOCKED]: 'Not locked any more',
  [UnlockOutcome.NOT_PERMITTED]: 'Not permitted',
  [UnlockOutcome.FAILED]: 'Failed',
  [UnlockOutcome.LOCKED_AGAIN]: 'Locked again',
  [UnlockOutcome.CHANGED]: 'Left alone: changed since',
  [UnlockOutcome.LOCK_OVER]: 'Left alone: the old lock is over',
};

/** How many of a run came to which end, those alone that there are. */
export function countsOf(run: UnlockRun): readonly (readonly [UnlockOutcome, number])[] {
  const counts: readonly (readonly [UnlockOutcome, bigint])[] = [
    [UnlockOutcome.UNLOCKED, run.unlocked],
    [UnlockOutcome.LOCKED_AGAIN, run.lockedAgain],
    [UnlockOutcome.NEWER_LOCK, run.newerLock],
    [UnlockOutcome.NOT_LOCKED, run.notLocked],
    [UnlockOutcome.CHANGED, run.changed],
    [UnlockOutcome.LOCK_OVER, run.lockOver],
    [UnlockOutcome.NOT_PERMITTED, run.notPermitted],
    [UnlockOutcome.FAILED, run.failed],
  ];
  const tried = counts.reduce((sum, [, count]) => sum + count, 0n);
  const all: readonly (readonly [UnlockOutcome, bigint])[] = [
    ...counts,
    [UnlockOutcome.UNSPECIFIED, run.total - tried],
  ];
  return all.filter(([, count]) => count > 0n).map(([outcome, count]) => [outcome, Number(count)]);
}

/** How many have been tried. */
export function triedOf(run: UnlockRun): number {
  const untried = countsOf(run).find(([outcome]) => outcome === UnlockOutcome.UNSPECIFIED)?.[1] ?? 0;
  return Number(run.total) - untried;
}
