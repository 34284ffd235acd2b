import type { Duration } from '../../../gen/grpc-js/google/protobuf/duration.ts';
import {
  type FailedSignIn,
  type Lock,
  LockCause,
  LockServiceService as locks,
  type Obstacle,
} from '../../../gen/grpc-js/latchkey/v1/lock.ts';
import {
  type GetLockoutPolicyResponse,
  type LockoutPolicy,
  PolicySource,
  PolicyServiceService as policies,
} from '../../../gen/grpc-js/latchkey/v1/policy.ts';
import type { LockCause as DomainCause } from '../../domain/lock.ts';
import type {
  LockoutPolicy as DomainPolicy,
  PolicySource as DomainSource,
} from '../../domain/lockout-policy.ts';
import type { DeviceRow, FailureRow, LockBackend, LockRow, ObstacleRow, PolicyRow } from '../backend-lock.ts';
import type { Connection } from './call.ts';
import { listQuery } from './request.ts';
import { changeRow, nameOf, promised, stateOf, timeText } from './rows.ts';

/** Locks and policies of a server. */
export function remoteLocks({ call }: Connection): LockBackend {
  // The reason stands in the header of every call, and nothing here is asked twice.
  const order = { reason: '', requestId: '', validateOnly: false };
  const policyOf = async (organizationId: string | undefined) =>
    policyRow(await call(policies.getLockoutPolicy, { organizationId }));
  return {
    async lockUser({ userId, until }) {
      const request = { ...order, userId, until: until === undefined ? undefined : new Date(until) };
      const { details, lock } = await call(locks.lockUser, request);
      return { ...changeRow(userId, details), ...lockFacts(promised(lock, 'lock')) };
    },
    async unlockUser({ userId, ticket = '', identification = '', requestId = '', expectedGeneration }) {
      const request = { ...order, userId, ticket, identification, requestId, expectedGeneration };
      const { details, generation } = await call(locks.unlockUser, request);
      return { ...changeRow(userId, details), generation: Number(generation) };
    },
    async getLock(userId) {
      const lock = promised((await call(locks.getLock, { userId })).lock, 'lock');
      return { ...lockRow(lock), failedSignIns: lock.failedSignIns.map(failureRow) };
    },
    async listLocks({ offset, limit, organizationId, cause, since, before }) {
      const { locks: found, details } = await call(locks.listLocks, {
        query: listQuery({ offset, limit }),
        organizationId,
        cause: cause === undefined ? LockCause.LOCK_CAUSE_UNSPECIFIED : causeNumbers[cause],
        userIds: [],
        lockedSince: since === undefined ? undefined : new Date(since),
        lockedBefore: before === undefined ? undefined : new Date(before),
      });
      return { rows: found.map(lockRow), total: Number(details?.totalResult ?? found.length) };
    },
    async explainUser(userId) {
      const found = await call(locks.explainUser, { userId });
      const { canSignIn, summary, obstacles, attemptsLeft, lock, devices } = found;
      return {
        userId,
        state: stateOf(found.state),
        canSignIn,
        summary,
        obstacles: obstacles.map(obstacleRow),
        ...(attemptsLeft !== undefined && { attemptsLeft }),
        ...(lock !== undefined && { lock: lockRow(lock) }),
        devices: devices.map(({ deviceId, failedAttempts, attemptsLeft: left }): DeviceRow => {
          return { deviceId, failedAttempts, ...(left !== undefined && { attemptsLeft: left }) };
        }),
      };
    },
    getPolicy: policyOf,
    async setPolicy(organizationId, change) {
      const request = { organizationId, policy: policyMessage(change) };
      await call(policies.setLockoutPolicy, request);
      return policyOf(organizationId);
    },
    async resetPolicy(organizationId) {
      await call(policies.resetLockoutPolicy, { organizationId });
      return policyOf(organizationId);
    },
  };
}

/** The wire's number of each cause. */
export const causeNumbers = {
  policy: LockCause.LOCK_CAUSE_POLICY,
  administrator: LockCause.LOCK_CAUSE_ADMINISTRATOR,
  command_line: LockCause.LOCK_CAUSE_COMMAND_LINE,
} as const satisfies Record<DomainCause, LockCause>;

const sourceNumbers = {
  default: PolicySource.POLICY_SOURCE_DEFAULT,
  instance: PolicySource.POLICY_SOURCE_INSTANCE,
  organization: PolicySource.POLICY_SOURCE_ORGANIZATION,
} as const satisfies Record<DomainSource, PolicySource>;

function lockFacts({ generation, until }: Lock) {
  return { generation: Number(generation), ...(until !== undefined && { until: timeText(until) }) };
}

// The wire says empty where it does not know.
function lockRow(lock: Lock): LockRow {
  const { userId, loginName, organizationId, reason, lockedBy, failedAttempts } = lock;
  return {
    userId,
    loginName,
    organizationId,
    cause: promised(nameOf(causeNumbers, lock.cause), 'known value'),
    ...(reason !== '' && { reason }),
    ...(lockedBy !== '' && { lockedBy }),
    since: timeText(lock.since),
    ...lockFacts(lock),
    failedAttempts,
  };
}

function failureRow({ time, ip, userAgent }: FailedSignIn): FailureRow {
  return { time: timeText(time), ...(ip !== '' && { ip }), ...(userAgent !== '' && { userAgent }) };
}

function obstacleRow({ ends, ...obstacle }: Obstacle): ObstacleRow {
  return { ...obstacle, ...(ends !== undefined && { ends: timeText(ends) }) };
}

function policyRow({ policy, source }: GetLockoutPolicyResponse): PolicyRow {
  const sent = promised(policy, 'policy');
  return {
    source: promised(nameOf(sourceNumbers, source), 'known value'),
    maxPasswordAttempts: promised(sent.maxPasswordAttempts, 'max_password_attempts'),
    windowSeconds: Number(promised(sent.window, 'window').seconds),
    lockSeconds: Number(promised(sent.lockDuration, 'lock_duration').seconds),
    lockGrowth: promised(sent.lockGrowth, 'lock_growth'),
    lockSecondsMax: Number(promised(sent.maxLockDuration, 'max_lock_duration').seconds),
    knownDevices: promised(sent.knownDevices, 'known_devices'),
    repeatsCountOnce: promised(sent.repeatsCountOnce, 'repeats_count_once'),
    addressFailuresMax: promised(sent.maxAddressFailures, 'max_address_failures'),
    // A server from before there was the field lets nothing end a lock that way.
    resetUnlocks: sent.resetUnlocks ?? false,
  };
}

function policyMessage(change: Partial<DomainPolicy>): LockoutPolicy {
  const { windowSeconds, lockSeconds, lockSecondsMax, addressFailuresMax, ...same } = change;
  return {
    ...same,
    window: durationOf(windowSeconds),
    lockDuration: durationOf(lockSeconds),
    maxLockDuration: durationOf(lockSecondsMax),
    maxAddressFailures: addressFailuresMax,
  };
}

function durationOf(seconds: number | undefined): Duration | undefined {
  return seconds === undefined ? undefined : { seconds: BigInt(seconds), nanos: 0 };
}
