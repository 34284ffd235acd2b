import { isEnded, type UnlockRun } from '../../domain/unlock-run.ts';
import type { Store } from '../../store/store.ts';

export interface ForgetApp {
  readonly store: Pick<Store, 'listRunsOldest' | 'moveRun' | 'removeRunSlices'>;
  readonly now: () => number;
  /** How long after its end a run's items are kept, in milliseconds; 0: always. */
  readonly runItemsMs: number;
}

/** Up to which run all are forgotten that will be: what is before it is not looked at again. */
export interface Forgotten {
  runId: string;
}

const runsAtOnce = 100;
/** Of all runs together, one after the other: what is unlocked meanwhile waits for none of it, and what is swept beside it not for long. */
const removesAtOnce = 250;

/**
 * Lets go of what became of each user of a run that ended long ago; its counts stay, and so do the events. First it is written
 * down that they are gone, so that nobody takes back a part of it; the next call removes them. Throws storeUnavailable.
 */
export async function forgetItems(app: ForgetApp, forgotten: Forgotten): Promise<void> {
  if (app.runItemsMs === 0) return;
  const endedBefore = app.now() - app.runItemsMs;
  const left = { removes: removesAtOnce };
  let isAllForgotten = true;
  for (const run of await app.store.listRunsOldest({ after: forgotten.runId, limit: runsAtOnce })) {
    const isOver = isEnded(run) && (run.endedAt ?? 0) < endedBefore;
    const isGone = isOver && (await isForgotten(app, run, left));
    isAllForgotten &&= isGone;
    if (isAllForgotten) forgotten.runId = run.runId;
  }
}

async function isForgotten(
  { store }: ForgetApp,
  before: UnlockRun,
  left: { removes: number },
): Promise<boolean> {
  if (before.itemsGone !== true) {
    await store.moveRun({ before, after: { ...before, version: before.version + 1, itemsGone: true } });
    return false;
  }
  for (; left.removes > 0; left.removes -= 1) {
    if (!(await store.removeRunSlices(before.runId))) return true;
  }
  return false;
}
