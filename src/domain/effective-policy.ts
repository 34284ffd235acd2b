import { defaultPolicy, type LockoutPolicy } from './lockout-policy.ts';

export type PolicySource = 'organization' | 'instance' | 'default';

/** What was set, where it was; without a policy it was reset. */
interface SetPolicies<Set extends { readonly policy: LockoutPolicy | undefined }> {
  readonly organization: Set | undefined;
  readonly instance: Set | undefined;
}

export interface EffectivePolicy<Set> {
  readonly policy: LockoutPolicy;
  readonly source: PolicySource;
  /** Where it stands; undefined for the default. */
  readonly stored: Set | undefined;
}

/** The policy in force: the organization's own, else the instance's, else the default with the server's own limit. */
export function effectivePolicy<Set extends { readonly policy: LockoutPolicy | undefined }>(
  { organization, instance }: SetPolicies<Set>,
  passwordAttemptsMax: number,
): EffectivePolicy<Set> {
  if (organization?.policy !== undefined) {
    return { policy: organization.policy, source: 'organization', stored: organization };
  }
  if (instance?.policy !== undefined) {
    return { policy: instance.policy, source: 'instance', stored: instance };
  }
  const policy = { ...defaultPolicy, maxPasswordAttempts: passwordAttemptsMax };
  return { policy, source: 'default', stored: undefined };
}
