import { requireHeldAnywhere } from '../../auth/authorize.ts';
import type { Caller } from '../../auth/caller.ts';
import { DomainError } from '../../domain/errors.ts';
import {
  isEnded,
  type RunItem,
  type RunResult,
  type UnlockRun,
  withoutBulkMax,
} from '../../domain/unlock-run.ts';
import type { CommandApp } from '../change-user.ts';
import { prepare } from './prepare.ts';
import { draft, type RunOrder } from './start.ts';

const slicesAtOnce = 8;

/**
 * Has locked again, by a new run, whom that one unlocked and who was left alone since. The caller may read it and
 * holds user.write somewhere: that was asked before. Throws permissionMissing, runGoesOn, runReverts, runItemsGone.
 */
export async function revertRun(
  app: CommandApp,
  caller: Caller,
  { reverted, ...order }: RunOrder & { readonly reverted: UnlockRun },
): Promise<UnlockRun> {
  const { runId, organizationIds, counts, revertsRunId } = reverted;
  if (counts.unlocked > withoutBulkMax) requireHeldAnywhere(caller, 'user.unlock.bulk');
  if (!isEnded(reverted)) throw new DomainError('runGoesOn');
  if (reverted.itemsGone === true) throw new DomainError('runItemsGone');
  if (revertsRunId !== undefined) throw new DomainError('runReverts');
  const run = {
    ...draft(app, caller, order),
    total: counts.unlocked,
    revertsRunId: runId,
    ...(organizationIds !== undefined && { organizationIds }),
  };
  return prepare(app, caller, {
    run,
    requestId: order.requestId,
    write: async (renew) => {
      let slice = 0;
      for await (const some of unlockedOf(app, runId)) {
        await renew();
        const added = some.map((items, index) => ({ slice: slice + index, items }));
        if (!(await app.store.addRunSlices(run.runId, added))) throw new DomainError('conflict');
        slice += some.length;
      }
      // Said before the first of them goes: a part of the run is not taken back as if it were all.
      if ((await app.store.loadRun(runId))?.itemsGone !== undefined) throw new DomainError('runItemsGone');
    },
  });
}

/** Whom the run unlocked, each with the sequence of that unlock. */
async function* unlockedOf(app: CommandApp, runId: string): AsyncGenerator<readonly (readonly RunItem[])[]> {
  for (let from = 0; ; ) {
    const slices = await app.store.listRunSlices({ runId, from, outcome: 'unlocked', limit: slicesAtOnce });
    // A slice that is not whole is as good as any other.
    yield slices.map(({ items, results }) => items.flatMap((item, index) => unlockOf(item, results[index])));
    if (slices.length < slicesAtOnce) return;
    from = (slices.at(-1)?.slice ?? from) + 1;
  }
}

function unlockOf(item: RunItem, result: RunResult | undefined): readonly RunItem[] {
  if (result?.outcome !== 'unlocked' || result.sequence === undefined) return [];
  return [{ ...item, generation: result.sequence }];
}
