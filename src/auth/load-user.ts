import { DomainError, type ErrorName } from '../domain/errors.ts';
import type { Scope } from '../domain/filter.ts';
import type { UserId } from '../domain/ids.ts';
import type { Permission } from '../domain/roles.ts';
import type { User } from '../domain/user.ts';
import type { Store, UserRecord } from '../store/store.ts';
import { mayGrant, requireOnUser } from './authorize.ts';
import type { Caller } from './caller.ts';

/** What a call on one user takes. */
export interface UserRule {
  readonly userId: UserId;
  readonly permission: Permission;
  /** What unknown, deleted and hidden users are answered with: the same for all three. */
  readonly notFound: ErrorName;
  /** The call is open even on who stands above the caller: unlocking, and roles, which have a rule of their own. */
  readonly evenAbove?: boolean;
  /** The call is about deleted users as well. */
  readonly evenDeleted?: boolean;
}

/**
 * The user, for who may act on them. Whose the user is comes first: of one whom the caller may not see nothing is parsed
 * that depends on their state, and no lock of theirs is ended on the way, so that no time is taken that tells them from
 * a user that nobody has. Throws `rule.notFound` and permissionMissing.
 */
export async function loadForCaller(
  { store }: { readonly store: Pick<Store, 'loadUser'> },
  caller: Caller,
  rule: UserRule,
): Promise<User> {
  const user = await store.loadUser(rule.userId, (found) => requireOnUser(caller, found, rule));
  // Deleted meanwhile, at worst: where their lock was over, they were read twice.
  const isGone = user?.state === 'deleted' && rule.evenDeleted !== true;
  if (user === undefined || isGone) throw new DomainError(rule.notFound);
  if (rule.evenAbove !== true) requireNotAbove(caller, user);
  return user;
}

/** Of the users of these ids those who are within the scope, with all that a reader is shown, by user name. */
export async function loadRecords(
  { store }: { readonly store: Pick<Store, 'listUsers'> },
  scope: Scope,
  userIds: readonly string[],
): Promise<readonly UserRecord[]> {
  const page = { offset: 0, limit: userIds.length, ascending: true };
  const { rows } = await store.listUsers({
    scope,
    filters: [{ kind: 'ids', userIds }],
    sort: 'user_name',
    page,
  });
  return rows;
}

/**
 * Nobody locks, deactivates, deletes, changes or hands out credentials of who holds a role that they could not hand out
 * themselves: or a manager of users could shut out the owner, and who sets an owner's password become one. Throws
 * permissionMissing.
 */
export function requireNotAbove(caller: Caller, user: Pick<User, 'grants'>): void {
  if (isAbove(caller, user)) throw new DomainError('permissionMissing');
}

/** Whether the user holds a role that the caller could not hand out. */
export function isAbove(caller: Caller, { grants }: Pick<User, 'grants'>): boolean {
  return grants.some(({ role, organizationId }) => !mayGrant(caller, role, organizationId));
}
