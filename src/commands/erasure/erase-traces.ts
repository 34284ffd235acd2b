import {
  erasedAct,
  erasedCancel,
  erasedEvent,
  erasedRun,
  isErased,
  isErasedAct,
  isErasedCancel,
  isErasedRun,
} from '../../domain/erasure.ts';
import { DomainError } from '../../domain/errors.ts';
import { birthTypes, type EventType, instanceStream, type RecordedEvent } from '../../domain/events.ts';
import type { UserId } from '../../domain/ids.ts';
import { isEnded, type UnlockRun } from '../../domain/unlock-run.ts';
import type { Grant } from '../../domain/user.ts';
import type { ListEvents } from '../../store/store.ts';
import type { CommandApp } from '../change-user.ts';

type ErasingApp = Pick<CommandApp, 'store' | 'now' | 'newId'>;

const pageSize = 500;
const pagesMax = 1_000_000;
const attemptsMax = 20;

/** What was under way when a user was erased is written by then: no call lasts as long, and no attempt. */
export const settledAfterMs = 180_000;

/**
 * Takes the person out of the log, wherever `user.erased` says that they are to be gone: of their own events names,
 * addresses and texts; of what they did to others their addresses, clients and words. Each step may be done twice, so
 * whoever comes after a crash begins again. Answers whether that is all, the files of the store included.
 */
export async function eraseTraces(app: ErasingApp, userId: UserId): Promise<boolean> {
  let isOver = true;
  for (const span of await spansOf(app, userId)) {
    if (!(await eraseOwn(app, userId, span))) continue;
    await eraseActs(app, userId, span);
    isOver = (await eraseRuns(app, userId, { span, told: await toldOf(app, userId) })) && isOver;
  }
  return (await app.store.dropOverwritten()) && isOver;
}

/** From where to where in the log somebody is to be erased. */
interface Span {
  /** Position of their first event. */
  readonly from: number;
  /** When that was, in milliseconds since 1970: what was done under the id before is another's. */
  readonly bornAt: number;
  readonly erased: RecordedEvent;
  /** Position at which somebody else gets the id, and when; what is done under it from then on is theirs. */
  readonly until: number;
  readonly nextBornAt: number;
}

/**
 * A deleted id may be used again, in another organization by somebody else: the span is the lives of the id before the
 * event that lie in one organization, the last one's, without another between them.
 */
async function spansOf(app: ErasingApp, userId: UserId): Promise<readonly Span[]> {
  const births = await birthsOf(app, userId);
  const spans: Span[] = [];
  for await (const page of pagesOf(app, { userId, type: 'user.erased' })) {
    spans.push(...page.map((erased) => ({ erased, ...spanBefore(erased.position, births) })));
  }
  return spans;
}

/** All roles that somebody has held in the lives that erasing them now would be about, whether they hold them still or not. */
export async function grantsEver(app: Pick<CommandApp, 'store'>, userId: UserId): Promise<readonly Grant[]> {
  const { from } = spanBefore(Number.MAX_SAFE_INTEGER, await birthsOf(app, userId));
  const grants: Grant[] = [];
  for await (const page of pagesOf(app, { userId, type: 'user.grant.added', afterPosition: from - 1 })) {
    grants.push(...page.map(({ payload }) => payload as unknown as Grant));
  }
  return grants;
}

async function birthsOf(app: Pick<CommandApp, 'store'>, userId: UserId): Promise<readonly RecordedEvent[]> {
  const births: RecordedEvent[] = [];
  for (const type of birthTypes) {
    for await (const page of pagesOf(app, { userId, type })) births.push(...page);
  }
  return births.sort((one, other) => one.position - other.position);
}

function spanBefore(end: number, births: readonly RecordedEvent[]): Omit<Span, 'erased'> {
  const before = births.filter(({ position }) => position < end);
  const next = births[before.length];
  const organizationId = before.at(-1)?.payload.organizationId;
  const other = before.findLastIndex(({ payload }) => payload.organizationId !== organizationId);
  const first = before[other + 1];
  return {
    ...{ from: first?.position ?? end, bornAt: first?.createdAt ?? Number.POSITIVE_INFINITY },
    until: next?.position ?? Number.MAX_SAFE_INTEGER,
    nextBornAt: next?.createdAt ?? Number.POSITIVE_INFINITY,
  };
}

/** Answers whether they ever held a role, without which nobody does anything to anybody. */
async function eraseOwn(app: ErasingApp, userId: UserId, { from, erased }: Span): Promise<boolean> {
  let hasActed = false;
  for await (const page of pagesOf(app, { userId, afterPosition: from - 1 })) {
    const own = page.filter(({ position }) => position < erased.position);
    hasActed ||= own.some(({ type }) => type === 'user.grant.added');
    await app.store.rewriteEvents(own.filter((event) => !isErased(event)).map(erasedEvent));
    if (own.length < page.length) break;
  }
  // Whoever erases says why, and that stays; not from where, if it is they themselves.
  const isByThemselves = erased.meta.actorUserId === userId;
  if (isByThemselves && !isErased(erased)) await app.store.rewriteEvents([erasedEvent(erased)]);
  return hasActed;
}

async function eraseActs(app: ErasingApp, actorUserId: UserId, { from, until }: Span): Promise<void> {
  for await (const page of pagesOf(app, { actorUserId, afterPosition: from - 1 })) {
    const acts = page.filter(({ position, userId }) => position < until && userId !== actorUserId);
    const left = acts.filter((event) => !isErasedAct(event));
    // First the row, so that it is at no moment another than its events make.
    for (const event of left) if (event.type === 'user.locked') await removeReason(app, event);
    await app.store.rewriteEvents(left.map(erasedAct));
    if (page.some(({ position }) => position >= until)) break;
  }
}

/** Where the log says that a run was started, or ended, by whoever had the id: positions by the run's id. */
interface Told {
  readonly started: ReadonlyMap<unknown, number>;
  readonly ended: ReadonlyMap<unknown, number>;
}

async function toldOf(app: ErasingApp, actorUserId: UserId): Promise<Told> {
  const positionsOf = async (type: EventType): Promise<ReadonlyMap<unknown, number>> => {
    const positions = new Map<unknown, number>();
    for await (const page of pagesOf(app, { userId: instanceStream, type })) {
      const own = page.filter(({ meta }) => meta.actorUserId === actorUserId);
      for (const { payload, position } of own) positions.set(payload.runId, position);
    }
    return positions;
  };
  return { started: await positionsOf('unlock.run.started'), ended: await positionsOf('unlock.run.ended') };
}

/** What is theirs of the runs is what they did in this life of the id. */
interface Theirs {
  readonly span: Span;
  readonly told: Told;
}

/** Runs have rows of their own. False: one goes on, and is to be looked at again. */
async function eraseRuns({ store }: ErasingApp, actorUserId: UserId, theirs: Theirs): Promise<boolean> {
  let isOver = true;
  let before = '';
  for (let page = 0; page < pagesMax; page += 1) {
    const runs = await store.listRuns({ before, limit: runsAtOnce });
    for (const run of runs) {
      const after = withoutWordsOf(run, actorUserId, theirs);
      if (after === run) continue;
      const move = { before: run, after: { ...after, version: run.version + 1 } };
      isOver = isEnded(run) && (await store.moveRun(move)) && isOver;
    }
    if (runs.length < runsAtOnce) return isOver;
    before = runs.at(-1)?.runId ?? before;
  }
  return isOver;
}

const runsAtOnce = 100;

/** The run itself where nothing of it is theirs, of this life, or nothing is left of that. */
function withoutWordsOf(run: UnlockRun, userId: UserId, { span, told }: Theirs): UnlockRun {
  const { runId, startedAt, endedAt = Number.POSITIVE_INFINITY } = run;
  // The log tells lives apart by its order, whatever a clock showed then. Of what does not stand there yet times are known alone.
  const isOfLife = (position: number | undefined, untilAt: number): boolean => {
    if (position !== undefined) return position >= span.from && position < span.until;
    const lastAt = Math.min(span.erased.createdAt + settledAfterMs, span.nextBornAt - 1);
    return startedAt <= lastAt && untilAt >= span.bornAt;
  };
  const isStarter = run.meta.actorUserId === userId && isOfLife(told.started.get(runId), startedAt);
  const left = isStarter && !isErasedRun(run) ? erasedRun(run) : run;
  const isCanceller = left.cancelledBy?.actorUserId === userId && isOfLife(told.ended.get(runId), endedAt);
  return isCanceller && !isErasedCancel(left) ? erasedCancel(left) : left;
}

/** A lock that still stands says no more why. */
async function removeReason(app: ErasingApp, { userId, sequence }: RecordedEvent): Promise<void> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const before = await app.store.loadUser(userId);
    const lock = before?.lockout.lock;
    if (lock?.generation !== sequence || lock.reason === undefined) return;
    const at = { createdAt: app.now(), eventId: app.newId() };
    const events = [{ type: 'user.lock.reason.removed', payload: {} }] as const;
    const after = await app.store.append({ before, userId, events, at, meta: {} });
    if (typeof after !== 'string') return;
  }
  throw new DomainError('conflict');
}

/** All events that the query finds, oldest first. */
async function* pagesOf(
  { store }: Pick<CommandApp, 'store'>,
  query: Omit<ListEvents, 'limit' | 'afterPosition'> & { readonly afterPosition?: number },
): AsyncGenerator<readonly RecordedEvent[]> {
  let { afterPosition = 0 } = query;
  for (let page = 0; page < pagesMax; page += 1) {
    const found = await store.listEvents({ ...query, afterPosition, limit: pageSize });
    if (found.length > 0) yield found;
    if (found.length < pageSize) return;
    afterPosition = found.at(-1)?.position ?? afterPosition;
  }
}
