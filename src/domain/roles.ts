/** Permission → roles that hold it (contract, "Who may"). IAM_ roles are held on the instance, ORG_ roles on one organization. */
const write = [
  'IAM_OWNER',
  'IAM_ORG_MANAGER',
  'IAM_USER_MANAGER',
  'IAM_LOGIN_CLIENT',
  'ORG_OWNER',
  'ORG_USER_MANAGER',
] as const;
const unlock = [...write, 'ORG_USER_UNLOCKER', 'IAM_USER_UNLOCKER'] as const;

export const permissions = {
  'user.write': write,
  'user.unlock': unlock,
  // Ours: more than a hundred at once, so that a stolen unlocker's token opens no thousands.
  'user.unlock.bulk': ['IAM_OWNER', 'IAM_USER_MANAGER', 'ORG_OWNER', 'ORG_USER_MANAGER'],
  'user.delete': ['IAM_OWNER', 'IAM_ORG_MANAGER', 'IAM_USER_MANAGER', 'ORG_OWNER', 'ORG_USER_MANAGER'],
  'user.read': [...unlock, 'IAM_OWNER_VIEWER', 'ORG_OWNER_VIEWER'],
  'user.credential.write': ['IAM_OWNER', 'IAM_ORG_MANAGER', 'IAM_LOGIN_CLIENT', 'ORG_OWNER'],
  'session.write': ['IAM_OWNER', 'IAM_LOGIN_CLIENT'],
  'session.read': [...write, 'IAM_OWNER_VIEWER'],
  'session.delete': write,
  'policy.read': [
    'IAM_OWNER',
    'IAM_OWNER_VIEWER',
    'IAM_ORG_MANAGER',
    'IAM_USER_MANAGER',
    'ORG_OWNER',
    'ORG_OWNER_VIEWER',
    'ORG_USER_MANAGER',
  ],
  'policy.write': ['IAM_OWNER', 'IAM_ORG_MANAGER', 'ORG_OWNER'],
  'events.read': ['IAM_OWNER', 'IAM_OWNER_VIEWER'],
  // Ours: who may make organizations, and who may hand out roles (and then only those below their own, see mayGrant).
  'organization.write': ['IAM_OWNER', 'IAM_ORG_MANAGER'],
  // Ours: who may have events sent elsewhere.
  'subscription.write': ['IAM_OWNER', 'IAM_ORG_MANAGER', 'ORG_OWNER'],
  'grant.write': ['IAM_OWNER', 'IAM_ORG_MANAGER', 'ORG_OWNER'],
} as const;

export type Permission = keyof typeof permissions;

export const roles = [
  'IAM_OWNER',
  'IAM_OWNER_VIEWER',
  'IAM_ORG_MANAGER',
  'IAM_USER_MANAGER',
  'IAM_LOGIN_CLIENT',
  'IAM_USER_UNLOCKER',
  'ORG_OWNER',
  'ORG_OWNER_VIEWER',
  'ORG_USER_MANAGER',
  'ORG_USER_UNLOCKER',
] as const;

export type Role = (typeof roles)[number];

const holders = new Map<Permission, ReadonlySet<string>>(
  Object.entries(permissions).map(([permission, held]) => [permission as Permission, new Set(held)]),
);

/** Whether the role carries the permission, wherever it is held. */
export function roleHolds(role: Role, permission: Permission): boolean {
  return holders.get(permission)?.has(role) ?? false;
}

/** A role's name as typed → Role; undefined where there is none. */
export function parseRole(value: string): Role | undefined {
  return roles.find((role) => role === value);
}

/** IAM_ roles are held on the instance, ORG_ roles on an organization; nothing else is a grant. */
export function roleFitsScope(role: Role, organizationId: string | undefined): boolean {
  return role.startsWith('IAM_') === (organizationId === undefined);
}
