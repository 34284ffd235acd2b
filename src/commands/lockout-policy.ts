import { requireOnOwner } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { DomainError } from '../domain/errors.ts';
import type { StoredPolicy } from '../domain/evolve/policy.ts';
import type { OrganizationId } from '../domain/ids.ts';
import { defaultPolicy, effectivePolicy, type LockoutPolicy, parsePolicy } from '../domain/lockout-policy.ts';
import type { LockoutPolicies } from '../store/store.ts';
import type { CommandApp } from './change-user.ts';

export interface PolicyApp extends CommandApp {
  /** The default's limit of wrong passwords; 0: never. */
  readonly passwordAttemptsMax: number;
}

/** Members left out stay as they are in force. */
export type PolicyChangeRequest = Partial<LockoutPolicy>;

/** Sets the policy of the organization, or of the instance. Throws fieldInvalid, permissionMissing, organizationNotFound. */
export function setLockoutPolicy(
  app: PolicyApp,
  caller: Caller,
  { organizationId, change }: Target & { readonly change: PolicyChangeRequest },
): Promise<StoredPolicy> {
  parsePolicy({ ...defaultPolicy, ...change });
  return changePolicy(app, caller, organizationId, (policies) =>
    parsePolicy({ ...effectivePolicy(policies, app.passwordAttemptsMax).policy, ...change }),
  );
}

/** Takes the policy away again. Throws policyNotSet, permissionMissing, organizationNotFound. */
export function resetLockoutPolicy(
  app: PolicyApp,
  caller: Caller,
  { organizationId }: Target,
): Promise<StoredPolicy> {
  return changePolicy(app, caller, organizationId, (policies) => {
    if (ownOf(policies, organizationId)?.policy === undefined) throw new DomainError('policyNotSet');
    return undefined;
  });
}

interface Target {
  /** undefined: the instance. */
  readonly organizationId: OrganizationId | undefined;
}

const attemptsMax = 3;

async function changePolicy(
  app: PolicyApp,
  caller: Caller,
  organizationId: OrganizationId | undefined,
  decide: (policies: LockoutPolicies) => LockoutPolicy | undefined,
): Promise<StoredPolicy> {
  await requireOnOwner(app, caller, organizationId, 'policy.write');
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const policies = await app.store.loadLockoutPolicies(organizationId);
    const after = await app.store.changeLockoutPolicy({
      organizationId,
      before: ownOf(policies, organizationId),
      policy: decide(policies),
      at: { createdAt: app.now(), eventId: app.newId() },
      meta: caller.meta,
    });
    if (after !== 'stale') return after;
  }
  throw new DomainError('conflict', { text: 'The policy was changed at the same time, please try again' });
}

function ownOf(policies: LockoutPolicies, organizationId: OrganizationId | undefined) {
  return organizationId === undefined ? policies.instance : policies.organization;
}
