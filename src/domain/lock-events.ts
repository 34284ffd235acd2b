import type { RecordedEvent, UserLocked, UserUnlocked } from './events.ts';
import type { User } from './user.ts';
import { decide } from './user-state.ts';

/** The policy that did it, where it was one: it locks after too many failures, and ends locks whose time has come. */
export function actingPolicy({ type, payload }: RecordedEvent): 'lockout' | undefined {
  const isOfLock = type === 'user.locked' || type === 'user.unlocked';
  return isOfLock && payload.cause === 'policy' ? 'lockout' : undefined;
}

/** Whether the user's lock has an end and it has come. */
export function isLockOver(user: User, nowMs: number): boolean {
  const until = user.state === 'locked' ? user.lockout.lock?.until : undefined;
  return until !== undefined && until <= nowMs;
}

/** The event that ends a lock whose time has come; it happened at `lock.until`, whenever it is written. */
export function endOfLock(user: User): { readonly type: 'user.unlocked'; readonly payload: UserUnlocked } {
  return unlocked(user, { cause: 'policy' });
}

/** The event that locks. Throws what the transitions table says. */
export function locked(
  user: User,
  payload: UserLocked,
): { readonly type: 'user.locked'; readonly payload: UserLocked } {
  return { type: decide(user, 'lock'), payload };
}

/** The event that unlocks, naming the lock that it ends. Throws what the transitions table says. */
export function unlocked(
  user: User,
  order: Omit<UserUnlocked, 'generation'>,
): { readonly type: 'user.unlocked'; readonly payload: UserUnlocked } {
  const type = decide(user, 'unlock');
  const generation = user.lockout.lock?.generation;
  return { type, payload: generation === undefined ? order : { ...order, generation } };
}
