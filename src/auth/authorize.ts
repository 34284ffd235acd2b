import { DomainError, type ErrorName } from '../domain/errors.ts';
import type { Scope } from '../domain/filter.ts';
import type { OrganizationId } from '../domain/ids.ts';
import { type Permission, type Role, roleHolds } from '../domain/roles.ts';
import { type UnlockRun, withoutBulkMax } from '../domain/unlock-run.ts';
import type { Standing } from '../domain/user.ts';
import type { Store } from '../store/store.ts';
import type { Caller } from './caller.ts';

/** Whether the caller holds the permission in that organization, there or by a role on the instance. */
export function may(caller: Caller, permission: Permission, organizationId: OrganizationId): boolean {
  for (const grant of caller.grants) {
    if (grant.organizationId !== undefined && grant.organizationId !== organizationId) continue;
    if (roleHolds(grant.role, permission)) return true;
  }
  return false;
}

/** Whether the caller holds the permission everywhere: by a role on the instance, and in what belongs to no organization. */
export function mayEverywhere({ grants }: Caller, permission: Permission): boolean {
  return grants.some(
    ({ role, organizationId }) => organizationId === undefined && roleHolds(role, permission),
  );
}

/** Before anything is looked up: throws permissionMissing where the caller holds the permission nowhere at all. */
export function requireHeldAnywhere(caller: Caller, permission: Permission): void {
  for (const grant of caller.grants) if (roleHolds(grant.role, permission)) return;
  throw permissionMissing(permission);
}

/** The refusal, which names what is missing: every call's page tells it to everybody, so it is no secret. */
export const permissionMissing = (permission: Permission): DomainError =>
  new DomainError('permissionMissing', { metadata: { permission } });

/**
 * After the load: unknown, deleted and hidden are one answer (`notFound`), so that ids cannot be probed; only who may
 * read there learns that the permission is missing. The user's state may be looked at from here on.
 */
export function requireOnUser(
  caller: Caller,
  user: Standing | undefined,
  rule: {
    readonly permission: Permission;
    readonly notFound: ErrorName;
    readonly evenDeleted?: boolean;
  },
): void {
  const isGone = user?.state === 'deleted' && rule.evenDeleted !== true;
  if (user === undefined || isGone) throw new DomainError(rule.notFound);
  if (!may(caller, 'user.read', user.organizationId)) throw new DomainError(rule.notFound);
  if (!may(caller, rule.permission, user.organizationId)) throw permissionMissing(rule.permission);
}

/** The same order for an organization. */
export function requireOnOrganization(
  caller: Caller,
  organizationId: OrganizationId | undefined,
  permission: Permission,
): OrganizationId {
  if (organizationId === undefined || !may(caller, 'user.read', organizationId)) {
    throw new DomainError('organizationNotFound');
  }
  if (!may(caller, permission, organizationId)) throw permissionMissing(permission);
  return organizationId;
}

/** The same for what belongs to no organization: a role on the instance alone will do. Throws permissionMissing. */
export function requireOnInstance(caller: Caller, permission: Permission): void {
  if (!mayEverywhere(caller, permission)) throw permissionMissing(permission);
}

/** What the organization has, or the instance where none is named. Throws permissionMissing, organizationNotFound. */
export async function requireOnOwner(
  { store }: { readonly store: Pick<Store, 'loadOrganization'> },
  caller: Caller,
  organizationId: OrganizationId | undefined,
  permission: Permission,
): Promise<void> {
  requireHeldAnywhere(caller, permission);
  if (organizationId === undefined) return requireOnInstance(caller, permission);
  const found = await store.loadOrganization({ organizationId });
  requireOnOrganization(caller, found?.organizationId, permission);
}

/** Whether a run of this size may touch that organization's users, as far as their own roles do not forbid it. */
export function mayInRun(
  caller: Caller,
  run: Pick<UnlockRun, 'total' | 'revertsRunId'>,
  organizationId: OrganizationId,
): boolean {
  const permission = run.revertsRunId === undefined ? 'user.unlock' : 'user.write';
  if (!may(caller, permission, organizationId)) return false;
  return run.total <= withoutBulkMax || may(caller, 'user.unlock.bulk', organizationId);
}

/** Where the caller holds the permission; throws permissionMissing where nowhere. */
export function readScope(caller: Caller, permission: Permission): Scope {
  requireHeldAnywhere(caller, permission);
  const held = caller.grants.filter((grant) => roleHolds(grant.role, permission));
  const organizationIds = new Set<OrganizationId>();
  for (const { organizationId } of held) {
    if (organizationId === undefined) return 'all';
    organizationIds.add(organizationId);
  }
  return [...organizationIds];
}

/**
 * Whether the caller may hand out (or take away) a role: nobody passes on more than what they hold. IAM_OWNER any;
 * IAM_ORG_MANAGER any role of an organization; ORG_OWNER the roles of their own organization.
 */
export function mayGrant(caller: Caller, role: Role, organizationId: OrganizationId | undefined): boolean {
  return caller.grants.some((held) => {
    if (held.role === 'IAM_OWNER') return true;
    if (organizationId === undefined || role.startsWith('IAM_')) return false;
    return (
      held.role === 'IAM_ORG_MANAGER' || (held.role === 'ORG_OWNER' && held.organizationId === organizationId)
    );
  });
}
