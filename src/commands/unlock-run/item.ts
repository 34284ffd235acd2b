import { mayInRun } from '../../auth/authorize.ts';
import type { Caller } from '../../auth/caller.ts';
import { isAbove } from '../../auth/load-user.ts';
import type { RecordedEvent, UserEvent } from '../../domain/events.ts';
import type { RunItem, RunResult, UnlockRun } from '../../domain/unlock-run.ts';
import type { User } from '../../domain/user.ts';
import type { CommandApp } from '../change-user.ts';
import { newestSinceBirth } from '../request-id.ts';
import { lockedBy, unlockedBy } from '../user-state.ts';

/** A run with whoever it acts for. */
export interface RunTask {
  readonly run: UnlockRun;
  readonly actor: Caller;
  /** What was begun is looked at, and nothing new done: undefined where there is nothing to tell. */
  readonly looksOnly?: boolean;
}

const attemptsMax = 5;

/**
 * One user of the run, once, however often it is tried: the lock that is meant is there or it is not, and where it is not,
 * the user's log says whether this run has ended it. Throws storeUnavailable, after which it is to be tried again.
 */
export async function actOn(app: CommandApp, task: RunTask, item: RunItem): Promise<RunResult | undefined> {
  const step = task.run.revertsRunId === undefined ? unlock : lockAgain;
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const user = await app.store.loadUser(item.userId);
    const decided = await step(app, { ...task, item, user });
    if (!('event' in decided)) return decided.result;
    if (task.looksOnly === true) return undefined;
    const at = { createdAt: app.now(), eventId: app.newId() };
    const { meta } = task.actor;
    const change = { before: decided.user, userId: item.userId, events: [decided.event], at, meta };
    const after = await app.store.append(change);
    if (typeof after !== 'string') return { outcome: decided.outcome, sequence: after.sequence };
  }
  return { outcome: 'failed' };
}

interface Step extends RunTask {
  readonly item: RunItem;
  readonly user: User | undefined;
}

type Decided =
  | { readonly result: RunResult }
  | { readonly event: UserEvent; readonly user: User; readonly outcome: RunResult['outcome'] };

async function unlock(app: CommandApp, { run, actor, item, user }: Step): Promise<Decided> {
  const isPermitted = mayInRun(actor, run, item.organizationId);
  const { runId, ticket, identification } = run;
  if (user?.state === 'locked' && (user.lockout.lock?.generation ?? 0) === item.generation) {
    if (!isPermitted) return { result: { outcome: 'not_permitted' } };
    const event = unlockedBy(actor, user, {
      ...(ticket && { ticket }),
      ...(identification && { identification }),
      requestId: runId,
      runId,
    });
    return { event, user, outcome: 'unlocked' };
  }
  const earlier = await ownEvent(app, run, user);
  if (earlier !== undefined) return { result: { outcome: 'unlocked', sequence: earlier.sequence } };
  // What became of somebody is told to nobody who may not read them any more.
  if (!isPermitted) return { result: { outcome: 'not_permitted' } };
  return { result: { outcome: user?.state === 'locked' ? 'newer_lock' : 'not_locked' } };
}

async function lockAgain(app: CommandApp, { run, actor, item, user }: Step): Promise<Decided> {
  const isPermitted = mayInRun(actor, run, item.organizationId);
  if (user !== undefined && user.sequence === item.generation && user.state === 'active') {
    if (!isPermitted || isAbove(actor, user)) return { result: { outcome: 'not_permitted' } };
    const { until } = item;
    if (until !== undefined && until <= app.now()) return { result: { outcome: 'lock_over' } };
    const { runId } = run;
    const event = lockedBy(actor, user, { ...(until !== undefined && { until }), requestId: runId, runId });
    return { event, user, outcome: 'locked_again' };
  }
  const earlier = await ownEvent(app, run, user);
  if (earlier !== undefined) return { result: { outcome: 'locked_again', sequence: earlier.sequence } };
  if (!isPermitted) return { result: { outcome: 'not_permitted' } };
  const why = await nextType(app, item);
  return { result: { outcome: 'changed', ...(why !== undefined && { why }) } };
}

/** What this run has written about the user: nobody else names a run. */
async function ownEvent(
  app: CommandApp,
  { runId }: UnlockRun,
  user: User | undefined,
): Promise<RecordedEvent | undefined> {
  if (user === undefined) return undefined;
  return newestSinceBirth(app, user.userId, ({ payload }) => payload.runId === runId);
}

/** What happened to the user right after the unlock that is taken back. */
async function nextType(app: CommandApp, { userId, generation }: RunItem): Promise<string | undefined> {
  const query = { userId, newestFirst: true, afterPosition: 0, limit: 1, beforeSequence: generation + 2 };
  const [next] = await app.store.listEvents(query);
  return next?.sequence === generation + 1 ? next.type : undefined;
}
