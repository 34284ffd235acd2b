import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';

describe.each(stores)('on %s', (store) => {
  let server: TestServer;
  let door: Door;
  let token: string;

  beforeAll(async () => {
    server = await startServer({ store });
    await server.people.organization('home');
    token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
    door = openDoor(server.url, token);
  });
  afterAll(async () => {
    await door[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const locked = () => server.people.user({ organization: 'home', state: 'locked' });
  const active = () => server.people.user({ organization: 'home' });
  const lock = (message: JsonObject, as?: string) => door.ask('LockService.LockUser', message, as);
  const unlock = (message: JsonObject, as?: string) => door.ask('LockService.UnlockUser', message, as);
  const stateOf = async (userId: string) => (await door.user(userId))?.state;
  const typesOf = async (userId: string) => (await door.events(userId)).map(({ type }) => type);

  describe('an expected generation', () => {
    test('unlocks the lock that was looked at', async () => {
      const userId = await locked();
      expect((await unlock({ userId, expectedGeneration: '2' })).code).toBe('OK');
    });

    test('leaves a newer lock alone, and tells which it is', async () => {
      const userId = await locked();
      await unlock({ userId });
      await lock({ userId });
      expect(await unlock({ userId, expectedGeneration: '2' })).toMatchObject({
        code: 'FailedPrecondition',
        message: 'The lock is another one now, please look at it again (LATCH-l0ckgen1)',
        details: [{ id: 'LATCH-l0ckgen1' }, { reason: 'LOCK_IS_ANOTHER', metadata: { generation: '4' } }],
      });
      expect(await stateOf(userId)).toBe('USER_STATE_LOCKED');
      expect((await unlock({ userId, expectedGeneration: '4' })).code).toBe('OK');
    });

    test('of one who is not locked any more is no matter: not locked', async () => {
      const answer = await unlock({ userId: await active(), expectedGeneration: '2' });
      expect(answer.message).toBe('User is not locked (COMMAND-olb9vb0oca)');
    });

    test('of two to the power of 53 and one is not taken for a number near it', async () => {
      const userId = await locked();
      expect((await unlock({ userId, expectedGeneration: '9007199254740993' })).details[0]?.id).toBe(
        'LATCH-l0ckgen1',
      );
    });

    test('is told to nobody who may not unlock there', async () => {
      const viewer = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER_VIEWER'] });
      const answer = await unlock({ userId: await locked(), expectedGeneration: '9' }, viewer);
      expect(answer.message).toBe('No matching permissions found (AUTH-AWfge)');
    });
  });

  describe('a repeated request', () => {
    test('to unlock is answered as the first time, and ends no newer lock', async () => {
      const userId = await locked();
      const first = await unlock({ userId, requestId: 'once', ticket: '1' });
      server.clock.nowMs += 1_000;
      await lock({ userId });
      expect(await unlock({ userId, requestId: 'once', ticket: '1' })).toEqual(first);
      expect(await stateOf(userId)).toBe('USER_STATE_LOCKED');
      expect(await unlock({ userId, requestId: 'once', expectedGeneration: '9' })).toEqual(first);
      expect(await typesOf(userId)).toEqual([
        ...['user.human.added', 'user.locked', 'user.unlocked', 'user.locked'],
      ]);
    });

    test('to lock is answered as the first time, even when the end has passed', async () => {
      const userId = await active();
      const until = new Date(server.clock.nowMs + 1_000).toISOString();
      const request = { userId, until, reason: 'pause', requestId: 'pause' };
      const first = await lock(request);
      expect(first.response.lock).toMatchObject({ until, reason: 'pause', generation: '2' });
      server.clock.nowMs += 5_000;
      expect(await lock(request)).toEqual(first);
    });

    test('of another caller is another request', async () => {
      const other = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
      const userId = await locked();
      await unlock({ userId, requestId: 'mine' });
      await lock({ userId });
      expect((await unlock({ userId, requestId: 'mine' }, other)).response.generation).toBe('4');
    });

    test('about another user is another request', async () => {
      const [one, other] = [await locked(), await locked()];
      await unlock({ userId: one, requestId: 'shared' });
      expect((await unlock({ userId: other, requestId: 'shared' })).response.generation).toBe('2');
    });

    test('of another kind is refused', async () => {
      const userId = await locked();
      await unlock({ userId, requestId: 'twice' });
      expect(await lock({ userId, requestId: 'twice' })).toMatchObject({
        code: 'AlreadyExists',
        message: 'The request id belongs to another request about this user (LATCH-reqidtwo)',
      });
      expect(await stateOf(userId)).toBe('USER_STATE_ACTIVE');
    });

    test('about a recycled id is about another user', async () => {
      const userId = await locked();
      await unlock({ userId, requestId: 'first life' });
      await server.people.act(userId, 'delete');
      await server.people.user({ organization: 'home', userId, state: 'locked' });
      expect((await unlock({ userId, requestId: 'first life' })).response.details).toMatchObject({
        sequence: '7',
      });
      expect(await stateOf(userId)).toBe('USER_STATE_ACTIVE');
    });

    test('is refused where the right was lost meanwhile', async () => {
      const callerId = await server.people.user({ organization: 'home', kind: 'machine' });
      const role = { role: 'ORG_USER_UNLOCKER', organization: 'home' };
      await server.people.grant(callerId, role);
      const mine = await server.people.token(callerId);
      const userId = await locked();
      await unlock({ userId, requestId: 'lost' }, mine);
      await door.ask('RemoveGrant', { userId: callerId, role: role.role, organizationId: 'home' });
      expect((await unlock({ userId, requestId: 'lost' }, mine)).code).toBe('PermissionDenied');
    });

    test('is known among the newest 1000 events, and no further back', async () => {
      const userId = await locked();
      const first = await unlock({ userId, requestId: 'old' });
      for (let nth = 0; nth < 499; nth += 1) {
        await server.people.act(userId, 'lock');
        await server.people.act(userId, 'unlock');
      }
      await server.people.act(userId, 'lock');
      expect(await unlock({ userId, requestId: 'old' })).toEqual(first);
      await server.people.act(userId, 'unlock');
      await server.people.act(userId, 'lock');
      expect((await unlock({ userId, requestId: 'old' })).response.generation).toBe('1004');
    });

    test.each([
      ['unlock', 'user.unlocked'],
      ['lock', 'user.locked'],
    ] as const)('to %s twenty times at once: one event, and all the same answer', async (action, type) => {
      const userId = action === 'lock' ? await active() : await locked();
      const before = (await typesOf(userId)).length;
      const ask = action === 'lock' ? lock : unlock;
      const asked = Array.from({ length: 20 }, () => ask({ userId, requestId: 'at once' }));
      const answers = new Set((await Promise.all(asked)).map((answer) => JSON.stringify(answer)));
      expect([...answers].map((answer) => JSON.parse(answer).code)).toEqual(['OK']);
      expect((await typesOf(userId)).slice(before)).toEqual([type]);
    });
  });

  describe('validate_only', () => {
    test('answers what would be, and writes nothing', async () => {
      const userId = await active();
      const request = { userId, reason: 'try', validateOnly: true };
      const tried = await lock({ ...request, requestId: 'try' });
      expect(await typesOf(userId)).toEqual(['user.human.added']);
      expect(await lock({ userId, reason: 'try', requestId: 'try' })).toEqual(tried);
      const triedAgain = await unlock({ userId, validateOnly: true });
      expect(await stateOf(userId)).toBe('USER_STATE_LOCKED');
      expect(await unlock({ userId })).toEqual(triedAgain);
    });

    test('refuses as the real call does', async () => {
      const userId = await active();
      const viewer = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER_VIEWER'] });
      const validateOnly = true;
      const until = '2020-01-01T00:00:00Z';
      expect([
        (await lock({ userId, validateOnly }, viewer)).message,
        (await lock({ userId: 'nobody', validateOnly })).message,
        (await lock({ userId, until, validateOnly })).code,
        (await unlock({ userId, validateOnly })).message,
        (await lock({ userId, validateOnly, reason: 'x'.repeat(501) })).code,
      ]).toEqual([
        'No matching permissions found (AUTH-AWfge)',
        'User could not be found (COMMAND-450yxuqrh1)',
        'InvalidArgument',
        'User is not locked (COMMAND-olb9vb0oca)',
        'InvalidArgument',
      ]);
      expect(await typesOf(userId)).toEqual(['user.human.added']);
    });

    test('ends no lock that is another one', async () => {
      const userId = await locked();
      const answer = await unlock({ userId, expectedGeneration: '9', validateOnly: true });
      expect(answer.details[0]?.id).toBe('LATCH-l0ckgen1');
    });
  });

  test('an old timer ends no newer lock', async () => {
    const userId = await active();
    await lock({ userId, until: new Date(server.clock.nowMs + 60_000).toISOString() });
    await unlock({ userId });
    await lock({ userId });
    server.clock.nowMs += 120_000;
    expect(await stateOf(userId)).toBe('USER_STATE_LOCKED');
    expect((await unlock({ userId, expectedGeneration: '4' })).code).toBe('OK');
  });
});
