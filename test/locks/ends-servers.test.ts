import { setTimeout as delay } from 'node:timers/promises';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { describe, expect, test } from '@jest/globals';
import pino from 'pino';
import { AdminService } from '../../gen/es/latchkey/v1/admin_pb.js';
import { startSweeper } from '../../src/app/sweep.ts';
import { DomainError } from '../../src/domain/errors.ts';
import { parseUserId } from '../../src/domain/ids.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { runHere } from '../cli/run-cli.ts';
import { standBy } from '../support/child-server.ts';
import { type Door, openDoor } from '../support/door.ts';
import { historyOf } from '../support/replay.ts';
import { seedEvents } from '../support/seed-users.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openEmptyDatabase, stores } from '../support/stores.ts';
import { lockUntil } from '../support/timed-locks.ts';

/** As much as a busy machine may add to the shortest of a few round trips. */
const toleranceMs = 250;
const realClocks = { localNow: Date.now };

/** What one look said, and between which moments. */
interface Look {
  readonly askedMs: number;
  readonly answeredMs: number;
  readonly isLocked: boolean;
}

const looks: readonly ((door: Door, userId: string) => Promise<boolean>)[] = [
  async (door, userId) => (await door.user(userId))?.state === 'USER_STATE_LOCKED',
  async (door, userId) => {
    const queries = [
      { inUserIdsQuery: { userIds: [userId] } },
      { stateQuery: { state: 'USER_STATE_LOCKED' } },
    ];
    return (await door.ask('ListUsers', { queries })).response.result !== undefined;
  },
  async (door, userId) => {
    const queries = [
      { inUserIdsQuery: { userIds: [userId] } },
      { stateQuery: { state: 'USER_STATE_ACTIVE' } },
    ];
    return (await door.ask('ListUsers', { queries })).response.result === undefined;
  },
  async (door, userId) => (await door.events(userId)).at(-1)?.type === 'user.locked',
];

test('two servers whose clocks are six seconds apart agree at every instant', async () => {
  await using resources = new AsyncDisposableStack();
  const { database } = resources.use(await openEmptyDatabase('postgres'));
  const skewed = (skewMs: number) =>
    startServer({ database, clocks: { localNow: () => Date.now() + skewMs } });
  const servers = [resources.use(await skewed(3_000)), resources.use(await skewed(-3_000))] as const;
  await servers[0].people.organization('acme');
  const token = await servers[0].people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  const doors = servers.map(({ url }) => resources.use(openDoor(url, token)));
  for (const { app } of servers) expect(Math.abs(app.now() - Date.now())).toBeLessThan(toleranceMs);
  /** Whether anybody saw the lock, which lasts so long. */
  const agreeOn = async ({ app, people }: TestServer, lengthMs: number): Promise<boolean> => {
    const userId = app.newId();
    await people.user({ organization: 'acme', userId });
    const until = Date.now() + lengthMs;
    await lockUntil(app, userId, until);
    const seen: Look[] = [];
    const watch = async (door: Door, look: (typeof looks)[number]) => {
      while (Date.now() < until + toleranceMs || (seen.at(-1)?.isLocked ?? true)) {
        const askedMs = performance.now();
        const isLocked = await look(door, userId);
        seen.push({ askedMs, answeredMs: performance.now(), isLocked });
      }
    };
    const startedMs = performance.now();
    const started = Date.now();
    await Promise.all(doors.flatMap((door) => looks.map((look) => watch(door, look))));
    const atMs = (ms: number) => ms - startedMs + started;
    const firstFree = Math.min(
      ...seen.filter(({ isLocked }) => !isLocked).map(({ answeredMs }) => answeredMs),
    );
    expect(seen.filter(({ askedMs, isLocked }) => isLocked && askedMs > firstFree)).toEqual([]);
    expect(atMs(firstFree) - until).toBeGreaterThan(-toleranceMs);
    const events = await historyOf(app.store, userId);
    expect(events.map(({ type, createdAt }) => [type, createdAt]).slice(2)).toEqual([
      ['user.unlocked', until],
    ]);
    return seen.some(({ isLocked }) => isLocked);
  };
  for (const server of servers) {
    // A slow machine looks for the first time when a short one is over.
    let lengthMs = 1_000;
    while (!(await agreeOn(server, lengthMs))) lengthMs *= 3;
  }
  expect(await verify(servers[1].app.store)).toMatchObject({ problems: [] });
});

describe.each(stores)('on %s', (kind) => {
  test('the log tells of the end within about a second: to whoever follows, and where nobody looks', async () => {
    await using resources = new AsyncDisposableStack();
    const { database } = resources.use(await openEmptyDatabase(kind));
    // A server looks for ends in turns: by them its second is counted, however slow the machine is.
    const turns: number[] = [];
    const noted = (store: Store): Store => ({
      ...store,
      listAttemptsOver(nowMs, limit) {
        turns.push(nowMs);
        return store.listAttemptsOver(nowMs, limit);
      },
    });
    const server = resources.use(await startServer({ database, clocks: realClocks, wrapStore: noted }));
    await server.people.organization('acme');
    for (const userId of ['followed', 'alone']) await server.people.user({ organization: 'acme', userId });
    const token = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    // Straight at the rows: this look ends nothing.
    const raw = resources.use(await openStore({ database }));
    const until = Date.now() + 300;
    await lockUntil(server.app, 'alone', until);
    const turnsSince = (ms: number) => turns.filter((atMs) => atMs >= ms).length;
    // The first of them may have looked before the end.
    while (turnsSince(until) < 2) await delay(20);
    expect((await historyOf(raw, 'alone')).at(-1)).toMatchObject({ type: 'user.unlocked', createdAt: until });

    const client = createClient(AdminService, createGrpcTransport({ baseUrl: server.url }));
    const hangUp = new AbortController();
    const stream = client.followEvents(
      {},
      { timeoutMs: 0, signal: hangUp.signal, headers: { authorization: `Bearer ${token}` } },
    );
    const end = Date.now() + 500;
    await lockUntil(server.app, 'followed', end);
    for await (const { type, userId, actor } of stream) {
      if (type !== 'user.unlocked' || userId !== 'followed') continue;
      expect(actor).toMatchObject({ policy: 'lockout', userId: '' });
      break;
    }
    hangUp.abort();
    expect(Date.now() - end).toBeGreaterThan(-toleranceMs);
    expect(turnsSince(end)).toBeLessThan(4);
    // A turn is a second: the machine makes some of them longer, and none of them shorter for good.
    const isSecond = () => turns.some((atMs, nth) => nth > 0 && atMs - (turns[nth - 1] ?? 0) < 1_500);
    while (!isSecond()) await delay(20);
  });

  test('a server killed while it ends locks has written each end once or not at all, and the next writes the rest', async () => {
    await using resources = new AsyncDisposableStack();
    const { database } = resources.use(await openEmptyDatabase(kind));
    const userIds: string[] = [];
    const until = Date.now() - 60_000;
    {
      await using server = await startServer({ database });
      await server.people.organization('acme');
      for (let nth = 0; nth < 300; nth += 1) {
        userIds.push(await server.people.user({ organization: 'acme', kind: 'machine' }));
      }
    }
    const raw = resources.use(await openStore({ database }));
    for (const userId of userIds)
      await seedEvents(raw, userId, [{ type: 'user.locked', payload: { until } }]);
    const child = resources.use(standBy(['--db', database]));
    const starting = child.start();
    const isEnded = async () => (await raw.listLocksOver(Date.now(), 1_000)).length < userIds.length;
    while (!(await isEnded())) await delay(1);
    const server = await starting;
    server.kill('SIGKILL');
    await server.exited;
    await using next = await startServer({ database, clocks: realClocks });
    const users = await Promise.all(userIds.map((userId) => next.app.store.loadUser(parseUserId(userId))));
    expect(new Set(users.map((user) => `${user?.state} ${user?.sequence} ${user?.changedAt}`))).toEqual(
      new Set([`active 3 ${until}`]),
    );
    expect(await verify(next.app.store)).toMatchObject({ problems: [] });
  });

  test('the command line on the database itself sees no lock that is over', async () => {
    await using resources = new AsyncDisposableStack();
    const { database } = resources.use(await openEmptyDatabase(kind));
    const server = resources.use(await startServer({ database }));
    await server.people.organization('acme');
    await server.people.user({ organization: 'acme', userId: 'ada' });
    await lockUntil(server.app, 'ada', server.clock.nowMs + 1);
    const { stdout } = await runHere(['user', 'show', 'ada', '--json', '--db', database]);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'active' });
    const events = await runHere(['events', '--user', 'ada', '--db', database]);
    expect(events.stdout).toMatch(/user\.unlocked +ada +ada@acme\.example +policy:lockout/);
  });
});

test('a sweep that fails is logged once, until one succeeds', async () => {
  await using server = await startServer();
  let isBroken = true;
  let sweeps = 0;
  const store: Store = {
    ...server.app.store,
    listLocksOver(...query) {
      sweeps += 1;
      return isBroken
        ? Promise.reject(new DomainError('storeUnavailable'))
        : server.app.store.listLocksOver(...query);
    },
  };
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  const sweeper = startSweeper({ ...server.app, store, log });
  const swept = async (count: number) => {
    while (sweeps < count) await delay(10);
  };
  await swept(3);
  expect(lines.length).toBe(1);
  expect(lines[0]).toContain('cannot be ended');
  isBroken = false;
  await swept(4);
  isBroken = true;
  await swept(5);
  await sweeper[Symbol.asyncDispose]();
  expect(lines.length).toBe(2);
  await delay(1_100);
  expect(sweeps).toBe(5);
});
