import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { dialects, openClients } from '../support/dialects/all.ts';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';

interface Entry {
  readonly event: { readonly sequence: string; readonly type: string; readonly position?: string };
  readonly actorLoginName?: string;
}

describe.each(stores)('ListUserHistory on %s', (_, openDatabase) => {
  const resources = new AsyncDisposableStack();
  let server: TestServer;
  let door: Door;
  let unlocker: string;
  let owner: string;

  beforeAll(async () => {
    const { database } = resources.use(await openDatabase());
    server = resources.use(await startServer({ database }));
    for (const id of ['acme', 'beta']) await server.people.organization(id);
    const role = 'ORG_USER_UNLOCKER';
    unlocker = await server.people.caller({ organization: 'acme', roles: [{ role, organization: 'acme' }] });
    owner = await server.people.caller({ organization: 'beta', roles: ['IAM_OWNER'] });
    door = resources.use(openDoor(server.url, unlocker));
  });
  afterAll(() => resources.disposeAsync());

  const historyOf = async (message: JsonObject, token = unlocker) => {
    const { response } = await door.ask('ListUserHistory', message, token);
    return {
      next: response.nextBeforeSequence,
      entries: (response.entries ?? []) as unknown as readonly Entry[],
    };
  };
  const sequences = (entries: readonly Entry[]) => entries.map(({ event }) => Number(event.sequence));

  /** Somebody with 71 events, the last of them by the unlocker, the one before by the owner. */
  async function livedLong(): Promise<string> {
    const userId = await server.people.user({ organization: 'acme' });
    for (let round = 0; round < 34; round += 1) {
      await server.people.act(userId, 'lock');
      await server.people.act(userId, 'unlock');
    }
    await door.ask('LockUser', { userId }, owner, { 'latchkey-reason': 'seen abroad' });
    expect(await door.ask('UnlockUser', { userId }, unlocker)).toMatchObject({ code: 'OK' });
    return userId;
  }

  test('answers every event once, newest first, page by page', async () => {
    const userId = await livedLong();
    const all: number[] = [];
    let before = '0';
    for (let page = 0; page < 10; page += 1) {
      const { entries, next } = await historyOf({ userId, beforeSequence: before, limit: 30 });
      all.push(...sequences(entries));
      if (next === undefined) break;
      before = String(next);
    }
    expect(all).toEqual(Array.from({ length: 71 }, (_unused, at) => 71 - at));
    expect(sequences((await historyOf({ userId })).entries)).toHaveLength(20);
    expect(sequences((await historyOf({ userId, limit: 100 })).entries)).toHaveLength(71);
    expect((await historyOf({ userId, limit: 71 })).next).toBeUndefined();
    expect((await historyOf({ userId, limit: 70 })).next).toBe('2');
  });

  test('of an id that is used again, nothing is told of the user before, however much that was', async () => {
    const userId = await server.people.user({ organization: 'beta' });
    for (let round = 0; round < 40; round += 1) {
      await server.people.act(userId, 'lock');
      await server.people.act(userId, 'unlock');
    }
    await door.ask('LockUser', { userId }, owner, { 'latchkey-reason': 'of beta alone' });
    await server.people.act(userId, 'delete');
    await server.people.user({ organization: 'acme', userId, state: 'locked' });
    const newest = await historyOf({ userId });
    const earlier = await historyOf({ userId, beforeSequence: String(sequences(newest.entries).at(-1)) });
    expect(newest.entries.map(({ event }) => event.type)).toEqual(['user.locked', 'user.human.added']);
    expect(newest.next).toBeUndefined();
    expect(earlier.entries).toEqual([]);
    const whole = await historyOf({ userId }, owner);
    expect(JSON.stringify(whole)).not.toContain('of beta alone');
  });

  test('names who did it where the caller may read them, and tells no position of the whole log', async () => {
    const userId = await livedLong();
    const { entries } = await historyOf({ userId, limit: 2 });
    expect(entries.map(({ event }) => event.type)).toEqual(['user.unlocked', 'user.locked']);
    expect(entries[0]?.actorLoginName).toMatch(/@acme\.example$/);
    expect(entries[1]).not.toHaveProperty('actorLoginName');
    for (const { event } of entries) expect(event).not.toHaveProperty('position');
    const seen = (await historyOf({ userId, limit: 2 }, owner)).entries;
    expect(seen[1]).toMatchObject({
      actorLoginName: expect.stringMatching(/@beta\.example$/),
      event: { position: expect.stringMatching(/^[1-9]/), actor: { reason: 'seen abroad' } },
    });
  });
});

describe('GetCaller', () => {
  const resources = new AsyncDisposableStack();
  afterAll(() => resources.disposeAsync());

  test('tells in every dialect who asks, what they hold where, and until when', async () => {
    const server = resources.use(await startServer());
    const clients = resources.use(openClients(server.url));
    for (const id of ['acme', 'beta']) await server.people.organization(id);
    const viewer = { role: 'ORG_OWNER_VIEWER', organization: 'beta' };
    const desk = { role: 'ORG_USER_UNLOCKER', organization: 'acme' };
    const token = await server.people.caller({ organization: 'acme', roles: [desk, viewer] });
    // RPC comes by POST, and this URL takes GET.
    for (const dialect of dialects.filter(({ name }) => !name.includes('on the REST URL'))) {
      const { response } = await clients.ask(dialect, { method: 'GetCaller', message: {}, token });
      expect(response).toMatchObject({
        loginName: expect.stringMatching(/@acme\.example$/),
        organizationId: 'acme',
        grants: [
          { role: 'ORG_USER_UNLOCKER', organizationId: 'acme' },
          { role: 'ORG_OWNER_VIEWER', organizationId: 'beta' },
        ],
        expires: expect.stringMatching(/Z$/),
      });
      const held = response.permissions as unknown as readonly JsonObject[];
      expect(held).toContainEqual({ permission: 'user.unlock', organizationIds: ['acme'] });
      expect(held).toContainEqual({ permission: 'user.read', organizationIds: ['acme', 'beta'] });
      expect(held.map(({ permission }) => permission)).not.toContain('user.write');
    }
    const owner = await server.people.caller({ organization: 'beta', roles: ['IAM_OWNER'] });
    await using door = openDoor(server.url, owner);
    const { response } = await door.ask('GetCaller', {});
    expect(response.permissions).toContainEqual({ permission: 'events.read', everywhere: true });
  });

  test('answers somebody without a role, and nobody without a token', async () => {
    const server = resources.use(await startServer());
    await server.people.organization('acme');
    await using door = openDoor(server.url, await server.people.caller({ organization: 'acme', roles: [] }));
    const { response } = await door.ask('GetCaller', {});
    expect(response).toMatchObject({ organizationId: 'acme' });
    expect(response).not.toHaveProperty('permissions');
    expect(await door.ask('GetCaller', {}, '1.no')).toMatchObject({ code: 'Unauthenticated' });
  });
});
