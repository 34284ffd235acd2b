import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type LockFilter as LockFilterMessage,
  type LockFilterSchema,
  type PreviewUnlockResponseSchema,
  UnlockOutcome,
  type UnlockRunItemSchema,
  type UnlockRunSchema,
  UnlockRunState,
} from '../../../gen/es/latchkey/v1/unlock_run_pb.js';
import { actorIn } from '../../domain/events.ts';
import { parseOrganizationId, parseText } from '../../domain/ids.ts';
import type { UnlockRun } from '../../domain/unlock-run.ts';
import type { LockFilter, UnlockOutcome as Outcome } from '../../domain/unlock-run-events.ts';
import type { Preview } from '../../queries/unlock-preview.ts';
import type { ItemRecord } from '../../queries/unlock-runs.ts';
import { timestampOf } from './details.ts';
import { invalidField } from './list.ts';
import { causeMessage, lockRecordMessage, parseCause } from './lock.ts';
import { parseTimestamp } from './token.ts';

/** Throws fieldInvalid. */
export function parseFilter(filter: LockFilterMessage): LockFilter {
  const { organizationId, lockedSince, lockedBefore, lockedBy, reasonContains, hasEnd } = filter;
  return {
    ...(organizationId !== undefined && { organizationId: parseOrganizationId(organizationId) }),
    causes: filter.causes.map((cause) => {
      const parsed = parseCause(cause);
      if (parsed === undefined) throw invalidField('filter.causes', 'must be a defined value');
      return parsed;
    }),
    // What lies between two milliseconds is neither of them: locks are set at whole ones.
    ...(lockedSince && { since: Math.ceil(parseTimestamp(lockedSince, 'filter.locked_since')) }),
    ...(lockedBefore && { before: Math.ceil(parseTimestamp(lockedBefore, 'filter.locked_before')) }),
    userIds: filter.userIds.map((userId) => parseText(userId, 'filter.user_ids')),
    exceptUserIds: filter.exceptUserIds.map((userId) => parseText(userId, 'filter.except_user_ids')),
    ...(lockedBy !== undefined && { lockedBy: parseText(lockedBy, 'filter.locked_by') }),
    ...(reasonContains !== undefined && {
      reasonContains: parseText(reasonContains, 'filter.reason_contains'),
    }),
    ...(hasEnd !== undefined && { hasEnd }),
  };
}

function filterMessage({
  causes,
  since,
  before,
  ...rest
}: LockFilter): MessageInitShape<typeof LockFilterSchema> {
  return {
    ...rest,
    userIds: [...rest.userIds],
    exceptUserIds: [...rest.exceptUserIds],
    causes: causes.map(causeMessage),
    ...(since !== undefined && { lockedSince: timestampOf(since) }),
    ...(before !== undefined && { lockedBefore: timestampOf(before) }),
  };
}

export function previewMessage(preview: Preview): MessageInitShape<typeof PreviewUnlockResponseSchema> {
  const { count, earliest, latest, notPermitted, run } = preview;
  return {
    count: BigInt(count),
    causes: preview.causes.map((one) => ({ cause: causeMessage(one.cause), count: BigInt(one.count) })),
    organizations: preview.organizations.map((one) => ({ ...one, count: BigInt(one.count) })),
    ...(earliest !== undefined && { earliest: timestampOf(earliest) }),
    ...(latest !== undefined && { latest: timestampOf(latest) }),
    sample: preview.sample.map((found) => lockRecordMessage(found)),
    notPermitted: BigInt(notPermitted),
    ...(run && { runToken: run.token, runTokenExpires: timestampOf(run.expires) }),
  };
}

const states = {
  // Nobody is shown one.
  preparing: UnlockRunState.UNSPECIFIED,
  running: UnlockRunState.RUNNING,
  done: UnlockRunState.DONE,
  cancelled: UnlockRunState.CANCELLED,
  stopped: UnlockRunState.STOPPED,
} as const satisfies Record<UnlockRun['state'], UnlockRunState>;

const outcomes = {
  unlocked: UnlockOutcome.UNLOCKED,
  newer_lock: UnlockOutcome.NEWER_LOCK,
  not_locked: UnlockOutcome.NOT_LOCKED,
  not_permitted: UnlockOutcome.NOT_PERMITTED,
  failed: UnlockOutcome.FAILED,
  locked_again: UnlockOutcome.LOCKED_AGAIN,
  changed: UnlockOutcome.CHANGED,
  lock_over: UnlockOutcome.LOCK_OVER,
} as const satisfies Record<Outcome, UnlockOutcome>;

/** The outcome as asked for; undefined where any will do. */
export function parseOutcome(outcome: UnlockOutcome): Outcome | undefined {
  const names = Object.keys(outcomes) as Outcome[];
  return names.find((name) => outcomes[name] === outcome);
}

export function runMessage(run: UnlockRun): MessageInitShape<typeof UnlockRunSchema> {
  const { runId, state, total, counts, startedAt, endedAt, meta, filter } = run;
  const { ticket = '', revertsRunId = '', maxPerSecond, cancelledBy } = run;
  return {
    ...{ runId, ticket, revertsRunId, maxPerSecond },
    state: states[state],
    total: BigInt(total),
    unlocked: BigInt(counts.unlocked),
    newerLock: BigInt(counts.newer_lock),
    notLocked: BigInt(counts.not_locked),
    notPermitted: BigInt(counts.not_permitted),
    failed: BigInt(counts.failed),
    lockedAgain: BigInt(counts.locked_again),
    changed: BigInt(counts.changed),
    lockOver: BigInt(counts.lock_over),
    started: timestampOf(startedAt),
    ...(endedAt !== undefined && { ended: timestampOf(endedAt) }),
    startedBy: actorIn(meta) ?? '',
    reason: meta.reason ?? '',
    ...(filter && { filter: filterMessage(filter) }),
    cancelling: cancelledBy !== undefined && endedAt === undefined,
  };
}

export function itemMessage({
  item,
  result,
  loginName,
}: ItemRecord): MessageInitShape<typeof UnlockRunItemSchema> {
  const { userId, organizationId, generation } = item;
  return {
    ...{ userId, organizationId, loginName },
    generation: BigInt(generation),
    outcome: result === undefined ? UnlockOutcome.UNSPECIFIED : outcomes[result.outcome],
    sequence: BigInt(result?.sequence ?? 0),
    why: result?.why ?? '',
  };
}
