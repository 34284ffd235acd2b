import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type ExplainUserResponseSchema,
  type FailedSignInSchema,
  LockCause,
  type LockSchema,
  type ObstacleSchema,
} from '../../../gen/es/latchkey/v1/lock_pb.js';
import type { Obstacle } from '../../domain/explain.ts';
import type { LockCause as DomainCause, Lock } from '../../domain/lock.ts';
import { loginNameOf } from '../../domain/user.ts';
import type { explainUser } from '../../queries/explain-user.ts';
import { type FailedSignIn, type LockRecord, lockOf } from '../../queries/locks.ts';
import { timestampOf } from './details.ts';
import { states } from './user.ts';

const causes = {
  policy: LockCause.POLICY,
  administrator: LockCause.ADMINISTRATOR,
  command_line: LockCause.COMMAND_LINE,
} as const satisfies Record<DomainCause, LockCause>;

/** The cause as it is told; unspecified where none was written. */
export function causeMessage(cause: DomainCause | undefined): LockCause {
  return cause === undefined ? LockCause.UNSPECIFIED : causes[cause];
}

/** The cause as asked for; undefined where any will do. */
export function parseCause(cause: LockCause): DomainCause | undefined {
  const names = Object.keys(causes) as DomainCause[];
  return names.find((name) => causes[name] === cause);
}

/** Whose lock it is. */
interface Locked {
  readonly userId: string;
  readonly loginName: string;
  readonly organizationId: string;
}

/** The lock as a reader is shown it. */
export function lockMessage(
  lock: Lock,
  locked: Locked,
  failures: readonly FailedSignIn[] = [],
): MessageInitShape<typeof LockSchema> {
  return {
    ...locked,
    failedSignIns: failures.map(failureMessage),
    cause: causes[lock.cause],
    reason: lock.reason ?? '',
    lockedBy: lock.lockedBy ?? '',
    since: timestampOf(lock.since),
    ...(lock.until !== undefined && { until: timestampOf(lock.until) }),
    failedAttempts: lock.failedAttempts,
    generation: BigInt(lock.generation),
  };
}

/** The same for a lock as found. */
export function lockRecordMessage(
  { lock, record }: LockRecord,
  failures: readonly FailedSignIn[] = [],
): MessageInitShape<typeof LockSchema> {
  const { userId, organizationId } = record.user;
  return lockMessage(lock, { userId, loginName: loginNameOf(record), organizationId }, failures);
}

// What is not known of it is empty.
function failureMessage(failure: FailedSignIn): MessageInitShape<typeof FailedSignInSchema> {
  const { time, ip = '', userAgent = '' } = failure;
  return { time: timestampOf(time), ip, userAgent };
}

/** Why the user cannot sign in. */
export function explanationMessage({
  record,
  explanation,
}: Awaited<ReturnType<typeof explainUser>>): MessageInitShape<typeof ExplainUserResponseSchema> {
  const { canSignIn, summary, obstacles, attemptsLeft, devices } = explanation;
  const found = lockOf(record);
  return {
    userId: record.user.userId,
    state: states[record.user.state],
    canSignIn,
    summary,
    obstacles: obstacles.map(obstacleMessage),
    ...(attemptsLeft !== undefined && { attemptsLeft }),
    ...(found !== undefined && { lock: lockRecordMessage(found) }),
    devices: devices.map(({ attemptsLeft: left, ...device }) => ({
      ...device,
      ...(left !== undefined && { attemptsLeft: left }),
    })),
  };
}

function obstacleMessage({ ends, ...obstacle }: Obstacle): MessageInitShape<typeof ObstacleSchema> {
  const { code, text, remedy, blocks, sparesKnownDevices } = obstacle;
  return {
    code,
    text,
    remedy,
    blocks,
    sparesKnownDevices,
    ...(ends !== undefined && { ends: timestampOf(ends) }),
  };
}
