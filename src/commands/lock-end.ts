import { endOfLock, isLockOver } from '../domain/lock.ts';
import type { User } from '../domain/user.ts';
import type { CommandApp } from './change-user.ts';

const locksMax = 1_000;

/**
 * Writes the end of a lock whose time has come: at the true instant, whenever that is done, by the policy. Answers the
 * user as they stand then; undefined where the row moved meanwhile, to be loaded again.
 */
export async function endLock(app: CommandApp, before: User): Promise<User | undefined> {
  if (!isLockOver(before, app.now())) return before;
  const until = before.lockout.lock?.until ?? app.now();
  const after = await app.store.append({
    before,
    userId: before.userId,
    events: [endOfLock(before)],
    at: { createdAt: until, eventId: app.newId() },
    meta: {},
  });
  return typeof after === 'string' ? undefined : after;
}

/**
 * Ends every lock whose time has come: before a list or the log is read, so that both agree with what a look at the
 * user says, and by the clock, so that the log tells of it soon. Answers how many were over.
 */
export async function endLocks(app: CommandApp): Promise<number> {
  const over = await app.store.listLocksOver(app.now(), locksMax);
  await Promise.all(over.map((user) => endLock(app, user)));
  return over.length;
}
