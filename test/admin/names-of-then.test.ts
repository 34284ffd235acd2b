import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';
import { ended, previewOf, startOf } from '../unlock-run/runs.ts';

/** What is told of who had an id before, to whoever may read all: never the name of who has it now. */
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

  async function usedAgain(userId: string, organization: string, laterMs = 1_000): Promise<void> {
    await server.people.act(userId, 'delete');
    server.clock.nowMs += laterMs;
    await server.people.user({ organization, kind: 'machine', userId, userName: `innocent-${userId}` });
    server.clock.nowMs += Math.max(0, -laterMs) + 1;
  }

  const actorsOf = async (userId: string): Promise<unknown[]> => {
    const { response } = await door.ask('ListUserHistory', { userId });
    const entries = (response.entries ?? []) as { event: { type: string }; actorLoginName?: string }[];
    return entries.map(({ event, actorLoginName = '' }) => [event.type, actorLoginName]);
  };

  test.each([
    ['acme', 'a second later', 1_000],
    ['beta', 'a second later', 1_000],
    ['beta', 'in the same millisecond', 0],
    ['beta', 'by a clock that was set back', -3_600_000],
  ])('a history names no actor who was made later, in %s, %s', async (organization, when, laterMs) => {
    const { people } = server;
    const userName = `actor-of-${organization}-${when.replaceAll(' ', '-')}`;
    const actor = await people.user({ organization: 'acme', kind: 'machine', userName });
    await people.grant(actor, { role: 'ORG_USER_MANAGER', organization: 'acme' });
    const token = await people.token(actor);
    const userId = await people.user({ organization: 'acme' });
    await door.ask('LockUser', { userId }, token);
    const name = `${userName}@acme.example`;
    expect((await actorsOf(userId)).at(0)).toEqual(['user.locked', name]);
    await usedAgain(actor, organization, laterMs);
    expect((await actorsOf(userId)).at(0)).toEqual(['user.locked', '']);
    await people.grant(actor, 'IAM_USER_MANAGER');
    await door.ask('UnlockUser', { userId }, await people.token(actor));
    expect((await actorsOf(userId)).slice(0, 2)).toEqual([
      ['user.unlocked', `innocent-${actor}@${organization}.example`],
      ['user.locked', ''],
    ]);
  });

  test('who is brought in under a used id by a clock that was set back is locked for as long as asked', async () => {
    const userId = await server.people.user({ organization: 'acme', kind: 'machine', state: 'deleted' });
    server.clock.nowMs -= 3_600_000;
    const lockedUntil = new Date(server.clock.nowMs + 1_800_000).toISOString();
    const users = [{ userId, machine: { name: 'Machine' }, state: 'USER_STATE_LOCKED', lockedUntil }];
    expect(await door.ask('ImportUsers', { organizationId: 'beta', users })).toMatchObject({ ok: true });
    expect(await door.user(userId)).toMatchObject({ state: 'USER_STATE_LOCKED' });
    expect(await actorsOf(userId)).toHaveLength(2);
    server.clock.nowMs += 1_800_000;
    expect(await door.user(userId)).toMatchObject({ state: 'USER_STATE_ACTIVE' });
    server.clock.nowMs += 1_800_001;
  });

  test('a run names nobody who was made after it', async () => {
    const userIds: string[] = [];
    for (let nth = 0; nth < 2; nth += 1)
      userIds.push(await server.people.user({ organization: 'acme', state: 'locked' }));
    const [again = '', stays = ''] = userIds;
    const run = await ended(door, await startOf(door, await previewOf(door, { userIds })));
    await usedAgain(again, 'beta');
    const { response } = await door.ask('ListUnlockRunItems', { runId: String(run.runId) });
    const items = (response.items ?? []) as JsonObject[];
    const names = new Map(items.map(({ userId, loginName = '' }) => [userId, loginName]));
    expect([names.get(again), names.get(stays)]).toEqual(['', `${stays}@acme.example`]);
  });
});
