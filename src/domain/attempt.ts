import type { UserEvent } from './events.ts';
import { hasRoomFor } from './evolve/lockout.ts';
import { locked } from './lock-events.ts';
import { type LockoutPolicy, policyMax } from './lockout-policy.ts';
import type { User } from './user.ts';

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
  const isUnderLimit = policy.maxPasswordAttempts === 0 || attempts < policy.maxPasswordAttempts;
  if (isUnderLimit || user.state === 'locked') return [failure];
  const lockMs = lockMsOf(policy, user.lockout.policyLocks ?? 0);
  const until = lockMs === 0 ? {} : { until: nowMs + lockMs };
  return [failure, locked(user, { cause: 'policy', failedAttempts: attempts, ...until })];
}

/**
 * What an attempt makes of the user that was begun and never checked: as many as the policy allows failures are free,
 * each one more is a failure. None: the policy counts nothing.
 */
export function decideAbandonment(user: User, policy: LockoutPolicy, attempt: Attempt): readonly UserEvent[] {
  if (policy.maxPasswordAttempts === 0) return [];
  const abandoned = (user.lockout.abandoned ?? 0) + 1;
  if (abandoned > policy.maxPasswordAttempts) return decideFailure(user, policy, attempt);
  return [{ type: 'user.attempt.abandoned', payload: { abandoned } }];
}

/** Failures until the lock, the one that locks included, as this attempt counts; undefined: the policy never locks. */
export function attemptsLeft(user: User, policy: LockoutPolicy, attempt: Attempt): number | undefined {
  if (policy.maxPasswordAttempts === 0) return undefined;
  // Who is locked has none, however the count stands; a known device has its own.
  const isShut =
    user.state === 'locked' && (attempt.deviceId === undefined || user.lockout.lock?.cause !== 'policy');
  return isShut ? 0 : Math.max(policy.maxPasswordAttempts - failuresOf(user, policy, attempt), 0);
}

// Growth ends at the cap, or at a year: a number of seconds must stay one. What has no length does not grow: enough
// growth is Infinity, and 0 × Infinity is no number.
function lockMsOf({ lockSeconds, lockGrowth, lockSecondsMax }: LockoutPolicy, locksBefore: number): number {
  if (lockSeconds === 0) return 0;
  const grown = lockSeconds * lockGrowth ** locksBefore;
  const cap = lockSecondsMax > 0 ? lockSecondsMax : Math.max(policyMax.lockSeconds, lockSeconds);
  return Math.round(Math.min(grown, cap)) * 1_000;
}
