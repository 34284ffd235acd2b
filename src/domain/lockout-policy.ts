import { DomainError } from './errors.ts';

/** What wrong passwords lead to. One for the instance; an organization may have its own. */
export interface LockoutPolicy {
  /** The attempt of this number locks. 0: never. NIST SP 800-63B, section 5.2.2: 100 at most. */
  readonly maxPasswordAttempts: number;
  /** Failures older than this do not count. 0: all count until a right password or an unlock. */
  readonly windowSeconds: number;
  /** How long a lock lasts. 0: until somebody unlocks. */
  readonly lockSeconds: number;
  /** Each further lock in a row lasts this many times as long. 1: as long as the first. */
  readonly lockGrowth: number;
  /** No lock lasts longer. 0: no cap. */
  readonly lockSecondsMax: number;
  /** A device known from an earlier sign-in keeps a counter of its own, and the policy's lock does not stop it. */
  readonly knownDevices: boolean;
  /** The same wrong password again, soon after, does not count twice. */
  readonly repeatsCountOnce: boolean;
  /** Failures from one address, whoever they are about, before it has to wait. 0: no limit. */
  readonly addressFailuresMax: number;
  /** A new password by code ends the policy's own lock. Absent: false, as in policies from before it could be said. */
  readonly resetUnlocks?: boolean;
}

/** Where nothing was set. */
export const defaultPolicy: LockoutPolicy = Object.freeze({
  maxPasswordAttempts: 10,
  windowSeconds: 0,
  lockSeconds: 0,
  lockGrowth: 1,
  lockSecondsMax: 0,
  knownDevices: true,
  repeatsCountOnce: true,
  addressFailuresMax: 100,
});

const yearSeconds = 31_622_400;

/** The greatest value of each number; the least is 0, of lockGrowth 1. */
export const policyMax = {
  maxPasswordAttempts: 100,
  windowSeconds: yearSeconds,
  lockSeconds: yearSeconds,
  lockGrowth: 10,
  lockSecondsMax: yearSeconds,
  addressFailuresMax: 100_000,
} as const satisfies Partial<Record<keyof LockoutPolicy, number>>;

/** Whole numbers within policyMax, or fieldInvalid naming the first that is not. */
export function parsePolicy(policy: LockoutPolicy): LockoutPolicy {
  for (const [name, max] of Object.entries(policyMax)) {
    const value = policy[name as keyof typeof policyMax];
    const min = name === 'lockGrowth' ? 1 : 0;
    if (Number.isInteger(value) && value >= min && value <= max) continue;
    const field = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    throw new DomainError('fieldInvalid', { text: `${field}: must be a whole number from ${min} to ${max}` });
  }
  return policy;
}

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
