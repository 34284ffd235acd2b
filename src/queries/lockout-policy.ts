import { requireOnOwner } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import type { StoredPolicy } from '../domain/evolve/policy.ts';
import type { OrganizationId } from '../domain/ids.ts';
import { type EffectivePolicy, effectivePolicy } from '../domain/lockout-policy.ts';
import type { QueryApp } from './users.ts';

export interface PolicyQueryApp extends QueryApp {
  /** The default's limit of wrong passwords; 0: never. */
  readonly passwordAttemptsMax: number;
}

/** The policy in force in the organization, or on the instance. Throws permissionMissing, organizationNotFound. */
export async function getLockoutPolicy(
  app: Pick<PolicyQueryApp, 'store' | 'passwordAttemptsMax'>,
  caller: Caller,
  organizationId: OrganizationId | undefined,
): Promise<EffectivePolicy<StoredPolicy>> {
  await requireOnOwner(app, caller, organizationId, 'policy.read');
  return policyInForce(app, organizationId);
}

/** The same for who needs it to tell something else. */
export async function policyInForce(
  app: Pick<PolicyQueryApp, 'store' | 'passwordAttemptsMax'>,
  organizationId: OrganizationId | undefined,
): Promise<EffectivePolicy<StoredPolicy>> {
  return effectivePolicy(await app.store.loadLockoutPolicies(organizationId), app.passwordAttemptsMax);
}
