import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseOrganizationId } from '../../src/domain/ids.ts';
import { noOutcomes, type UnlockRun } from '../../src/domain/unlock-run.ts';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';
import { ended, previewOf, runOf, startOf } from './runs.ts';

const hourMs = 3_600_000;

describe.each(stores)('on %s', (store) => {
  const resources = new AsyncDisposableStack();
  let server: TestServer;
  let door: Door;
  let organizations = 0;

  beforeAll(async () => {
    server = resources.use(await startServer({ store }));
    await server.people.organization('home');
    const owner = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
    door = resources.use(openDoor(server.url, owner));
  });
  afterAll(() => resources.disposeAsync());

  async function organization(): Promise<string> {
    organizations += 1;
    return server.people.organization(`of-${organizations}`);
  }

  const locked = (of: string, count: number): Promise<string[]> =>
    Promise.all(
      Array.from({ length: count }, () =>
        server.people.user({ organization: of, kind: 'machine', state: 'locked' }),
      ),
    );

  /** Runs that some other server carries and that do not end. */
  async function opened(of: readonly string[], count: number): Promise<readonly UnlockRun[]> {
    const { app } = server;
    const runs = Array.from(
      { length: count },
      (): UnlockRun => ({
        ...{ runId: app.newId(), state: 'running', version: 1, total: 1, counts: noOutcomes },
        ...{ startedAt: app.now(), meta: {}, organizationIds: of.map(parseOrganizationId) },
        ...{ maxPerSecond: 1, stopAfterFailures: 0, nextSlice: 0 },
        ...{ holder: 'elsewhere', leaseUntil: app.now() + 60_000 },
      }),
    );
    await Promise.all(runs.map((run) => app.store.addRun(run, undefined)));
    return runs;
  }

  const end = (runs: readonly UnlockRun[]) =>
    Promise.all(
      runs.map((before) =>
        server.app.store.moveRun({ before, after: { ...before, version: 2, state: 'done' } }),
      ),
    );

  async function start(userIds: readonly string[], token?: string) {
    const { response } = await door.ask('PreviewUnlock', { filter: { userIds: [...userIds] } }, token);
    const { runToken = '', count = '0' } = response;
    return door.ask('StartUnlockRun', { runToken, confirmedCount: count }, token);
  }

  test('an organization has 50 runs at most that have not ended, and no other goes without', async () => {
    const [crowded, other] = [await organization(), await organization()];
    const [first = '', second = ''] = await locked(crowded, 2);
    const runs = await opened([crowded], 49);
    const letIn = await start([first]);
    expect(letIn).toMatchObject({ code: 'OK' });
    const last = await opened([crowded], 1);
    const refused = await start([second]);
    // The run that was let in has ended at once, or ends now.
    const ofOther = await start(await locked(other, 1));
    expect([refused.code, ofOther.code]).toEqual(['ResourceExhausted', 'OK']);
    expect(await door.user(second)).toMatchObject({ state: 'USER_STATE_LOCKED' });
    await end(runs.slice(0, 2));
    const later = await start([second]);
    for (const answer of [letIn, ofOther, later]) await ended(door, runOf(answer));
    await end([...runs.slice(2), ...last]);
  });

  test('of many at once none slips through', async () => {
    const crowded = await organization();
    const userIds = await locked(crowded, 10);
    const runs = await opened([crowded], 50);
    const answers = await Promise.all(userIds.map((userId) => start([userId])));
    expect(answers.map(({ code }) => code)).toEqual(userIds.map(() => 'ResourceExhausted'));
    await end(runs);
    expect(await ended(door, runOf(await start(userIds)))).toMatchObject({ unlocked: '10' });
  });

  test('1,000 runs at most have not ended in all, whoever has them', async () => {
    const of = await Promise.all(Array.from({ length: 21 }, organization));
    const runs = await Promise.all(of.slice(0, 20).map((one) => opened([one], 50)));
    const userIds = await locked(of[20] ?? '', 1);
    expect(await start(userIds)).toMatchObject({ code: 'ResourceExhausted' });
    await end(runs[0]?.slice(0, 1) ?? []);
    expect(await start(userIds)).toMatchObject({ code: 'OK' });
    await end([...(runs[0]?.slice(1) ?? []), ...runs.slice(1).flat()]);
  });

  describe('without user.unlock.bulk', () => {
    async function unlocker(of: string): Promise<string> {
      const role = 'ORG_USER_UNLOCKER';
      return server.people.caller({ organization: of, roles: [{ role, organization: of }] });
    }

    test('runs unlock 100 users in an hour, and not one more', async () => {
      const of = await organization();
      const token = await unlocker(of);
      const userIds = await locked(of, 102);
      const done = await start(userIds.slice(0, 60), token);
      expect(await ended(door, runOf(done))).toMatchObject({ unlocked: '60' });
      server.clock.nowMs += 1_000;
      const beyond = await start(userIds.slice(60, 101), token);
      expect(beyond).toMatchObject({ code: 'ResourceExhausted' });
      expect(beyond.details).toContainEqual({
        type: 'google.rpc.RetryInfo',
        retryDelay: `${hourMs / 1_000 - 1}s`,
      });
      expect(await start(userIds.slice(60, 100), token)).toMatchObject({ code: 'OK' });
      expect(await start(userIds.slice(100, 101), token)).toMatchObject({ code: 'ResourceExhausted' });
      // One by one goes on, and so does whoever holds it.
      expect(await door.ask('UnlockUser', { userId: userIds[100] ?? '' }, token)).toMatchObject({
        code: 'OK',
      });
      expect(await start(userIds.slice(101))).toMatchObject({ code: 'OK' });
      server.clock.nowMs += hourMs;
      const [again = ''] = await locked(of, 1);
      expect(await start([again], token)).toMatchObject({ code: 'OK' });
    });

    test('whoever has to wait is told until when there is room for what they asked', async () => {
      const of = await organization();
      const token = await unlocker(of);
      const userIds = await locked(of, 141);
      for (const [from, to] of [
        [0, 40],
        [40, 100],
      ] as const) {
        await ended(door, runOf(await start(userIds.slice(from, to), token)));
        server.clock.nowMs += 1_000;
      }
      // Room for 40 comes with the end of the first run's hour, and for one more with that of the second's.
      for (const [count, seconds] of [
        [40, hourMs / 1_000 - 2],
        [41, hourMs / 1_000 - 1],
      ] as const) {
        const { details } = await start(userIds.slice(100, 100 + count), token);
        expect(details).toContainEqual({ type: 'google.rpc.RetryInfo', retryDelay: `${seconds}s` });
      }
    });

    test('two at once pass it no more than two after one another', async () => {
      const of = await organization();
      const token = await unlocker(of);
      const userIds = await locked(of, 120);
      const halves = [userIds.slice(0, 60), userIds.slice(60)];
      const answers = await Promise.all(halves.map((half) => start(half, token)));
      expect(answers.filter(({ code }) => code === 'OK').length).toBeLessThan(2);
      for (const { ok, response } of answers) if (ok) await ended(door, response.run as never);
      const left = await Promise.all(userIds.map(async (userId) => (await door.user(userId))?.state));
      expect(left.filter((state) => state === 'USER_STATE_LOCKED').length).toBeGreaterThanOrEqual(60);
    });
  });

  test('whoever may end no lock of an organization takes no place of it, by a run or by taking one back', async () => {
    const [theirs, own] = [await organization(), await organization()];
    const roles = [
      { role: 'ORG_OWNER_VIEWER', organization: theirs },
      { role: 'ORG_USER_MANAGER', organization: own },
    ];
    const viewer = await server.people.caller({ organization: own, roles });
    const userIds = await locked(theirs, 2);
    const permission = (name: string) => ({
      code: 'PermissionDenied',
      details: expect.arrayContaining([
        expect.objectContaining({ type: 'google.rpc.ErrorInfo', metadata: { permission: name } }),
      ]),
    });
    expect(await start(userIds, viewer)).toMatchObject(permission('user.unlock'));
    const run = await ended(door, runOf(await start(userIds)));
    const revert = { runId: String(run.runId), maxPerSecond: 1 };
    expect(await door.ask('RevertUnlockRun', revert, viewer)).toMatchObject(permission('user.write'));
    // Of several the rest is left alone, one by one.
    const both = [...(await locked(theirs, 1)), ...(await locked(own, 1))];
    const mixed = await ended(door, runOf(await start(both, viewer)));
    expect(mixed).toMatchObject({ unlocked: '1', notPermitted: '1' });
  });

  test('tells of its filter no id but those of users whom its readers may read', async () => {
    const [mine, theirs] = [await organization(), await organization()];
    const [a1 = '', a2 = '', a3 = ''] = await locked(mine, 3);
    const [b1 = '', b2 = ''] = await locked(theirs, 2);
    const filter = { organizationId: mine, userIds: [a1, a2, b1], exceptUserIds: [a2, b2, 'nobody'] };
    const { runId = '' } = await startOf(door, await previewOf(door, filter));
    const role = 'ORG_OWNER';
    const reader = await server.people.caller({
      organization: mine,
      roles: [{ role, organization: mine }],
    });
    const run = runOf(await door.ask('GetUnlockRun', { runId }, reader));
    expect(run.filter).toMatchObject({ organizationId: mine, userIds: [a1, a2], exceptUserIds: [a2] });
    expect(await door.user(a3)).toMatchObject({ state: 'USER_STATE_LOCKED' });
    const { response } = await door.ask('ListEvents', { type: 'unlock.run.started', limit: 1_000 });
    const event = (response.events as readonly JsonObject[]).find((one) =>
      JSON.stringify(one).includes(String(runId)),
    );
    expect(JSON.stringify(event)).toContain(a2);
    for (const other of [b1, b2]) expect(JSON.stringify(event)).not.toContain(other);
  });
});
