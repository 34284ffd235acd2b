import { isDeepStrictEqual } from 'node:util';
import { may, permissionMissing, requireOnInstance } from '../../auth/authorize.ts';
import type { Caller } from '../../auth/caller.ts';
import { DomainError } from '../../domain/errors.ts';
import { isEnded, type UnlockRun } from '../../domain/unlock-run.ts';
import type { CommandApp } from '../change-user.ts';

const attemptsMax = 20;

/**
 * Has the run end with what is done: whoever carries it sees it before the next slice. The caller may read it: that was
 * asked before. Throws permissionMissing, runEnded, runNotFound, conflict.
 */
export async function cancelRun(app: CommandApp, caller: Caller, runId: string): Promise<UnlockRun> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const before = await app.store.loadRun(runId);
    if (before === undefined) throw new DomainError('runNotFound');
    requireCancel(caller, before);
    // By this very call, where the answer to its first attempt was lost.
    const isOurs = attempt > 0 && isDeepStrictEqual(before.cancelledBy, caller.meta);
    if (isEnded(before) && !isOurs) throw new DomainError('runEnded');
    if (before.cancelledBy !== undefined) return before;
    const after = { ...before, version: before.version + 1, cancelledBy: caller.meta };
    if (await app.store.moveRun({ before, after })) return after;
  }
  throw new DomainError('conflict');
}

function requireCancel(caller: Caller, { organizationIds }: UnlockRun): void {
  // More organizations than are named: whoever holds it on the instance.
  if (organizationIds === undefined) requireOnInstance(caller, 'user.unlock');
  else if (!organizationIds.every((organizationId) => may(caller, 'user.unlock', organizationId))) {
    throw permissionMissing('user.unlock');
  }
}
