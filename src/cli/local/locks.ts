import type { App } from '../../app/app.ts';
import type { Caller } from '../../auth/caller.ts';
import { lockUser, unlockUser } from '../../commands/lock-user.ts';
import { resetLockoutPolicy, setLockoutPolicy } from '../../commands/lockout-policy.ts';
import { parseOrganizationId, parseUserId } from '../../domain/ids.ts';
import type { Lock } from '../../domain/lock.ts';
import { loginNameOf } from '../../domain/user.ts';
import { explainUser } from '../../queries/explain-user.ts';
import { getLockoutPolicy } from '../../queries/lockout-policy.ts';
import { type FailedSignIn, getLock, type LockRecord, listLocks, lockOf } from '../../queries/locks.ts';
import type {
  DeviceRow,
  ExplanationRow,
  FailureRow,
  LockBackend,
  LockRow,
  ObstacleRow,
} from '../backend-lock.ts';
import { checkLengths } from './lengths.ts';
import { changeRow, listing, pageRequest, timeText } from './rows.ts';

/** Locks and policies of the database itself. */
export function localLocks(app: App, caller: Caller): LockBackend {
  const policyOf = async (organizationId: string | undefined) => {
    const { policy, source } = await getLockoutPolicy(app, caller, ownerOf(organizationId));
    return { source, resetUnlocks: false, ...policy };
  };
  // The reason came with the caller, and nothing here is asked twice.
  const order = { reason: '', requestId: '', validateOnly: false };
  return {
    async lockUser({ userId, until }) {
      const locked = await lockUser(app, caller, { ...order, userId: parseUserId(userId), until });
      return { ...changeRow(locked.user), ...lockFacts(locked.lock) };
    },
    async unlockUser({ userId, ticket = '', identification = '', requestId = '', expectedGeneration }) {
      checkLengths({ ticket: [ticket, 0, 200], identification: [identification, 0, 500] });
      const said = {
        ...order,
        userId: parseUserId(userId),
        ticket,
        identification,
        requestId,
        expectedGeneration,
      };
      const { user, generation } = await unlockUser(app, caller, said);
      return { ...changeRow(user), generation };
    },
    async getLock(userId) {
      const found = await getLock(app, caller, parseUserId(userId));
      return { ...lockRow(found), failedSignIns: found.failures.map(failureRow) };
    },
    async listLocks({ offset, limit, organizationId, cause, since, before }) {
      const page = pageRequest({ offset, limit });
      const request = { organizationId, cause, userIds: [], loginName: undefined, since, before, page };
      return listing(await listLocks(app, caller, request), lockRow);
    },
    explainUser: async (userId) => explanationRow(await explainUser(app, caller, parseUserId(userId))),
    getPolicy: policyOf,
    async setPolicy(organizationId, change) {
      await setLockoutPolicy(app, caller, { organizationId: ownerOf(organizationId), change });
      return policyOf(organizationId);
    },
    async resetPolicy(organizationId) {
      await resetLockoutPolicy(app, caller, { organizationId: ownerOf(organizationId) });
      return policyOf(organizationId);
    },
  };
}

function explanationRow({ record, explanation }: Awaited<ReturnType<typeof explainUser>>): ExplanationRow {
  const { attemptsLeft, obstacles, devices, ...facts } = explanation;
  const found = lockOf(record);
  return {
    userId: record.user.userId,
    state: record.user.state,
    ...facts,
    obstacles: obstacles.map(({ ends, ...obstacle }): ObstacleRow => {
      return { ...obstacle, ...(ends !== undefined && { ends: timeText(ends) }) };
    }),
    ...(attemptsLeft !== undefined && { attemptsLeft }),
    ...(found !== undefined && { lock: lockRow(found) }),
    devices: devices.map(({ attemptsLeft: left, ...device }): DeviceRow => {
      return { ...device, ...(left !== undefined && { attemptsLeft: left }) };
    }),
  };
}

function ownerOf(organizationId: string | undefined) {
  return organizationId === undefined ? undefined : parseOrganizationId(organizationId);
}

function lockFacts({ generation, until }: Lock) {
  return { generation, ...(until !== undefined && { until: timeText(until) }) };
}

function lockRow({ lock, record }: LockRecord): LockRow {
  const { cause, reason, lockedBy, failedAttempts, since } = lock;
  const { userId, organizationId } = record.user;
  return {
    userId,
    loginName: loginNameOf(record),
    organizationId,
    cause,
    ...(reason !== undefined && { reason }),
    ...(lockedBy !== undefined && { lockedBy }),
    since: timeText(since),
    ...lockFacts(lock),
    failedAttempts,
  };
}

function failureRow({ time, ip, userAgent }: FailedSignIn): FailureRow {
  return {
    time: timeText(time),
    ...(ip !== undefined && { ip }),
    ...(userAgent !== undefined && { userAgent }),
  };
}
