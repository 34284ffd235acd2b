import type { Caller } from '../auth/caller.ts';
import type { UserId } from '../domain/ids.ts';
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
  const rule = { userId, permission: permissionOf[action], notFound: transitions[action].notFound };
  return changeUser(app, caller, rule, (user) => ({ events: [decide(user, action)] }));
}
