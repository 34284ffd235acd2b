import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemCaller } from '../../src/auth/caller.ts';
import { changeUserState } from '../../src/commands/user-state.ts';
import { DomainError } from '../../src/domain/errors.ts';
import { parseUserId } from '../../src/domain/ids.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { withLockEnds } from '../../src/store/lock-ends.ts';
import { type Door, openDoor } from '../support/door.ts';
import { historyOf } from '../support/replay.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openEmptyDatabase, stores } from '../support/stores.ts';
import { lockUntil } from '../support/timed-locks.ts';

const minuteMs = 60_000;
const timeText = (ms: number) => new Date(ms).toISOString();

describe.each(stores)('on %s', (store) => {
  let server: TestServer;
  let door: Door;

  beforeAll(async () => {
    server = await startServer({ store, flags: ['--lockout-attempts', '5'] });
    await server.people.organization('acme');
    const token = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    door = openDoor(server.url, token);
  });
  afterAll(async () => {
    expect(await verify(server.app.store)).toMatchObject({ problems: [] });
    await door[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  /** A user locked for a minute from now, and when that ends. */
  async function lockedForAMinute(): Promise<{ readonly userId: string; readonly until: number }> {
    const userId = await server.people.user({ organization: 'acme' });
    const until = server.clock.nowMs + minuteMs;
    await lockUntil(server.app, userId, until);
    return { userId, until };
  }
  const stateOf = async (userId: string) => (await door.user(userId))?.state;
  const listed = async (userId: string, state: string) => {
    const queries = [{ inUserIdsQuery: { userIds: [userId] } }, { stateQuery: { state } }];
    return (
      ((await door.ask('ListUsers', { queries })).response.result as JsonObject[] | undefined)?.length ?? 0
    );
  };
  const typesOf = async (userId: string) => (await door.events(userId)).map(({ type }) => type);
  const signIn = async (userId: string) => {
    const guess = { userId, currentPassword: 'wrong', newPassword: { password: 'next' } };
    return (await door.ask('SetPassword', guess)).details[0]?.id;
  };
  const looks: Readonly<Record<string, (userId: string) => Promise<readonly [unknown, unknown]>>> = {
    'a look at the user': async (userId) => [await stateOf(userId), 'USER_STATE_LOCKED'],
    'a list of the locked': async (userId) => [await listed(userId, 'USER_STATE_LOCKED'), 1],
    'a list of the active': async (userId) => [await listed(userId, 'USER_STATE_ACTIVE'), 0],
    'the log': async (userId) => [(await typesOf(userId)).at(-1), 'user.locked'],
    'a sign-in': async (userId) => [await signIn(userId), 'SESSION-Gj4ko'],
    'an order to lock': async (userId) => [
      (await door.ask('LockUser', { userId })).details[0]?.id,
      'COMMAND-lgws8wtsqf',
    ],
  };

  test.each(
    Object.keys(looks),
  )('%s is the first to see the end, and all agree to the millisecond', async (first) => {
    const { userId, until } = await lockedForAMinute();
    server.clock.nowMs = until - 1;
    for (const look of Object.values(looks)) {
      const [seen, ofLocked] = await look(userId);
      expect(seen).toEqual(ofLocked);
    }
    server.clock.nowMs = until;
    const [seen, ofLocked] = (await looks[first]?.(userId)) ?? [];
    expect(seen).not.toEqual(ofLocked);
    if (first !== 'an order to lock') {
      expect([await stateOf(userId), await listed(userId, 'USER_STATE_LOCKED')]).toEqual([
        'USER_STATE_ACTIVE',
        0,
      ]);
      expect([await listed(userId, 'USER_STATE_ACTIVE'), await signIn(userId)]).toEqual([1, 'COMMAND-3M0fs']);
    }
    expect((await door.events(userId)).filter(({ type }) => type === 'user.unlocked')).toEqual([
      expect.objectContaining({
        sequence: '3',
        creationDate: timeText(until),
        actor: { policy: 'lockout' },
        payload: { cause: 'policy', generation: 2 },
      }),
    ]);
  });

  test('a look at a token too: a machine whose lock is over signs in with what it was given since', async () => {
    const userId = await server.people.user({ organization: 'acme', kind: 'machine' });
    const old = await server.people.token(userId);
    const until = server.clock.nowMs + minuteMs;
    await lockUntil(server.app, userId, until);
    const asks = async (token: string) => (await door.ask('ListUsers', {}, token)).code;
    server.clock.nowMs = until;
    expect(await asks(old)).toBe('Unauthenticated');
    expect(await asks(await server.people.token(userId))).toBe('PermissionDenied');
  });

  test('unlocking by hand is refused at the end, and done before it', async () => {
    for (const [afterMs, answer] of [
      [-1, { code: 'OK' }],
      [
        0,
        {
          code: 'FailedPrecondition',
          details: [expect.objectContaining({ id: 'COMMAND-olb9vb0oca' }), expect.anything()],
        },
      ],
    ] as const) {
      const { userId, until } = await lockedForAMinute();
      server.clock.nowMs = until + afterMs;
      expect(await door.ask('UnlockUser', { userId })).toMatchObject(answer);
      server.clock.nowMs = until + 1;
      expect(await typesOf(userId)).toEqual(['user.human.added', 'user.locked', 'user.unlocked']);
    }
  });

  test('the end of a lock does not end the next one', async () => {
    const { userId, until } = await lockedForAMinute();
    expect((await door.ask('UnlockUser', { userId })).code).toBe('OK');
    const next = until + minuteMs;
    await lockUntil(server.app, userId, next);
    for (const nowMs of [until, next - 1]) {
      server.clock.nowMs = nowMs;
      expect(await stateOf(userId)).toBe('USER_STATE_LOCKED');
    }
    server.clock.nowMs = next;
    expect(await stateOf(userId)).toBe('USER_STATE_ACTIVE');
    await server.people.act(userId, 'lock');
    server.clock.nowMs = next + minuteMs;
    expect(await stateOf(userId)).toBe('USER_STATE_LOCKED');
    expect((await door.events(userId)).at(-2)).toMatchObject({
      payload: { generation: 4 },
      creationDate: timeText(next),
    });
  });

  test.each([
    [['unlock']],
    [['deactivate', 'reactivate']],
    [['delete', 'again']],
  ] as const)('after %j nothing of the lock is left', async (ways) => {
    const { userId, until } = await lockedForAMinute();
    for (const way of ways) {
      if (way === 'again') await server.people.user({ organization: 'acme', userId });
      else await server.people.act(userId, way);
    }
    expect(await server.app.store.loadUser(parseUserId(userId))).toMatchObject({
      state: 'active',
      lockout: {},
      failedPasswordAttempts: 0,
    });
    const events = await typesOf(userId);
    server.clock.nowMs = until + minuteMs;
    expect([await stateOf(userId), await signIn(userId)]).toEqual(['USER_STATE_ACTIVE', 'COMMAND-3M0fs']);
    expect((await typesOf(userId)).slice(0, -1)).toEqual(events);
  });

  test('many locks that end at once each have their event', async () => {
    const until = server.clock.nowMs + minuteMs;
    const userIds: string[] = [];
    while (userIds.length < 1_200) {
      const made = Array.from({ length: 40 }, () =>
        server.people.user({ organization: 'acme', kind: 'machine' }),
      );
      userIds.push(...(await Promise.all(made)));
    }
    await Promise.all(userIds.map((userId) => lockUntil(server.app, userId, until)));
    server.clock.nowMs = until;
    const queries = [
      { stateQuery: { state: 'USER_STATE_LOCKED' } },
      { inUserIdsQuery: { userIds: userIds.slice(0, 1_000) } },
    ];
    expect((await door.ask('ListUsers', { queries })).response.result).toBeUndefined();
    const users = await Promise.all(userIds.map((userId) => server.app.store.loadUser(parseUserId(userId))));
    expect(new Set(users.map((user) => `${user?.state} ${user?.sequence} ${user?.changedAt}`))).toEqual(
      new Set([`active 3 ${until}`]),
    );
  });
});

describe.each(stores)('on %s, over a stop', (store) => {
  test('a lock ends at its instant though no server ran then', async () => {
    await using empty = await openEmptyDatabase(store);
    const { database } = empty;
    let until = 0;
    {
      await using server = await startServer({ database });
      await server.people.organization('acme');
      await server.people.user({ organization: 'acme', userId: 'ada' });
      until = server.clock.nowMs + minuteMs;
      await lockUntil(server.app, 'ada', until);
    }
    for (let starts = 0; starts < 2; starts += 1) {
      await using server = await startServer({ database, clocks: { now: () => until + 3_600_000 } });
      const token = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
      await using door = openDoor(server.url, token);
      const events = await door.events('ada');
      expect(events.map(({ type }) => type)).toEqual(['user.human.added', 'user.locked', 'user.unlocked']);
      expect(events.at(-1)).toMatchObject({ creationDate: timeText(until), actor: { policy: 'lockout' } });
      expect(await door.user('ada')).toMatchObject({
        details: { changeDate: timeText(until), sequence: '3' },
      });
      expect(await verify(server.app.store)).toMatchObject({ problems: [] });
    }
  });

  test('of an unlock by hand and the end of the lock, one is written, fifty times', async () => {
    await using empty = await openEmptyDatabase(store);
    const { database } = empty;
    await using early = await startServer({ database });
    await using late = await startServer({ database, clocks: { now: () => early.clock.nowMs + minuteMs } });
    await early.people.organization('acme');
    const operator = systemCaller('operator');
    const byHand: string[] = [];
    for (let round = 0; round < 50; round += 1) {
      const userId = parseUserId(await early.people.user({ organization: 'acme', kind: 'machine' }));
      const before = await early.app.store.loadUser(userId);
      // Written where no clock says that it is over already.
      const lock = { type: 'user.locked', payload: { until: early.clock.nowMs + minuteMs } } as const;
      const at = { createdAt: early.clock.nowMs, eventId: early.app.newId() };
      const racing = [0, 1].map(() => late.app.store.loadUser(userId));
      await early.app.store.append({ before, userId, events: [lock], at, meta: {} });
      const unlocking = changeUserState(early.app, operator, userId, 'unlock').then(
        () => 'done',
        (error: unknown) => (error instanceof DomainError ? error.error : String(error)),
      );
      await Promise.all([...racing, late.app.store.loadUser(userId), late.app.store.loadUser(userId)]);
      byHand.push(await unlocking);
      const events = await historyOf(early.app.store, userId);
      expect(events.map(({ type }) => type)).toEqual(['user.machine.added', 'user.locked', 'user.unlocked']);
      const isByHand = events.at(-1)?.payload.cause === 'command_line';
      expect(byHand.at(-1)).toBe(isByHand ? 'done' : 'userNotLocked');
    }
    expect(await verify(early.app.store)).toMatchObject({ problems: [] });
  });

  test('where the end cannot be written nobody is told anything else, lists go on, and then it is', async () => {
    let isBroken = false;
    await using server = await startServer({ store });
    await server.people.organization('acme');
    const userId = parseUserId(await server.people.user({ organization: 'acme', kind: 'machine' }));
    const until = server.clock.nowMs + minuteMs;
    await lockUntil(server.app, userId, until);
    const failing = withLockEnds(
      {
        ...server.app.store,
        append: (change) =>
          isBroken ? Promise.reject(new DomainError('storeUnavailable')) : server.app.store.append(change),
      },
      { now: () => until, newId: server.app.newId },
    );
    isBroken = true;
    const page = { offset: 0, limit: 1, ascending: true };
    const all = { scope: 'all', filters: [], sort: 'user_name', page } as const;
    const ids = { kind: 'ids', userIds: [userId] } as const;
    const locked = { kind: 'not', filter: { kind: 'state', state: 'locked' } } as const;
    const asked = [
      () => failing.loadUser(userId),
      () => failing.listUsers({ ...all, filters: [{ kind: 'or', filters: [locked, ids] }] }),
      () => failing.listUsers({ ...all, sort: 'locked_at' }),
      () => failing.listEvents({ afterPosition: 0, limit: 1 }),
    ];
    for (const ask of asked) await expect(ask()).rejects.toMatchObject({ error: 'storeUnavailable' });
    // The row says that they are locked, and the list says what it will say: nobody need be told to wait.
    const { rows } = await failing.listUsers({ ...all, filters: [ids] });
    expect(rows[0]?.user).toMatchObject({ state: 'active', changedAt: until, lockout: {} });
    expect(await failing.listTokens({ scope: 'all', filters: [], sort: 'created_at', page })).toMatchObject(
      {},
    );
    isBroken = false;
    expect(await failing.loadUser(userId)).toEqual(rows[0]?.user);
    expect((await historyOf(server.app.store, userId)).length).toBe(3);
  });
});
