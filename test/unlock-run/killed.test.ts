import type { JsonObject } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import { type App, openApp } from '../../src/app/app.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { type ChildServer, standBy } from '../support/child-server.ts';
import { openDoor } from '../support/door.ts';
import { createPeople, type People } from '../support/people.ts';
import { repetitions } from '../support/repetitions.ts';
import { historyOf } from '../support/replay.ts';
import { stores } from '../support/stores.ts';
import { ended, previewOf, startOf } from './runs.ts';

const kills = repetitions({ few: 2, many: 20 });
const usersInRun = 400;
/** A slice is 128 users: each run is some slices long, and a server is killed in one of them. */
const userIds = Array.from({ length: usersInRun }, (_none, nth) => `wave-${String(nth).padStart(4, '0')}`);
const withinMs = 60_000;

/** Whoever is locked while a run goes on is not of it. */
interface Late {
  readonly userId: string;
  readonly sequence: number;
}

describe.each(stores)('on %s', (_, openDatabase) => {
  test(`of two servers the one that carries a run is killed, ${kills} times: every item is one event, and the counts are true`, async () => {
    await using resources = new AsyncDisposableStack();
    const { database } = resources.use(await openDatabase());
    const app = resources.use(await openApp({ database, passwordAttemptsMax: 5, logLevel: 'silent' }));
    const people = createPeople(app);
    await people.organization('acme');
    await inTens(userIds, (userId) => people.user({ organization: 'acme', kind: 'machine', userId }));
    const token = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    const start = async () => {
      const standby = resources.use(standBy(['--db', database]));
      return { server: await standby.start() };
    };
    let servers: { readonly server: ChildServer }[] = [await start(), await start()];
    let taken = 0;
    for (let round = 0; round < kills; round += 1) {
      await inTens(userIds, (userId) => lockAgain(people, app, userId));
      const before = await newestOf(app);
      const run = await startedBy(servers[0]?.server, token);
      const killed = await isUnderWay(app, run);
      // Which of them carries it is not to be seen from outside: each is killed in its turn, one of them amid the run.
      const [victim, survivor] = round % 2 === 0 ? servers : [...servers].reverse();
      if (victim === undefined || survivor === undefined) throw new Error('two servers');
      victim.server.kill('SIGKILL');
      expect(await victim.server.exited).toBe('SIGKILL');
      taken += killed;
      const late = await lockedAgain(people, app, run);
      const done = await endedOn(survivor.server, token, run);
      await expectTrue(app, { run, done, before, late });
      servers = [survivor, await start()];
    }
    expect(await verify(app.store)).toMatchObject({ problems: [] });
    process.stdout.write(`${kills} kills, ${taken} of them amid a run\n`);
  }, 600_000);
});

async function inTens<Item>(items: readonly Item[], act: (item: Item) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < items.length; from += 10)
    await Promise.all(items.slice(from, from + 10).map(act));
}

async function lockAgain(people: People, app: App, userId: string): Promise<void> {
  if ((await app.store.loadUser(userId as never))?.state === 'active') await people.act(userId, 'lock');
}

async function newestOf(app: App): Promise<ReadonlyMap<string, number>> {
  const sequences = new Map<string, number>();
  for (const userId of userIds)
    sequences.set(userId, (await app.store.loadUser(userId as never))?.sequence ?? 0);
  return sequences;
}

async function startedBy(server: ChildServer | undefined, token: string): Promise<JsonObject> {
  await using door = openDoor(server?.url ?? '', token);
  const preview = await previewOf(door, { organizationId: 'acme' });
  expect(preview.count).toBe(String(usersInRun));
  // Slow enough that it is under way when its server is killed.
  return await startOf(door, preview, { reason: 'alarm', maxPerSecond: 400 });
}

/** Waits until some of the run is written down. 1: it has not ended by then. */
async function isUnderWay(app: App, { runId = '' }: JsonObject): Promise<number> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const run = await app.store.loadRun(String(runId));
    if (run?.state !== 'running') return 0;
    if (run.counts.unlocked > 0) return 1;
    if (performance.now() > deadlineMs) throw new Error('nobody carries the run');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Locks some whom the run has unlocked already. */
async function lockedAgain(people: People, app: App, { runId = '' }: JsonObject): Promise<readonly Late[]> {
  const [first] = await app.store.listRunSlices({
    runId: String(runId),
    from: 0,
    outcome: 'unlocked',
    limit: 1,
  });
  const late: Late[] = [];
  for (const [index, item] of (first?.items ?? []).entries()) {
    if (late.length === 3 || first?.results[index]?.outcome !== 'unlocked') continue;
    await people.act(item.userId, 'lock');
    late.push({
      userId: item.userId,
      sequence: (await app.store.loadUser(item.userId))?.sequence ?? 0,
    });
  }
  return late;
}

async function endedOn(server: ChildServer, token: string, run: JsonObject): Promise<JsonObject> {
  await using door = openDoor(server.url, token);
  return await ended(door, run);
}

interface Outcome {
  readonly run: JsonObject;
  readonly done: JsonObject;
  readonly before: ReadonlyMap<string, number>;
  readonly late: readonly Late[];
}

async function expectTrue(app: App, { run, done, before, late }: Outcome): Promise<void> {
  expect(done).toMatchObject({
    state: 'UNLOCK_RUN_STATE_DONE',
    total: String(usersInRun),
    unlocked: String(usersInRun),
  });
  const strays: string[] = [];
  for (const userId of userIds) {
    const events = await historyOf(app.store, userId);
    const ofRun = events.filter(
      ({ type, payload }) => type === 'user.unlocked' && payload.runId === run.runId,
    );
    if (ofRun.length !== 1 || ofRun[0]?.sequence !== (before.get(userId) ?? 0) + 1) {
      strays.push(`${userId}: ${ofRun.map(({ sequence }) => sequence).join(' ')}`);
    }
  }
  expect(strays).toEqual([]);
  for (const { userId, sequence } of late) {
    expect(await app.store.loadUser(userId as never)).toMatchObject({ state: 'locked', sequence });
  }
}
