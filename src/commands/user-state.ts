import type { Caller } from '../auth/caller.ts';
import type { UserRule } from '../auth/load-user.ts';
import { actorIn, type UserEvent, type UserLocked, type UserUnlocked } from '../domain/events.ts';
import type { UserId } from '../domain/ids.ts';
import type { LockCause } from '../domain/lock.ts';
import { locked, unlocked } from '../domain/lock-events.ts';
import type { Permission } from '../domain/roles.ts';
import type { User } from '../domain/user.ts';
import { decide, transitions, type UserAction } from '../domain/user-state.ts';
import { type CommandApp, changeUser } from './change-user.ts';

const permissionOf = {
  lock: 'user.write',
  unlock: 'user.unlock',
  deactivate: 'user.write',
  reactivate: 'user.write',
  delete: 'user.delete',
} as const satisfies Record<UserAction, Permission>;

/** Locks, unlocks, deactivates, reactivates or deletes. Of N at the same time, exactly one wins. */
export function changeUserState(
  app: CommandApp,
  caller: Caller,
  userId: UserId,
  action: UserAction,
): Promise<User> {
  return changeUser(app, caller, ruleOf(userId, action), (user) => ({
    events: [stateEvent(user, action, caller)],
  }));
}

/** Who may. Unlocking is the help desk's own work: it is open whatever roles the user holds. */
export function ruleOf(userId: UserId, action: UserAction): UserRule {
  const { notFound } = transitions[action];
  return { userId, permission: permissionOf[action], notFound, evenAbove: action === 'unlock' };
}

const noPayload = Object.freeze({});

function stateEvent(user: User, action: UserAction, caller: Caller): UserEvent {
  switch (action) {
    case 'lock':
      return lockedBy(caller, user, {});
    case 'unlock':
      return unlockedBy(caller, user, {});
    case 'deactivate':
    case 'reactivate':
    case 'delete':
      return { type: decide(user, action), payload: noPayload };
    default:
      return action satisfies never;
  }
}

/** The lock as the caller sets it; the reason is the one that came with the call. Throws as the transitions table says. */
export function lockedBy(
  caller: Caller,
  user: User,
  order: Pick<UserLocked, 'until' | 'requestId' | 'runId'>,
): UserEvent {
  const { reason } = caller.meta;
  const by = actorIn(caller.meta);
  return locked(user, {
    cause: causeOf(caller),
    ...(reason !== undefined && { reason }),
    ...(by !== undefined && { lockedBy: by }),
    failedAttempts: user.failedPasswordAttempts,
    ...order,
  });
}

/** The end of the lock as the caller orders it. Throws as the transitions table says. */
export function unlockedBy(
  caller: Caller,
  user: User,
  order: Pick<UserUnlocked, 'ticket' | 'identification' | 'requestId' | 'runId'>,
): UserEvent {
  return unlocked(user, { cause: causeOf(caller), ...order });
}

function causeOf(caller: Caller): LockCause {
  return caller.meta.actorOsUser === undefined ? 'administrator' : 'command_line';
}
