import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';
import { ended, itemsOf, previewOf, runOf, startOf } from './runs.ts';

describe.each(stores)('a run on %s', (kind) => {
  let server: TestServer;
  let door: Door;
  let owner: string;
  let count = 0;

  beforeAll(async () => {
    server = await startServer({ store: kind });
    const { people } = server;
    for (const id of ['acme', 'beta']) await people.organization(id);
    owner = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    door = openDoor(server.url, owner);
  }, 60_000);
  afterAll(async () => {
    await door[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  /** Users of a new organization, locked. */
  async function locked(howMany: number, more: JsonObject = {}) {
    count += 1;
    const organization = await server.people.organization(`wave-${count}`);
    const userIds: string[] = [];
    for (let index = 0; index < howMany; index += 1) {
      const userId = await server.people.user({ organization });
      await door.ask('LockService.LockUser', { userId, reason: 'wave', ...more });
      userIds.push(userId);
    }
    return { organization, userIds, filter: { organizationId: organization } };
  }

  test('unlocks what was previewed, each once, and says what became of each', async () => {
    const { userIds, filter, organization } = await locked(5);
    const preview = await previewOf(door, filter, { sampleSize: 4 });
    expect(preview).toMatchObject({
      count: '5',
      causes: [{ cause: 'LOCK_CAUSE_ADMINISTRATOR', count: '5' }],
      organizations: [{ organizationId: organization, count: '5' }],
    });
    expect(preview.notPermitted).toBeUndefined();
    expect((preview.sample as JsonObject[]).map(({ userId }) => userId).sort()).toEqual(
      [...userIds.slice(0, 2), ...userIds.slice(3)].sort(),
    );
    const run = await startOf(door, preview, {
      reason: 'false alarm',
      ticket: 'T-1',
      identification: 'by the list',
    });
    expect(run).toMatchObject({ total: '5', reason: 'false alarm', ticket: 'T-1' });
    const done = await ended(door, run);
    expect(done).toMatchObject({ state: 'UNLOCK_RUN_STATE_DONE', total: '5', unlocked: '5' });
    for (const userId of userIds) {
      expect(await door.user(userId)).toMatchObject({ state: 'USER_STATE_ACTIVE' });
      const events = await door.events(userId);
      expect(events.map(({ type }) => type)).toEqual(['user.human.added', 'user.locked', 'user.unlocked']);
      expect(events[2]).toMatchObject({
        payload: { runId: run.runId, generation: 2, ticket: 'T-1', identification: 'by the list' },
        actor: { reason: 'false alarm' },
      });
    }
    expect(await itemsOf(door, run)).toEqual([...userIds].sort().map((userId) => `${userId} UNLOCKED 3 `));
    const { response } = await door.ask('ListEvents', { type: 'unlock.run.ended', limit: 1_000 });
    const told = (response.events as JsonObject[]).map(({ payload }) => payload as JsonObject);
    expect(told.filter(({ runId }) => runId === run.runId)).toEqual([
      { runId: run.runId, state: 'done', total: 5, counts: { unlocked: 5 }, ticket: 'T-1' },
    ]);
  });

  test('leaves alone whoever was unlocked meanwhile, or is under a newer lock', async () => {
    const { userIds, filter } = await locked(4);
    const [first = '', second = '', third = ''] = [...userIds].sort();
    // So slow that the others come before it.
    const run = await startOf(door, await previewOf(door, filter), { maxPerSecond: 1 });
    await door.ask('UnlockUser', { userId: second });
    await door.ask('UnlockUser', { userId: third });
    await door.ask('LockUser', { userId: third });
    const done = await ended(door, run);
    const items = await itemsOf(door, run);
    expect(items.slice(1, 3)).toEqual([`${second} NOT_LOCKED 0 `, `${third} NEWER_LOCK 0 `]);
    expect(items[0]).toBe(`${first} UNLOCKED 3 `);
    expect(done).toMatchObject({ total: '4', unlocked: '2', notLocked: '1', newerLock: '1' });
    expect(await door.user(third)).toMatchObject({ state: 'USER_STATE_LOCKED' });
    const { response } = await door.ask('ListUnlockRunItems', {
      runId: run.runId ?? '',
      outcome: 'UNLOCK_OUTCOME_NEWER_LOCK',
    });
    expect((response.items as JsonObject[]).map(({ userId }) => userId)).toEqual([third]);
  });

  test('takes no other set than the one that was confirmed', async () => {
    const { userIds, filter, organization } = await locked(3);
    const preview = await previewOf(door, filter);
    const start = (confirmedCount: string, runToken = preview.runToken ?? '') =>
      door.ask('StartUnlockRun', { runToken, confirmedCount });
    expect(await start('2')).toMatchObject({ code: 'FailedPrecondition' });
    expect(await start('0')).toMatchObject({ code: 'InvalidArgument' });
    expect(await start('3', `AAAA${String(preview.runToken)}`)).toMatchObject({ code: 'InvalidArgument' });
    server.clock.nowMs += 1_000;
    await server.people.user({ organization, state: 'locked' });
    await door.ask('UnlockUser', { userId: userIds[0] ?? '' });
    expect(await start('3')).toMatchObject({ code: 'FailedPrecondition' });
    const again = await previewOf(door, filter);
    server.clock.nowMs += 15 * 60_000;
    expect(await start('3', String(again.runToken))).toMatchObject({ code: 'InvalidArgument' });
  });

  test('a lock that is set after the preview is not in it', async () => {
    const { filter, organization } = await locked(2);
    const preview = await previewOf(door, filter);
    server.clock.nowMs += 1_000;
    const later = await server.people.user({ organization, state: 'locked' });
    const done = await ended(door, await startOf(door, preview));
    expect(done).toMatchObject({ total: '2', unlocked: '2' });
    expect(await door.user(later)).toMatchObject({ state: 'USER_STATE_LOCKED' });
  });

  test('every part of the filter', async () => {
    const { filter, userIds, organization } = await locked(2, { reason: 'night of the storm' });
    const until = new Date(server.clock.nowMs + 3_600_000).toISOString();
    const timed = await server.people.user({ organization });
    await door.ask('LockService.LockUser', { userId: timed, until });
    const times = { since: new Date(server.clock.nowMs).toISOString() };
    const before = new Date(server.clock.nowMs).toISOString();
    const of = async (more: JsonObject) => (await previewOf(door, { ...filter, ...more })).count ?? '0';
    expect(await of({})).toBe('3');
    expect(await of({ reasonContains: 'the storm' })).toBe('2');
    expect(await of({ hasEnd: true })).toBe('1');
    expect(await of({ hasEnd: false })).toBe('2');
    expect(await of({ userIds: [timed, 'nobody'] })).toBe('1');
    expect(await of({ exceptUserIds: [userIds[0] ?? ''] })).toBe('2');
    expect(await of({ causes: ['LOCK_CAUSE_POLICY'] })).toBe('0');
    expect(await of({ causes: ['LOCK_CAUSE_POLICY', 'LOCK_CAUSE_ADMINISTRATOR'] })).toBe('3');
    expect(await of({ lockedSince: times.since })).toBe('3');
    expect(await of({ lockedBefore: before })).toBe('0');
    expect(await of({ lockedBy: 'nobody' })).toBe('0');
    for (const empty of [{}, { filter: {} }]) {
      expect(await door.ask('PreviewUnlock', empty)).toMatchObject({ code: 'InvalidArgument' });
    }
  });

  test('ten thousand ids, and no one more', async () => {
    const { filter, userIds } = await locked(1);
    const nobody = (howMany: number) =>
      Array.from({ length: howMany }, (_, index) => `${7e17 + index * 128}`);
    const many = await previewOf(door, { ...filter, userIds: [...userIds, ...nobody(9_999)] });
    expect(many.count).toBe('1');
    await ended(door, await startOf(door, many));
    const tooLong = Buffer.alloc(150_001).toString('base64');
    expect(await door.ask('StartUnlockRun', { runToken: tooLong, confirmedCount: '1' })).toMatchObject({
      code: 'InvalidArgument',
    });
    const tooMany = await door.ask('PreviewUnlock', { filter: { ...filter, userIds: nobody(10_001) } });
    expect(tooMany).toMatchObject({ code: 'InvalidArgument' });
  });

  test('the same request twice is one run', async () => {
    const { filter } = await locked(2);
    const preview = await previewOf(door, filter);
    const request = {
      runToken: preview.runToken ?? '',
      confirmedCount: '2',
      requestId: `once-${kind}`,
    };
    const first = await door.ask('StartUnlockRun', request);
    const again = await door.ask('StartUnlockRun', request);
    expect(runOf(again).runId).toBe(runOf(first).runId);
    await ended(door, runOf(first));
  });

  test('is cancelled with what is done by then', async () => {
    const { filter, userIds } = await locked(4);
    const run = await startOf(door, await previewOf(door, filter), { maxPerSecond: 1 });
    await door.ask('CancelUnlockRun', { runId: run.runId ?? '' });
    const done = await ended(door, run);
    expect(done).toMatchObject({ state: 'UNLOCK_RUN_STATE_CANCELLED', total: '4' });
    const states = await Promise.all(userIds.map((userId) => door.user(userId)));
    const active = states.filter((user) => user?.state === 'USER_STATE_ACTIVE').length;
    expect(Number(done.unlocked ?? 0)).toBe(active);
    expect(active).toBeLessThan(4);
    const twice = await door.ask('CancelUnlockRun', { runId: run.runId ?? '' });
    expect(twice).toMatchObject({ code: 'FailedPrecondition' });
  });

  test('is taken back where nobody has come between, and says why elsewhere', async () => {
    const until = new Date(server.clock.nowMs + 86_400_000).toISOString();
    const { filter, userIds } = await locked(4, { until });
    const [first = '', second = '', third = '', fourth = ''] = [...userIds].sort();
    const run = await startOf(door, await previewOf(door, filter));
    await ended(door, run);
    await door.ask('SetPhone', { userId: second, phone: '1' });
    await door.ask('LockUser', { userId: third });
    const back = await door.ask('RevertUnlockRun', { runId: run.runId ?? '', reason: 'it was real' });
    const done = await ended(door, runOf(back));
    expect(done).toMatchObject({ revertsRunId: run.runId, total: '4', lockedAgain: '2', changed: '2' });
    expect(await itemsOf(door, runOf(back))).toEqual([
      `${first} LOCKED_AGAIN 4 `,
      `${second} CHANGED 0 user.human.phone.changed`,
      `${third} CHANGED 0 user.locked`,
      `${fourth} LOCKED_AGAIN 4 `,
    ]);
    const { response } = await door.ask('GetLock', { userId: first });
    expect(response.lock).toMatchObject({ until, reason: 'it was real' });
    const reverted = await door.ask('RevertUnlockRun', { runId: runOf(back).runId ?? '' });
    expect(reverted).toMatchObject({ code: 'FailedPrecondition' });
  });

  test('a lock that would be over is not set again', async () => {
    const { filter, userIds } = await locked(1, {
      until: new Date(server.clock.nowMs + 60_000).toISOString(),
    });
    const run = await startOf(door, await previewOf(door, filter));
    await ended(door, run);
    server.clock.nowMs += 120_000;
    const back = runOf(await door.ask('RevertUnlockRun', { runId: run.runId ?? '' }));
    await ended(door, back);
    expect(await itemsOf(door, back)).toEqual([`${userIds[0]} LOCK_OVER 0 `]);
  });

  test('whoever starts it must still hold the permission when an item is tried', async () => {
    const { filter, organization } = await locked(3);
    const userId = await server.people.user({ organization, kind: 'machine' });
    await server.people.grant(userId, { role: 'ORG_USER_UNLOCKER', organization });
    const token = await server.people.token(userId);
    const preview = (await door.ask('PreviewUnlock', { filter }, token)).response;
    const start = { runToken: preview.runToken ?? '', confirmedCount: '3', maxPerSecond: 1 };
    const run = runOf(await door.ask('StartUnlockRun', start, token));
    await server.people.act(userId, 'lock');
    const done = await ended(door, run);
    expect(Number(done.notPermitted ?? 0)).toBeGreaterThanOrEqual(2);
    expect(Number(done.notPermitted ?? 0) + Number(done.unlocked ?? 0)).toBe(3);
  });

  test('more than a hundred take user.unlock.bulk, which an unlocker does not hold', async () => {
    const { filter, organization, userIds } = await locked(101);
    const as = (role: string) => server.people.caller({ organization, roles: [{ role, organization }] });
    const unlocker = await as('ORG_USER_UNLOCKER');
    const seen = (await door.ask('PreviewUnlock', { filter }, unlocker)).response;
    expect(seen).toMatchObject({ count: '101', notPermitted: '101' });
    const start = { runToken: seen.runToken ?? '', confirmedCount: '101' };
    expect(await door.ask('StartUnlockRun', start, unlocker)).toMatchObject({ code: 'PermissionDenied' });
    const hundred = { ...filter, exceptUserIds: [userIds[0] ?? ''] };
    const few = (await door.ask('PreviewUnlock', { filter: hundred }, unlocker)).response;
    expect(few).toMatchObject({ count: '100' });
    expect(few.notPermitted).toBeUndefined();
    const manager = await as('ORG_USER_MANAGER');
    const all = (await door.ask('PreviewUnlock', { filter }, manager)).response;
    expect(all.notPermitted).toBeUndefined();
    const run = runOf(
      await door.ask('StartUnlockRun', { runToken: all.runToken ?? '', confirmedCount: '101' }, manager),
    );
    expect(await ended(door, run)).toMatchObject({ unlocked: '101' });
    // Slices are read on from page to page.
    expect((await itemsOf(door, run, 50)).length).toBe(101);
  });

  test('two organizations never see each other', async () => {
    const one = await locked(2);
    const other = await locked(2);
    const reader = async (organization: string) =>
      server.people.caller({ organization, roles: [{ role: 'ORG_OWNER', organization }] });
    const [mine, theirs] = [await reader(one.organization), await reader(other.organization)];
    const run = await startOf(door, await previewOf(door, one.filter));
    await ended(door, run);
    const runId = run.runId ?? '';
    for (const method of [
      'GetUnlockRun',
      'ListUnlockRunItems',
      'CancelUnlockRun',
      'RevertUnlockRun',
    ] as const) {
      expect([method, await door.ask(method, { runId }, theirs)]).toMatchObject([
        method,
        { code: 'NotFound' },
      ]);
    }
    const listed = async (token: string) =>
      ((await door.ask('ListUnlockRuns', {}, token)).response.runs ?? []) as JsonObject[];
    expect((await listed(mine)).map((found) => found.runId)).toEqual([runId]);
    expect(await listed(theirs)).toEqual([]);
    const abroad = (await door.ask('PreviewUnlock', { filter: other.filter }, mine)).response;
    expect(abroad.count).toBeUndefined();
    const both = await startOf(
      door,
      await previewOf(door, { userIds: [...other.userIds, ...(await locked(1)).userIds] }),
    );
    expect(await door.ask('GetUnlockRun', { runId: both.runId ?? '' }, theirs)).toMatchObject({
      code: 'NotFound',
    });
    await ended(door, both);
  });
});
