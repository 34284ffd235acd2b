import { mayGrant, requireHeldAnywhere } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { loadForCaller } from '../auth/load-user.ts';
import { DomainError } from '../domain/errors.ts';
import { sameGrant } from '../domain/evolve/evolve.ts';
import type { OrganizationId, UserId } from '../domain/ids.ts';
import { parseRole, roleFitsScope } from '../domain/roles.ts';
import type { Grant, User } from '../domain/user.ts';
import { type CommandApp, changeUser } from './change-user.ts';

/** organizationId undefined: on the instance. */
export interface GrantRequest {
  readonly userId: UserId;
  readonly role: string;
  readonly organizationId: OrganizationId | undefined;
}

/** Gives the user a role. Throws roleUnknown, grantExists, permissionMissing, userNotFound, organizationNotFound. */
export async function addGrant(app: CommandApp, caller: Caller, request: GrantRequest): Promise<User> {
  requireHeldAnywhere(caller, 'grant.write');
  const grant = parseGrant(request);
  await requireTarget(app, caller, grant, request.userId);
  return changeUser(app, caller, ruleFor(request.userId), (user) => {
    if (user.grants.some((held) => sameGrant(held, grant))) throw new DomainError('grantExists');
    return { events: [{ type: 'user.grant.added', payload: grant }] };
  });
}

/** Takes the role away, from the next call on. Throws roleUnknown, grantNotFound, permissionMissing, userNotFound. */
export async function removeGrant(app: CommandApp, caller: Caller, request: GrantRequest): Promise<User> {
  requireHeldAnywhere(caller, 'grant.write');
  const grant = parseGrant(request);
  await requireTarget(app, caller, grant, request.userId);
  return changeUser(app, caller, ruleFor(request.userId), (user) => {
    if (!user.grants.some((held) => sameGrant(held, grant))) throw new DomainError('grantNotFound');
    return { events: [{ type: 'user.grant.removed', payload: grant }] };
  });
}

function ruleFor(userId: UserId) {
  // user.read, not grant.write: whether the caller may is decided by the grant's place, not by the user's home.
  return { userId, permission: 'user.read', notFound: 'userNotFound', evenAbove: true } as const;
}

function parseGrant(request: GrantRequest): Grant {
  const { organizationId } = request;
  const role = parseRole(request.role);
  if (role === undefined || !roleFitsScope(role, organizationId)) throw new DomainError('roleUnknown');
  return organizationId === undefined ? { role } : { role, organizationId };
}

// The user first, so that who cannot read it learns nothing else; then the organization; then the right to grant.
async function requireTarget(app: CommandApp, caller: Caller, grant: Grant, userId: UserId): Promise<void> {
  await loadForCaller(app, caller, ruleFor(userId));
  if (!mayGrant(caller, grant.role, grant.organizationId)) throw new DomainError('permissionMissing');
  const { organizationId } = grant;
  if (organizationId !== undefined && (await app.store.loadOrganization({ organizationId })) === undefined) {
    throw new DomainError('organizationNotFound');
  }
}
