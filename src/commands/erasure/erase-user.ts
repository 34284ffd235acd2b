import { may, permissionMissing, requireOnInstance } from '../../auth/authorize.ts';
import type { Caller } from '../../auth/caller.ts';
import { DomainError } from '../../domain/errors.ts';
import type { UserEvent } from '../../domain/events.ts';
import type { UserId } from '../../domain/ids.ts';
import type { Grant, User } from '../../domain/user.ts';
import { decide } from '../../domain/user-state.ts';
import { type CommandApp, changeUser } from '../change-user.ts';
import { eraseTraces, grantsEver, settledAfterMs } from './erase-traces.ts';

const erased: UserEvent = Object.freeze({ type: 'user.erased', payload: Object.freeze({}) });

/**
 * Deletes the user, where they are not deleted already, and takes the person out of the log: see erase-traces.ts. Of
 * several at once one does it. What a crash interrupts, the next start finishes. Throws userErased, and as changeUser.
 */
export async function eraseUser(app: CommandApp, caller: Caller, userId: UserId): Promise<User> {
  const rule = { userId, permission: 'user.delete', notFound: 'userNotFound', evenDeleted: true } as const;
  const user = await changeUser(app, caller, rule, async (found) => {
    requireWhereverTheyActed(caller, await grantsEver(app, userId));
    if (found.state !== 'deleted') {
      return { events: [{ type: decide(found, 'delete'), payload: {} } as UserEvent, erased] };
    }
    const [newest] = await app.store.listEvents({ userId, newestFirst: true, afterPosition: 0, limit: 1 });
    if (newest?.type !== 'user.erased') return { events: [erased] };
    // Whoever asks again because the first answer was lost may rely on it as well.
    if (await isUnderWay(app, userId)) await eraseTraces(app, userId);
    throw new DomainError('userErased');
  });
  await eraseTraces(app, userId);
  return user;
}

/**
 * What somebody did goes as well, in every organization in which a role let them: the record of others is not one
 * manager's to change, nor that of who stood above them. Throws permissionMissing.
 */
function requireWhereverTheyActed(caller: Caller, grants: readonly Grant[]): void {
  for (const { organizationId } of grants) {
    if (organizationId === undefined) requireOnInstance(caller, 'user.delete');
    else if (!may(caller, 'user.delete', organizationId)) throw permissionMissing('user.delete');
  }
}

async function isUnderWay({ store }: Pick<CommandApp, 'store'>, userId: UserId): Promise<boolean> {
  return (await store.listErasures()).some((erasure) => erasure.userId === userId);
}

/** What this process has seen of an erasure that is not over, by its own clock. */
export interface Looked {
  readonly erasedAt: number;
  readonly firstAtMs: number;
  /** When it is looked at again, once it is settled, and after how long that was. */
  readonly againAtMs: number;
  readonly waitMs: number;
}

const waitMsMin = 500;
/** What is not over waits for a run, or for a reader of the file, and they may take hours. */
const waitMsMax = 60_000;

/**
 * Finishes what others have begun: at once what this process has not looked at yet (a crash may have left it), once more
 * when nobody can have a call under way that had begun before, and then less and less often until it is over. `looked`
 * are those that it has looked at.
 */
export async function sweepErasures(
  app: Pick<CommandApp, 'store' | 'now' | 'newId'>,
  looked: Map<UserId, Looked>,
): Promise<void> {
  for (const { userId, erasedAt } of await app.store.listErasures()) {
    const before = looked.get(userId);
    const last = before?.erasedAt === erasedAt ? before : undefined;
    const atMs = performance.now();
    // The clock may have run ahead when it was written, and be right again.
    const isSettled =
      erasedAt + settledAfterMs <= app.now() ||
      (last !== undefined && last.firstAtMs + settledAfterMs <= atMs);
    if (last !== undefined && (!isSettled || atMs < last.againAtMs)) continue;
    const isDropped = await eraseTraces(app, userId);
    if (isSettled && isDropped) {
      await app.store.endErasure(userId);
      looked.delete(userId);
    } else {
      const looking = last ?? { erasedAt, firstAtMs: atMs, againAtMs: 0, waitMs: waitMsMin };
      looked.set(userId, isSettled ? later(looking) : looking);
    }
  }
}

function later(looked: Looked): Looked {
  const waitMs = Math.min(2 * looked.waitMs, waitMsMax);
  return { ...looked, againAtMs: performance.now() + waitMs, waitMs };
}
