import { attemptsLeft, failuresOf } from './attempt.ts';
import type { Lock, LockCause } from './lock.ts';
import type { LockoutPolicy } from './lockout-policy.ts';
import type { User } from './user.ts';
import { howMany } from './words/how-many.ts';

/** Stable: clients may decide by them. */
export type ObstacleCode =
  | 'USER_INITIAL'
  | 'USER_INACTIVE'
  | 'USER_IS_MACHINE'
  | 'LOCKED_BY_POLICY'
  | 'LOCKED_BY_ADMINISTRATOR'
  | 'LOCKED_BY_COMMAND_LINE'
  | 'PASSWORD_MISSING'
  | 'LAST_ATTEMPT'
  | 'DEVICE_OUT_OF_ATTEMPTS';

/** What stands in the way of a sign-in, or will soon. */
export interface Obstacle {
  readonly code: ObstacleCode;
  readonly text: string;
  readonly remedy: string;
  /** When it ends by itself, in milliseconds since 1970; absent: it does not. */
  readonly ends?: number;
  /** false: good to know, no more. */
  readonly blocks: boolean;
  /** Devices known from an earlier sign-in get through. */
  readonly sparesKnownDevices: boolean;
}

export interface KnownDevice {
  readonly deviceId: string;
  readonly failedAttempts: number;
  /** undefined: no limit. */
  readonly attemptsLeft: number | undefined;
}

export interface Explanation {
  /** Nothing stands in the way of the right password. */
  readonly canSignIn: boolean;
  /** In one sentence or two. */
  readonly summary: string;
  readonly obstacles: readonly Obstacle[];
  /** Strangers' wrong passwords until the lock, the one that locks included; undefined: it never does. */
  readonly attemptsLeft: number | undefined;
  /** Those that failed. */
  readonly devices: readonly KnownDevice[];
}

/** All that the answer depends on. */
export interface Explained {
  readonly user: User;
  readonly hasPassword: boolean;
  readonly policy: LockoutPolicy;
  readonly nowMs: number;
}

/** Why the user cannot sign in with a password at this moment, and what would change it. */
export function explain(facts: Explained): Explanation {
  const { user, policy } = facts;
  const left = leftOf(facts, undefined);
  const devices = policy.knownDevices ? devicesOf(facts) : [];
  const found = [
    ...stateObstacles(user, policy),
    ...passwordObstacles(facts),
    ...(left === 1 && user.state !== 'locked' ? [lastAttempt(facts)] : []),
    ...devices.filter((device) => device.attemptsLeft === 0).map(outOfAttempts),
  ];
  const blocking = found.filter(({ blocks }) => blocks).map(({ text }) => text);
  const canSignIn = blocking.length === 0;
  const summary = canSignIn ? 'Nothing stands in the way of the right password.' : blocking.join(' ');
  return { canSignIn, summary, obstacles: found, attemptsLeft: left, devices };
}

function leftOf({ user, policy, nowMs }: Explained, deviceId: string | undefined): number | undefined {
  return attemptsLeft(user, policy, { nowMs, deviceId });
}

function devicesOf(facts: Explained): readonly KnownDevice[] {
  const { user, policy, nowMs } = facts;
  return Object.keys(user.lockout.devices ?? {}).map((deviceId) => ({
    deviceId,
    failedAttempts: failuresOf(user, policy, { nowMs, deviceId }),
    attemptsLeft: leftOf(facts, deviceId),
  }));
}

const blocking = { blocks: true, sparesKnownDevices: false } as const;
const remark = { blocks: false, sparesKnownDevices: false } as const;

function stateObstacles({ state, lockout }: User, policy: LockoutPolicy): readonly Obstacle[] {
  switch (state) {
    case 'active':
    case 'deleted':
      return [];
    case 'initial':
      return [
        {
          code: 'USER_INITIAL',
          text: 'The user is new: without a password, or with an e-mail address that nobody verified.',
          remedy: 'None is needed to sign in, apart from a password.',
          ...remark,
        },
      ];
    case 'inactive':
      return [
        {
          code: 'USER_INACTIVE',
          text: 'The user is deactivated.',
          remedy: 'Reactivate the user.',
          ...blocking,
        },
      ];
    case 'locked':
      return lockout.lock === undefined ? [] : [lockObstacle(lockout.lock, policy)];
    default:
      return state satisfies never;
  }
}

const lockCodes = {
  policy: 'LOCKED_BY_POLICY',
  administrator: 'LOCKED_BY_ADMINISTRATOR',
  command_line: 'LOCKED_BY_COMMAND_LINE',
} as const satisfies Record<LockCause, ObstacleCode>;

function lockObstacle(lock: Lock, policy: LockoutPolicy): Obstacle {
  const { cause, until } = lock;
  const end = until === undefined ? '' : ` until ${timeText(until)}`;
  const remedy = until === undefined ? 'Unlock the user.' : 'Unlock the user, or wait for the end.';
  return {
    code: lockCodes[cause],
    text: `The user is locked ${whoLocked(lock)}, since ${timeText(lock.since)}${end}.${reasonText(lock)}`,
    remedy,
    ...(until !== undefined && { ends: until }),
    blocks: true,
    sparesKnownDevices: cause === 'policy' && policy.knownDevices,
  };
}

function whoLocked({ cause, lockedBy, failedAttempts }: Lock): string {
  const by = lockedBy === undefined ? '' : `, ${lockedBy}`;
  switch (cause) {
    case 'policy':
      return `by the policy after ${howMany(failedAttempts, 'wrong password')}`;
    case 'administrator':
      return `by an administrator${by}`;
    case 'command_line':
      return `by the command line on the database${by}`;
    default:
      return cause satisfies never;
  }
}

const reasonText = ({ reason }: Lock) => (reason === undefined ? '' : ` Reason: ${reason}`);
const timeText = (time: number) => new Date(time).toISOString();

function passwordObstacles({ user, hasPassword }: Explained): readonly Obstacle[] {
  if (user.kind === 'machine') {
    const text = 'A machine user has no password.';
    return [{ code: 'USER_IS_MACHINE', text, remedy: 'Make a personal access token.', ...blocking }];
  }
  // Of an external user the application has it.
  if (hasPassword || user.kind === 'external') return [];
  return [{ code: 'PASSWORD_MISSING', text: 'No password is set.', remedy: 'Set a password.', ...blocking }];
}

function lastAttempt({ user, policy, nowMs }: Explained): Obstacle {
  const windowMs = policy.windowSeconds * 1_000;
  const oldest = (user.lockout.failedAt ?? []).find((time) => time > nowMs - windowMs);
  return {
    code: 'LAST_ATTEMPT',
    text: 'One more wrong password from a device that is not known locks the user.',
    remedy: 'The right password, or set a new one.',
    ...(windowMs > 0 && oldest !== undefined && { ends: oldest + windowMs }),
    ...remark,
  };
}

function outOfAttempts({ deviceId, failedAttempts }: KnownDevice): Obstacle {
  return {
    code: 'DEVICE_OUT_OF_ATTEMPTS',
    text: `The device ${deviceId} failed ${howMany(failedAttempts, 'time')} and counts as one that is not known.`,
    remedy: 'Unlock the user where locked, else set a new password.',
    ...remark,
  };
}
