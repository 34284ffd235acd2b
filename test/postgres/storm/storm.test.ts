import { setTimeout as delay } from 'node:timers/promises';
import type { JsonObject } from '@bufbuild/protobuf';
import { expect, test } from '@jest/globals';
import type { RecordedEvent } from '../../../src/domain/events.ts';
import { verify } from '../../../src/queries/verify/verify.ts';
import { runSql } from '../../support/postgres.ts';
import { pick } from '../../support/random.ts';
import { repetitions } from '../../support/repetitions.ts';
import { failuresMax, faults, inRun, openSite, random, type Site, seed } from './site.ts';

const stormMs = repetitions({ few: 8, many: 60 }) * 1_000;
/** A lease of a run or a claim on a user may have to end, and a lock or an attempt by its time. */
const calmMsMax = 60_000;

/** What a client asked for, and how many events there may be of it by what it was told. */
interface Asked {
  /** Any of them may stand in the event. */
  readonly requestIds: readonly string[];
  readonly userId: string;
  readonly type: string;
  readonly events: readonly number[];
}

interface Storm {
  readonly site: Site;
  readonly asked: Asked[];
  /** The runs that one request was answered with. */
  readonly runs: Map<string, Set<string>>;
  readonly isOver: () => boolean;
}

const failed = 'user.human.password.check.failed';

async function change(
  { site, asked }: Storm,
  method: 'LockUser' | 'UnlockUser',
  message: JsonObject,
  requestId: string,
) {
  const answer = await site.ask(`LockService.${method}`, message, requestId);
  const type = method === 'LockUser' ? 'user.locked' : 'user.unlocked';
  const events = answer === undefined ? [0, 1] : [answer.ok ? 1 : 0];
  asked.push({ requestIds: [requestId], userId: String(message.userId), type, events });
}

type Turn = (storm: Storm, requestId: string) => Promise<void>;

/** What a client does again and again, each time under another request id. */
const turns: Readonly<Record<string, Turn>> = {
  async signIn(storm, requestId) {
    const userId = pick(random, ['signs-in-0', 'signs-in-1']);
    const checks = { user: { userId }, password: { password: `wrong ${requestId}` } };
    const answer = await storm.site.ask('CreateSession', { checks }, requestId);
    const events = answer === undefined ? [0, 1] : [answer.code === 'InvalidArgument' ? 1 : 0];
    storm.asked.push({ requestIds: [requestId], userId, type: failed, events });
    if (answer?.code === 'FailedPrecondition')
      await change(storm, 'UnlockUser', { userId }, `${requestId}.u`);
  },
  async checkElsewhere(storm, requestId) {
    const userId = pick(random, ['tried-0', 'tried-1']);
    const begun = await storm.site.ask('BeginAttempt', { userId }, requestId);
    if (begun?.code === 'FailedPrecondition') await change(storm, 'UnlockUser', { userId }, `${requestId}.u`);
    const { attemptId } = begun?.response ?? {};
    const end = { attemptId: attemptId ?? '', outcome: 'OUTCOME_FAILED' };
    // One that is forgotten has failed as well.
    if (attemptId !== undefined && random() < 0.8) await storm.site.ask('EndAttempt', end, `${requestId}.e`);
    const events = begun === undefined ? [0, 1] : [begun.ok ? 1 : 0];
    storm.asked.push({ requestIds: [requestId, `${requestId}.e`], userId, type: failed, events });
  },
  async lockForAWhile(storm, requestId) {
    const userId = pick(random, ['timed-0', 'timed-1']);
    const until = new Date(Date.now() + 1_000 + random() * 2_000).toISOString();
    await change(storm, 'LockUser', { userId, until }, requestId);
    if (random() < 0.3) await change(storm, 'UnlockUser', { userId }, `${requestId}.u`);
  },
  async unlockMany(storm, requestId) {
    const { site, runs, isOver } = storm;
    await Promise.all(inRun.map((userId) => change(storm, 'LockUser', { userId }, `${requestId}.${userId}`)));
    const filter = { userIds: inRun };
    const preview = (await site.ask('PreviewUnlock', { filter }))?.response;
    if (preview?.runToken === undefined) return;
    const order = { runToken: preview.runToken, confirmedCount: preview.count ?? '0', maxPerSecond: 20 };
    const ids = new Set<string>();
    runs.set(requestId, ids);
    for (let nth = 0; nth < 6; nth += 1) {
      const run = (await site.ask('StartUnlockRun', { ...order, requestId }))?.response.run as JsonObject;
      if (run?.runId !== undefined) ids.add(String(run.runId));
    }
    for (const runId of ids) while (!isOver() && !(await hasEnded(site, runId))) await delay(100);
  },
};

async function hasEnded({ app }: Site, runId: string): Promise<boolean> {
  // Its table may be held.
  return (await app.store.loadRun(runId).catch(() => undefined))?.endedAt !== undefined;
}

async function repeat(storm: Storm, name: string, turn: Turn): Promise<void> {
  for (let nth = 0; !storm.isOver(); nth += 1) {
    await turn(storm, `${name}.${nth}`);
    await delay(10 + random() * 40);
  }
}

/** Until nothing more happens by itself. */
async function calm({ app, url }: Site): Promise<void> {
  const deadlineMs = performance.now() + calmMsMax;
  for (;;) {
    const [left] = await runSql(
      url,
      "SELECT (SELECT count(*) FROM unlock_runs WHERE state <> 'done' AND state <> 'preparing') + " +
        '(SELECT count(*) FROM password_checks WHERE attempt_id IS NOT NULL) + ' +
        '(SELECT count(*) FROM users WHERE lock_until IS NOT NULL) AS left',
    );
    if (Number(left?.left) === 0) break;
    if (performance.now() > deadlineMs) throw new Error(`${left?.left} are left of runs, attempts and locks`);
    await delay(200);
  }
  await app.store.listEvents({ afterPosition: 0, limit: 1 });
}

async function wholeLog({ app }: Site): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (let page: readonly RecordedEvent[] | undefined; page?.length !== 0; ) {
    page = await app.store.listEvents({ afterPosition: events.at(-1)?.position ?? 0, limit: 1_000 });
    events.push(...page);
  }
  return events;
}

const idOf = ({ meta }: RecordedEvent): string => meta.requestId ?? '';

/** Each was done as often as was said, which is once. */
function askedWrong(asked: readonly Asked[], log: readonly RecordedEvent[]): readonly string[] {
  const byRequest = Map.groupBy(log, idOf);
  return asked.flatMap(({ requestIds, userId, type, events }) => {
    const own = requestIds.flatMap((id) => byRequest.get(id) ?? []);
    const count = own.filter((event) => event.userId === userId && event.type === type).length;
    return events.includes(count) ? [] : [`${requestIds[0]}, ${userId}: ${count} events, not ${events}`];
  });
}

/** Positions and sequences have no gap, and the failure of that number locks, and no other. */
function orderWrong(log: readonly RecordedEvent[]): readonly string[] {
  const wrong: string[] = [];
  for (const [index, { position }] of log.entries())
    if (position !== index + 1) wrong.push(`position ${position} in the place of ${index + 1}`);
  for (const [userId, events] of Map.groupBy(log, (event) => event.userId)) {
    let failures = 0;
    let isLocked = false;
    for (const [index, { sequence, type, payload }] of events.entries()) {
      const say = (text: string) => wrong.push(`${userId} ${sequence} ${type}: ${text}`);
      if (sequence !== index + 1) say(`in the place of ${index + 1}`);
      if (type === failed) failures += 1;
      if (type === failed && (isLocked || failures > failuresMax))
        say(`failure ${failures}, locked ${isLocked}`);
      if (type === 'user.locked' && payload.cause === 'policy' && failures !== failuresMax)
        say(`after ${failures}`);
      if (type === 'user.locked' && isLocked) say('twice');
      if (type === 'user.unlocked' && !isLocked) say('twice');
      if (type === 'user.unlocked') failures = 0;
      if (type === 'user.locked' || type === 'user.unlocked') isLocked = type === 'user.locked';
    }
    if (failures >= failuresMax && !isLocked) wrong.push(`${userId}: ${failures} failures, and not locked`);
  }
  return wrong;
}

/** One run a request, each of its users once, and its counts are true. */
async function runsWrong({ site, runs }: Storm, log: readonly RecordedEvent[]): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const [requestId, ids] of runs) {
    if (ids.size > 1) wrong.push(`${requestId}: ${ids.size} runs`);
    for (const runId of ids) {
      const run = await site.app.store.loadRun(runId);
      const events = log.filter((event) => event.type === 'user.unlocked' && event.payload.runId === runId);
      const users = new Set(events.map(({ userId }) => userId)).size;
      const counted = Object.values(run?.counts ?? {}).reduce((sum, count) => sum + count, 0);
      const isTrue = run?.counts.unlocked === users && users === events.length && counted === run.total;
      if (!isTrue) wrong.push(`${requestId}: ${events.length} events of ${users}, ${JSON.stringify(run)}`);
    }
  }
  return wrong;
}

test(
  'two servers amid faults: all that was answered is so, once, and by the numbers of the policy',
  async () => {
    process.stdout.write(`STORM_SEED=${seed}\n`);
    await using resources = new AsyncDisposableStack();
    const site = await openSite(resources, stormMs / 4);
    const endMs = performance.now() + stormMs;
    let isOver = false;
    const storm: Storm = { site, asked: [], runs: new Map(), isOver: () => isOver };
    const going = Object.entries(turns).flatMap(([name, turn]) =>
      Array.from({ length: name === 'unlockMany' ? 1 : 2 }, (_none, nth) =>
        repeat(storm, `${name}-${nth}`, turn),
      ),
    );
    const names: string[] = [];
    const inTurn = Object.keys(faults).sort(() => random() - 0.5);
    while (performance.now() < endMs) {
      const name = inTurn[names.length % inTurn.length] ?? '';
      names.push(name);
      await faults[name]?.(site);
      await delay(random() * 1_000);
    }
    isOver = true;
    await Promise.all(going);
    await calm(site);
    const log = await wholeLog(site);
    const wrong = [...askedWrong(storm.asked, log), ...orderWrong(log), ...(await runsWrong(storm, log))];
    const { problems } = await verify(site.app.store);
    process.stdout.write(`${log.length} events, ${storm.asked.length} asked; ${names.join(', ')}\n`);
    expect([...wrong, ...problems.map(({ userId, text }) => `${userId}: ${text}`)]).toEqual([]);
    expect(storm.asked.filter(({ events }) => events.length === 1).length).toBeGreaterThan(stormMs / 1_000);
  },
  stormMs + calmMsMax + 120_000,
);
