import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';

describe.each(stores)('on %s', (store) => {
  let server: TestServer;
  let door: Door;
  let callerId: string;

  beforeAll(async () => {
    server = await startServer({ store, flags: ['--lockout-attempts', '3'] });
    for (const id of ['home', 'abroad']) await server.people.organization(id);
    callerId = await server.people.user({ organization: 'home', kind: 'machine' });
    await server.people.grant(callerId, 'IAM_OWNER');
    door = openDoor(server.url, await server.people.token(callerId));
  });
  afterAll(async () => {
    await door[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const timeText = (milliseconds: number) => new Date(milliseconds).toISOString();
  const active = () => server.people.user({ organization: 'home' });
  const lockOf = async (userId: string) =>
    (await door.ask('GetLock', { userId })).response.lock as JsonObject | undefined;
  const wrong = (userId: string, agent = 'probe/1') =>
    door.ask(
      'SetPassword',
      { userId, newPassword: { password: 'next' }, currentPassword: `wrong ${server.clock.nowMs}` },
      undefined,
      { 'user-agent': agent },
    );

  test('an administrator locks until a time: the record says all of it, and the events too', async () => {
    const userId = await active();
    const until = timeText(server.clock.nowMs + 60_000);
    const answer = await door.ask('LockService.LockUser', { userId, reason: 'phone stolen', until });
    const lock = {
      ...{ userId, loginName: `${userId}@home.example`, organizationId: 'home', reason: 'phone stolen' },
      ...{ cause: 'LOCK_CAUSE_ADMINISTRATOR', lockedBy: callerId, generation: '2', until },
      since: timeText(server.clock.nowMs),
    };
    expect(answer.response).toMatchObject({ details: { sequence: '2', resourceOwner: 'home' }, lock });
    expect(await lockOf(userId)).toEqual(lock);
    expect((await door.events(userId)).at(-1)).toMatchObject({
      type: 'user.locked',
      payload: { cause: 'administrator', reason: 'phone stolen', lockedBy: callerId },
      actor: { userId: callerId, reason: 'phone stolen' },
    });
  });

  test("the contract's LockUser writes the same record", async () => {
    const userId = await active();
    await door.ask('LockUser', { userId }, undefined, { 'latchkey-reason': 'left%20the%20company' });
    expect(await lockOf(userId)).toEqual({
      ...{ userId, loginName: `${userId}@home.example`, organizationId: 'home' },
      ...{ cause: 'LOCK_CAUSE_ADMINISTRATOR', lockedBy: callerId, generation: '2' },
      ...{ reason: 'left the company', since: timeText(server.clock.nowMs) },
    });
  });

  test('the reason in the field beats the one in the header', async () => {
    const userId = await active();
    const message = { userId, reason: 'field' };
    await door.ask('LockService.LockUser', message, undefined, { 'latchkey-reason': 'header' });
    expect(await lockOf(userId)).toMatchObject({ reason: 'field' });
    expect((await door.events(userId)).at(-1)).toMatchObject({ actor: { reason: 'field' } });
  });

  test('the command line on the database is named as the cause, and who used it', async () => {
    const userId = await server.people.user({ organization: 'home', state: 'locked' });
    expect(await lockOf(userId)).toMatchObject({ cause: 'LOCK_CAUSE_COMMAND_LINE', lockedBy: 'operator' });
  });

  test('the policy is the cause after too many wrong passwords; where they came from is shown', async () => {
    const userId = await active();
    for (let nth = 1; nth <= 3; nth += 1) {
      server.clock.nowMs += 1_000;
      await wrong(userId, `probe/${nth}`);
    }
    const lock = await lockOf(userId);
    expect(lock).toMatchObject({ cause: 'LOCK_CAUSE_POLICY', failedAttempts: 3, generation: '5' });
    expect([lock?.lockedBy, lock?.until]).toEqual([undefined, undefined]);
    expect(lock?.failedSignIns).toEqual(
      [3, 2, 1].map((nth) => ({
        time: timeText(server.clock.nowMs - (3 - nth) * 1_000),
        ip: '127.0.0.1',
        userAgent: `probe/${nth}`,
      })),
    );
  });

  test('of a recycled id, the failures of the user before are not shown', async () => {
    const userId = await active();
    await wrong(userId);
    await server.people.act(userId, 'delete');
    await server.people.user({ organization: 'home', userId, state: 'locked' });
    expect((await lockOf(userId))?.failedSignIns).toBeUndefined();
  });

  test('unlocking keeps ticket, identification and reason in the event, and tells which lock ended', async () => {
    const userId = await server.people.user({ organization: 'home', state: 'locked' });
    const said = { ticket: 'T-4711', identification: 'called back' };
    const { response } = await door.ask('LockService.UnlockUser', { userId, ...said, reason: 'asked' });
    expect(response).toMatchObject({ details: { sequence: '3', resourceOwner: 'home' }, generation: '2' });
    expect((await door.events(userId)).at(-1)).toMatchObject({
      type: 'user.unlocked',
      payload: { cause: 'administrator', generation: 2, ...said },
      actor: { userId: callerId, reason: 'asked' },
    });
    expect(await door.ask('GetLock', { userId })).toMatchObject({
      code: 'NotFound',
      message: 'User is not locked (LATCH-l0ckn0ne)',
    });
  });

  test.each([
    ['LockService.LockUser', ['initial', 'active'], 'User is not active or initial (COMMAND-lgws8wtsqf)'],
    ['LockService.UnlockUser', ['locked'], 'User is not locked (COMMAND-olb9vb0oca)'],
  ] as const)('%s from every state', async (method, allowed, message) => {
    for (const state of ['initial', 'active', 'inactive', 'locked'] as const) {
      const userId = await server.people.user({ organization: 'home', state });
      const isAllowed = allowed.some((one) => one === state);
      expect(await door.ask(method, { userId })).toMatchObject(
        isAllowed ? { ok: true } : { code: 'FailedPrecondition', message },
      );
    }
  });

  test('a lock may be set on oneself', async () => {
    const userId = await server.people.user({ organization: 'home', kind: 'machine' });
    await server.people.grant(userId, 'IAM_OWNER');
    const token = await server.people.token(userId);
    expect((await door.ask('LockService.LockUser', { userId }, token)).code).toBe('OK');
    expect((await door.ask('GetLock', { userId }, token)).code).toBe('Unauthenticated');
  });

  test('a lock cannot end in the past', async () => {
    const userId = await active();
    for (const untilMs of [0, server.clock.nowMs - 1, server.clock.nowMs]) {
      const answer = await door.ask('LockService.LockUser', { userId, until: timeText(untilMs) });
      expect(answer.message).toMatch(/^The end of a lock must be in the future.*\(LATCH-l0ckend1\)$/);
    }
    expect(await door.events(userId)).toHaveLength(1);
  });

  describe('ListLocks', () => {
    const ids = new Map<string, string>();
    const start = Date.UTC(2026, 5, 1);
    const idsOf = async (request: JsonObject): Promise<string[]> => {
      const { response } = await door.ask('ListLocks', { userIds: [...ids.values()], ...request });
      const locks = (response.locks ?? []) as { userId: string }[];
      expect(Number((response.details as JsonObject)?.totalResult ?? 0)).toBeGreaterThanOrEqual(locks.length);
      return locks.map(({ userId }) => [...ids].find(([, id]) => id === userId)?.[0] ?? userId);
    };

    beforeAll(async () => {
      server.clock.nowMs = start;
      ids.set('cli', await server.people.user({ organization: 'abroad', state: 'locked' }));
      server.clock.nowMs += 1_000;
      ids.set('administrator', await active());
      await door.ask('LockUser', { userId: ids.get('administrator') ?? '' });
      server.clock.nowMs += 1_000;
      ids.set('policy', await active());
      for (let nth = 0; nth < 3; nth += 1) {
        server.clock.nowMs += 1;
        await wrong(ids.get('policy') ?? '');
      }
      ids.set('active', await active());
      ids.set('inactive', await server.people.user({ organization: 'home', state: 'inactive' }));
    });

    test.each([
      ['the newest first', {}, ['policy', 'administrator', 'cli']],
      ['the oldest first', { query: { asc: true } }, ['cli', 'administrator', 'policy']],
      ['by page', { query: { offset: '1', limit: 1 } }, ['administrator']],
      ['by organization', { organizationId: 'abroad' }, ['cli']],
      ['by policy', { cause: 'LOCK_CAUSE_POLICY' }, ['policy']],
      ['by administrator', { cause: 'LOCK_CAUSE_ADMINISTRATOR' }, ['administrator']],
      ['by command line', { cause: 'LOCK_CAUSE_COMMAND_LINE' }, ['cli']],
      ['since a time', { lockedSince: timeText(start + 1_000) }, ['policy', 'administrator']],
      ['before a time', { lockedBefore: timeText(start + 1_000) }, ['cli']],
      [
        'between two times',
        { lockedSince: timeText(start + 1), lockedBefore: timeText(start + 1_001) },
        ['administrator'],
      ],
      ['of a name that nobody has', { loginName: 'nobody@home.example' }, []],
    ])('%s', async (_, request, expected) => {
      expect(await idsOf(request)).toEqual(expected);
    });

    test('by login name in any letter case', async () => {
      expect(await idsOf({ loginName: `${ids.get('cli')}@ABROAD.example` })).toEqual(['cli']);
    });

    test('an unlocked user is gone from it', async () => {
      await door.ask('UnlockUser', { userId: ids.get('administrator') ?? '' });
      expect(await idsOf({})).toEqual(['policy', 'cli']);
    });

    test('an unknown cause is refused', async () => {
      expect((await door.ask('ListLocks', { cause: 99 })).code).toBe('InvalidArgument');
    });
  });
});
