import { readScope } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { loadRecords } from '../auth/load-user.ts';
import type { Scope } from '../domain/filter.ts';
import { type Permission, permissions, roleHolds } from '../domain/roles.ts';
import type { QueryApp, UserRecord } from './users.ts';

/** Where a permission is held. */
export interface HeldPermission {
  readonly permission: Permission;
  readonly scope: Scope;
}

/** The permissions that the caller's roles come to, in the order of the contract's table. */
export function heldPermissions(caller: Caller): readonly HeldPermission[] {
  return (Object.keys(permissions) as Permission[])
    .filter((permission) => caller.grants.some(({ role }) => roleHolds(role, permission)))
    .map((permission) => ({ permission, scope: readScope(caller, permission) }));
}

/** The caller as a user, whatever they may read; undefined where they are no user of ours. */
export async function loadCaller(
  app: Pick<QueryApp, 'store'>,
  { meta }: Caller,
): Promise<UserRecord | undefined> {
  const { actorUserId } = meta;
  if (actorUserId === undefined) return undefined;
  return (await loadRecords(app, 'all', [actorUserId]))[0];
}
