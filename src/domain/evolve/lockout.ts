import type { PasswordCheckFailed, UserLocked } from '../events.ts';
import { devicesKept, failuresKept, type Lock, type Lockout, noLockout } from '../lock.ts';
import type { User } from '../user.ts';

/** The lockout after `user.locked`; `next` stands at that event already. */
export function lockedOut(next: User, payload: UserLocked): Lockout {
  const lock = lockSet(next, payload);
  const { devices, policyLocks = 0 } = next.lockout;
  return withoutNothing({
    lock,
    devices,
    policyLocks: lock.cause === 'policy' ? policyLocks + 1 : policyLocks,
  });
}

/** The lock that a `user.locked` sets, from its place and time alone. */
export function lockSet(
  {
    sequence,
    changedAt,
    failedPasswordAttempts,
  }: Pick<User, 'sequence' | 'changedAt' | 'failedPasswordAttempts'>,
  payload: UserLocked,
): Lock {
  const { cause = 'administrator', reason, lockedBy, failedAttempts } = payload;
  const until = endOf(payload);
  return {
    cause,
    generation: sequence,
    since: changedAt,
    ...(until !== undefined && { until }),
    ...(reason !== undefined && { reason }),
    ...(lockedBy !== undefined && { lockedBy }),
    failedAttempts: failedAttempts ?? failedPasswordAttempts,
  };
}

/**
 * The lock's end; undefined where it has none. Some events and rows say null: what a lock without length became that had
 * grown beyond every number. It lasts until somebody unlocks, as the policy said.
 */
export function endOf({ until }: { readonly until?: number }): number | undefined {
  return Number.isSafeInteger(until) ? until : undefined;
}

/** After the lock's own end: what makes the next one longer stays, and the devices' counters. */
export function timedOut({ devices, policyLocks = 0 }: Lockout): Lockout {
  return withoutNothing({ devices, policyLocks });
}

/** After a new password, which makes every device a stranger: strangers' failures count as before. */
export function withoutDevices(lockout: Lockout): Lockout {
  return withoutNothing({ ...lockout, devices: undefined });
}

/** The same lock, which no longer says why. */
export function withoutReason(lockout: Lockout): Lockout {
  if (lockout.lock === undefined) return lockout;
  const { reason: _reason, ...lock } = lockout.lock;
  return { ...lockout, lock };
}

/** After a wrong password: counted for the device where it is a known one, else for strangers. */
export function failed(
  user: User,
  payload: PasswordCheckFailed,
): Pick<User, 'failedPasswordAttempts' | 'lockout'> {
  const { lockout, failedPasswordAttempts, changedAt } = user;
  const { attempts, deviceId } = payload;
  if (deviceId !== undefined) {
    const times = appended(lockout.devices?.[deviceId], changedAt);
    return {
      failedPasswordAttempts,
      lockout: { ...lockout, devices: { ...lockout.devices, [deviceId]: times } },
    };
  }
  // Events from before there was a policy say nothing of attempts, and their times were not kept.
  if (attempts === undefined) return { failedPasswordAttempts: failedPasswordAttempts + 1, lockout };
  const failedAt = appended(lockout.failedAt, changedAt);
  return { failedPasswordAttempts: attempts, lockout: { ...lockout, failedAt } };
}

/**
 * After a right password. A known device clears its own counter and nothing else: its owner's coming and going must not
 * give strangers new attempts. A lock once set stays, and so does its counter: only the ways out of locked clear it.
 */
export function succeeded(
  user: User,
  deviceId: string | undefined,
): Pick<User, 'failedPasswordAttempts' | 'lockout'> {
  const { lockout, failedPasswordAttempts, state } = user;
  if (deviceId !== undefined) {
    const { [deviceId]: _cleared, ...devices } = lockout.devices ?? {};
    return { failedPasswordAttempts, lockout: withoutNothing({ ...lockout, devices }) };
  }
  if (state === 'locked') return { failedPasswordAttempts, lockout };
  return { failedPasswordAttempts: 0, lockout: withoutNothing({ devices: lockout.devices }) };
}

function appended(times: readonly number[] = [], time: number): readonly number[] {
  return [...times, time].slice(-failuresKept);
}

/** Whether the device may have a counter of its own. */
export function hasRoomFor(lockout: Lockout, deviceId: string): boolean {
  const devices = lockout.devices ?? {};
  return deviceId in devices || Object.keys(devices).length < devicesKept;
}

type Loose = { readonly [Key in keyof Lockout]?: Lockout[Key] | undefined };

// One form for one state of things: what is empty is absent, and nothing at all is `noLockout`.
function withoutNothing({ lock, failedAt, devices, policyLocks, abandoned }: Loose): Lockout {
  const left: Lockout = {
    ...(lock !== undefined && { lock }),
    ...(failedAt !== undefined && failedAt.length > 0 && { failedAt }),
    ...(devices !== undefined && Object.keys(devices).length > 0 && { devices }),
    ...(policyLocks !== undefined && policyLocks > 0 && { policyLocks }),
    ...(abandoned !== undefined && { abandoned }),
  };
  return Object.keys(left).length === 0 ? noLockout : left;
}
