import { create, toBinary } from '@bufbuild/protobuf';
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import {
  LockFilterSchema,
  PreviewUnlockResponseSchema,
  type UnlockRunService,
  type WatchUnlockRunRequest,
} from '../../gen/es/latchkey/v1/unlock_run_pb.js';
import { requireHeldAnywhere } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import type { CommandApp } from '../commands/change-user.ts';
import { cancelRun } from '../commands/unlock-run/cancel.ts';
import { revertRun } from '../commands/unlock-run/revert.ts';
import { findRun, startRun } from '../commands/unlock-run/start.ts';
import { DomainError } from '../domain/errors.ts';
import { parseText } from '../domain/ids.ts';
import type { UnlockRun } from '../domain/unlock-run.ts';
import type { LockFilter } from '../domain/unlock-run-events.ts';
import { openRunToken, previewUnlock } from '../queries/unlock-preview.ts';
import { getRun, listItems, listRuns, watchRun } from '../queries/unlock-runs.ts';
import type { QueryApp } from '../queries/users.ts';
import { callerAsOfNow } from './caller-as-of-now.ts';
import { withDetail } from './connect-error.ts';
import { invalidField } from './convert/list.ts';
import { itemMessage, parseFilter, parseOutcome, previewMessage, runMessage } from './convert/unlock-run.ts';
import { withHeartbeats } from './heartbeats.ts';
import { callerKey } from './limits/caller-key.ts';
import { createStreamLimit, followersMax, sharerByCaller } from './limits/stream-limit.ts';

type UnlockRunApp = CommandApp & QueryApp;

/** The calls about many locks at once. */
export function unlockRunHandlers(app: UnlockRunApp): ServiceImpl<typeof UnlockRunService> {
  const limit = createStreamLimit(followersMax);
  return {
    async previewUnlock(req, context) {
      const filter = parseFilter(req.filter ?? create(LockFilterSchema));
      const { sampleSize } = req;
      const request = { filter, sampleSize, signal: context.signal };
      return previewMessage(await previewUnlock(app, context.values.get(callerKey), request));
    },
    async startUnlockRun(req, context) {
      const caller = context.values.get(callerKey);
      const { reason, ticket, identification, requestId, maxPerSecond, stopAfterFailures } = req;
      requireHeldAnywhere(caller, 'user.unlock');
      const earlier = await findRun(app, caller, { requestId });
      if (earlier !== undefined) return { run: runMessage(earlier) };
      const set = await openRunToken(app, req.runToken);
      if (req.confirmedCount === 0n) throw invalidField('confirmed_count', 'must be at least 1');
      const order = { reason, ticket, identification, requestId, maxPerSecond, stopAfterFailures };
      // Another number than the one sealed: whoever confirmed has looked at another preview.
      const confirmed = { ...set, count: Number(req.confirmedCount), previewed: set.count };
      const asked = { ...order, set: confirmed };
      const run = await startRun(app, caller, asked).catch((error: unknown) =>
        refuse(app, error, { caller, filter: set.filter }),
      );
      return { run: runMessage(run) };
    },
    async getUnlockRun(req, context) {
      return { run: runMessage(await getRun(app, context.values.get(callerKey), req.runId)) };
    },
    async listUnlockRuns({ pageSize, pageToken }, context) {
      const found = await listRuns(app, context.values.get(callerKey), { pageSize, pageToken });
      return { runs: found.runs.map(runMessage), nextPageToken: found.nextPageToken };
    },
    async listUnlockRunItems(req, context) {
      const { runId, pageSize, pageToken } = req;
      const request = { runId, outcome: parseOutcome(req.outcome), pageSize, pageToken };
      const found = await listItems(app, context.values.get(callerKey), request);
      return { items: found.items.map(itemMessage), nextPageToken: found.nextPageToken };
    },
    async cancelUnlockRun({ runId }, context) {
      const caller = context.values.get(callerKey);
      requireHeldAnywhere(caller, 'user.unlock');
      await getRun(app, caller, runId);
      return { run: runMessage(await cancelRun(app, caller, runId)) };
    },
    async revertUnlockRun(req, context) {
      const caller = context.values.get(callerKey);
      const { runId, reason, ticket, requestId, maxPerSecond } = req;
      requireHeldAnywhere(caller, 'user.write');
      const reverted = await getRun(app, caller, runId);
      const order = { reason, ticket, identification: '', requestId, maxPerSecond, stopAfterFailures: 0 };
      const earlier = await findRun(app, caller, { requestId, revertsRunId: runId });
      return { run: runMessage(earlier ?? (await revertRun(app, caller, { ...order, reverted }))) };
    },
    watchUnlockRun: (req, context) => limit(() => watch(app, req, context), sharerByCaller(context.values)),
  };
}

/** Details travel in a trailer, of which clients take some kilobytes. */
const previewBytesMax = 4_096;

/** Throws the error; where the set is another one by now, with the preview of what it is, as far as there is room for it. */
async function refuse(
  app: UnlockRunApp,
  error: unknown,
  { caller, filter }: { readonly caller: Caller; readonly filter: LockFilter },
): Promise<never> {
  if (!(error instanceof DomainError && error.error === 'runSetChanged')) throw error;
  const preview = await previewUnlock(app, caller, { filter, sampleSize: 0 });
  const value = create(PreviewUnlockResponseSchema, previewMessage(preview));
  const isTooLong = toBinary(PreviewUnlockResponseSchema, value).length > previewBytesMax;
  throw isTooLong ? error : withDetail(error, { desc: PreviewUnlockResponseSchema, value });
}

/** Proxies commonly end what says nothing for 30 or 60 seconds. */
const heartbeatMs = 15_000;
const runIdLengthMax = 200;

async function* watch(app: UnlockRunApp, { runId }: WatchUnlockRunRequest, context: HandlerContext) {
  // A stream passes the rules of the fields by: its messages come one by one.
  if (runId === '' || runId.length > runIdLengthMax) {
    throw invalidField('run_id', `must be 1 to ${runIdLengthMax} characters long`);
  }
  const caller = () => callerAsOfNow(app, context);
  const runs = watchRun(app, { runId: parseText(runId, 'run_id'), caller, signal: context.signal });
  let newest: UnlockRun | undefined;
  for await (const run of withHeartbeats(runs, heartbeatMs)) {
    newest = run ?? newest;
    if (newest !== undefined) yield { run: runMessage(newest) };
  }
}
