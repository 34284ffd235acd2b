import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';
import { ended, previewOf, runOf, startOf } from './runs.ts';

describe.each(stores)('on %s', (store) => {
  const resources = new AsyncDisposableStack();
  let server: TestServer;
  let door: Door;

  beforeAll(async () => {
    server = resources.use(await startServer({ store }));
    for (const organization of ['acme', 'beta']) await server.people.organization(organization);
    const owner = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    door = resources.use(openDoor(server.url, owner));
  });
  afterAll(() => resources.disposeAsync());

  const locked = (count: number): Promise<string[]> =>
    Promise.all(
      Array.from({ length: count }, () => server.people.user({ organization: 'acme', state: 'locked' })),
    );

  async function unlockAll(by: Door, userIds: string[], more: JsonObject = {}): Promise<JsonObject> {
    return ended(by, await startOf(by, await previewOf(by, { userIds }), more));
  }

  async function unlocker(userId: string, organization: string): Promise<Door> {
    await server.people.grant(userId, { role: 'ORG_USER_UNLOCKER', organization });
    return openDoor(server.url, await server.people.token(userId));
  }

  /** A request that would start nothing: its run token is none. */
  const repeat = (by: Door, requestId: string) =>
    by.ask('StartUnlockRun', { runToken: 'AAAA', confirmedCount: '1', requestId });

  test("what bears a run's id as its request id keeps the run from nothing", async () => {
    const userIds = await locked(3);
    const last = [...userIds].sort().at(-1) ?? '';
    const run = await startOf(door, await previewOf(door, { userIds }), { maxPerSecond: 1 });
    const requestId = String(run.runId);
    await door.ask('UnlockUser', { userId: last });
    expect(await door.ask('LockService.LockUser', { userId: last, requestId })).toMatchObject({ code: 'OK' });
    expect(await ended(door, run)).toMatchObject({ unlocked: '2', newerLock: '1' });

    const back = runOf(await door.ask('RevertUnlockRun', { runId: requestId, maxPerSecond: 1 }));
    const [, second = ''] = [...userIds].sort();
    await door.ask('LockUser', { userId: second });
    const unlock = { userId: second, requestId: String(back.runId) };
    expect(await door.ask('LockService.UnlockUser', unlock)).toMatchObject({ code: 'OK' });
    expect(await ended(door, back)).toMatchObject({ lockedAgain: '1', changed: '1' });
  }, 60_000);

  test('who asks for another run under a used request id is told so, and nothing is taken for done', async () => {
    const [one, other] = [await locked(1), await locked(1)];
    const start = await unlockAll(door, one, { requestId: 'start' });
    const second = await unlockAll(door, other);
    const back = (run: JsonObject, requestId: string) =>
      door.ask('RevertUnlockRun', { runId: String(run.runId), requestId });
    const first = runOf(await back(start, 'back'));
    expect(first).toMatchObject({ revertsRunId: start.runId });
    expect(runOf(await back(start, 'back')).runId).toBe(first.runId);
    const refused = [await back(second, 'back'), await back(start, 'start'), await repeat(door, 'back')];
    for (const answer of refused) {
      expect(answer).toMatchObject({ code: 'AlreadyExists' });
      expect(answer.message).toContain('LATCH-reqidtwo');
    }
    expect(await door.user(other[0] ?? '')).toMatchObject({ state: 'USER_STATE_ACTIVE' });
    expect(runOf(await repeat(door, 'start')).runId).toBe(start.runId);
    await ended(door, first);
  }, 60_000);

  test('whoever has the id of somebody deleted is told of none of their runs', async () => {
    const userId = await server.people.user({ organization: 'acme', kind: 'machine' });
    await using first = await unlocker(userId, 'acme');
    await unlockAll(first, await locked(1), { requestId: 'wave', reason: 'a secret of acme' });
    await server.people.act(userId, 'delete');
    server.clock.nowMs += 1;
    await server.people.user({ organization: 'beta', kind: 'machine', userId });
    await using again = await unlocker(userId, 'beta');
    expect(await repeat(again, 'wave')).toMatchObject({ code: 'InvalidArgument', response: {} });
    const own = await server.people.user({ organization: 'beta', state: 'locked' });
    expect(await unlockAll(again, [own], { requestId: 'wave' })).toMatchObject({ unlocked: '1' });
  }, 60_000);

  test('whoever may not read a run any more is not told of it by its request id', async () => {
    const userId = await server.people.user({ organization: 'acme', kind: 'machine' });
    await using theirs = await unlocker(userId, 'acme');
    const run = await unlockAll(theirs, await locked(1), { requestId: 'theirs' });
    await server.people.grant(userId, { role: 'ORG_USER_UNLOCKER', organization: 'beta' });
    expect(runOf(await repeat(theirs, 'theirs')).runId).toBe(run.runId);
    const lost = { userId, role: 'ORG_USER_UNLOCKER', organizationId: 'acme' };
    expect(await door.ask('RemoveGrant', lost)).toMatchObject({ code: 'OK' });
    expect(await repeat(theirs, 'theirs')).toMatchObject({ code: 'NotFound', response: {} });
  }, 60_000);
});
