import { DomainError } from './errors.ts';
import type { UserEvent } from './events.ts';
import { hasRoomFor } from './evolve-lockout.ts';
import { locked } from './lock.ts';
import type { User } from './user.ts';

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

/** One attempt to sign in. */
export interface Attempt {
  readonly nowMs: number;
  /** The known device that it comes from; undefined: a stranger. */
  readonly deviceId: string | undefined;
}

/** Failed attempts that count against the next one: the device's own, or all strangers'. */
export function failuresOf(user: User, policy: LockoutPolicy, { nowMs, deviceId }: Attempt): number {
  const { failedAt = [], devices = {} } = user.lockout;
  const times = deviceId === undefined ? failedAt : (devices[deviceId] ?? []);
  if (policy.windowSeconds > 0)
    return times.filter((time) => time > nowMs - policy.windowSeconds * 1_000).length;
  return deviceId === undefined ? user.failedPasswordAttempts : times.length;
}

/** Whether this attempt is from a device that may try while strangers may not; false once it has used up its own attempts. */
export function isKnownDevice(user: User, policy: LockoutPolicy, attempt: Attempt): boolean {
  const { deviceId } = attempt;
  if (!policy.knownDevices || deviceId === undefined || !hasRoomFor(user.lockout, deviceId)) return false;
  return policy.maxPasswordAttempts === 0 || failuresOf(user, policy, attempt) < policy.maxPasswordAttempts;
}

/**
 * What a wrong password makes of the user: the failure, and in the same append the lock where it is the attempt that
 * reaches the limit. A known device that reaches it becomes a stranger, and locks nobody out.
 */
export function decideFailure(user: User, policy: LockoutPolicy, attempt: Attempt): readonly UserEvent[] {
  const { deviceId, nowMs } = attempt;
  const attempts = failuresOf(user, policy, attempt) + 1;
  const type = 'user.human.password.check.failed';
  if (deviceId !== undefined) return [{ type, payload: { attempts, deviceId } }];
  const failure: UserEvent = { type, payload: { attempts } };
  if (policy.maxPasswordAttempts === 0 || attempts < policy.maxPasswordAttempts) return [failure];
  const lockMs = lockMsOf(policy, user.lockout.policyLocks ?? 0);
  const until = lockMs === 0 ? {} : { until: nowMs + lockMs };
  return [failure, locked(user, { cause: 'policy', failedAttempts: attempts, ...until })];
}

// Growth ends at the cap, or at a year: a number of seconds must stay one. What has no length does not grow: enough
// growth is Infinity, and 0 × Infinity is no number.
function lockMsOf({ lockSeconds, lockGrowth, lockSecondsMax }: LockoutPolicy, locksBefore: number): number {
  if (lockSeconds === 0) return 0;
  const grown = lockSeconds * lockGrowth ** locksBefore;
  const cap = lockSecondsMax > 0 ? lockSecondsMax : Math.max(yearSeconds, lockSeconds);
  return Math.round(Math.min(grown, cap)) * 1_000;
}
