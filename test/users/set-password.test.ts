import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { verify } from '../../src/queries/verify/verify.ts';
import type { Store } from '../../src/store/store.ts';
import type { Answer } from '../support/answer.ts';
import { type Door, openDoor } from '../support/door.ts';
import { password } from '../support/people.ts';
import { startServer, type TestServer } from '../support/start-server.ts';

let server: TestServer;
let door: Door;
/** How often the server took a password's hash out of the store to check one against it. */
let hashesLoaded = 0;

beforeAll(async () => {
  server = await startServer({ wrapStore: countingHashes, flags: ['--lockout-attempts', '5'] });
  await server.people.organization('acme');
  const roles = ['IAM_OWNER'];
  door = openDoor(server.url, await server.people.caller({ organization: 'acme', roles }));
});
afterAll(async () => {
  await door[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

function countingHashes(store: Store): Store {
  return {
    ...store,
    loadPasswordHash(userId) {
      hashesLoaded += 1;
      return store.loadPasswordHash(userId);
    },
  };
}

const change = (userId: string, currentPassword: string, next = 'next'): Promise<Answer> =>
  door.ask('SetPassword', { userId, currentPassword, newPassword: { password: next } });
const set = (userId: string, next: string): Promise<Answer> =>
  door.ask('SetPassword', { userId, newPassword: { password: next } });
const typesOf = async (userId: string) => (await door.events(userId)).map(({ type }) => type);
const stateOf = async (userId: string) => (await door.user(userId))?.state;

const errorDetail = (id: string, message: string) => ({ type: 'zitadel.v1.ErrorDetail', id, message });
const errorInfo = (reason: string) => ({ type: 'google.rpc.ErrorInfo', reason, domain: 'latchkey' });
const wrong = (failedAttempts: number) => ({
  ok: false,
  code: 'InvalidArgument',
  message: 'Password is invalid (COMMAND-3M0fs)',
  details: [
    {
      type: 'zitadel.v1.CredentialsCheckError',
      id: 'COMMAND-3M0fs',
      message: 'Password is invalid',
      failedAttempts,
    },
    errorInfo('PASSWORD_INVALID'),
  ],
  httpStatus: 400,
  response: {},
});
const notActive = {
  ok: false,
  code: 'FailedPrecondition',
  message: 'Errors.User.NotActive (SESSION-Gj4ko)',
  details: [errorDetail('SESSION-Gj4ko', 'Errors.User.NotActive'), errorInfo('USER_NOT_ACTIVE')],
  httpStatus: 400,
  response: {},
};

describe('a new password', () => {
  test('is the one that holds from now on', async () => {
    const userId = await server.people.user({ organization: 'acme' });
    server.clock.nowMs += 5_000;
    const now = new Date(server.clock.nowMs).toISOString();
    const newPassword = { password: 'pass the second', changeRequired: true };
    expect((await door.ask('SetPassword', { userId, newPassword })).response).toEqual({
      details: { sequence: '2', changeDate: now, resourceOwner: 'acme', creationDate: expect.any(String) },
    });
    expect(await door.user(userId)).toMatchObject({
      human: { passwordChangeRequired: true, passwordChanged: now },
    });
    expect(await change(userId, password)).toEqual(wrong(1));
    expect(await change(userId, 'pass the second', 'pass the third')).toMatchObject({ code: 'OK' });
    expect(await door.user(userId)).not.toHaveProperty('human.passwordChangeRequired');
    const events = JSON.stringify(await door.events(userId));
    expect(events).toContain('user.human.password.changed');
    expect(events).not.toMatch(/pass the|argon2|\$2b/);
  });

  test.each([
    ['an empty one', { newPassword: { password: '' } }],
    ['one of 201 characters', { newPassword: { password: 'x'.repeat(201) } }],
    ['none', {}],
  ])('%s is refused', async (_, message) => {
    const userId = await server.people.user({ organization: 'acme' });
    expect(await door.ask('SetPassword', { userId, ...message })).toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringMatching(/^new_password/),
    });
    expect(await typesOf(userId)).toEqual(['user.human.added']);
  });

  test('a machine has none', async () => {
    const userId = await server.people.user({ organization: 'acme', kind: 'machine' });
    const message = 'Only a human user has a password (LATCH-pwmach1n)';
    expect(await set(userId, 'next')).toMatchObject({ code: 'FailedPrecondition', message });
    expect(await change(userId, 'any')).toMatchObject({ code: 'FailedPrecondition', message });
  });

  test.each([
    'initial',
    'active',
    'inactive',
    'locked',
  ] as const)('set by an administrator, it leaves the state: %s', async (state) => {
    const userId = await server.people.user({ organization: 'acme', state });
    expect(await set(userId, 'next')).toMatchObject({ code: 'OK' });
    expect(await stateOf(userId)).toBe(`USER_STATE_${state.toUpperCase()}`);
  });

  test('set by an administrator, it gives no fresh attempts; set by whoever knows it, it is a sign-in', async () => {
    const userId = await server.people.user({ organization: 'acme' });
    for (let count = 1; count <= 3; count += 1)
      expect(await change(userId, `no ${count}`)).toEqual(wrong(count));
    expect(await set(userId, 'next')).toMatchObject({ code: 'OK' });
    expect(await change(userId, 'no 4')).toEqual(wrong(4));
    expect(await change(userId, 'next', 'after next')).toMatchObject({ code: 'OK' });
    expect(await change(userId, 'no 5')).toEqual(wrong(1));
    const human = { password: { password: { password: 'by update' } } };
    expect(await door.ask('UpdateUser', { userId, human })).toMatchObject({ code: 'OK' });
    for (let count = 2; count <= 5; count += 1)
      expect(await change(userId, `no ${count}`)).toEqual(wrong(count));
    expect(await stateOf(userId)).toBe('USER_STATE_LOCKED');
    expect(await verify(server.app.store)).toMatchObject({ problems: [] });
  });
});

describe('the current password', () => {
  test('wrong ones count, and the fifth locks', async () => {
    const userId = await server.people.user({ organization: 'acme' });
    for (let count = 1; count <= 5; count += 1) {
      expect(await change(userId, `wrong ${count}`)).toEqual(wrong(count));
    }
    expect(await typesOf(userId)).toEqual([
      'user.human.added',
      ...Array(5).fill('user.human.password.check.failed'),
      'user.locked',
    ]);
    expect(await stateOf(userId)).toBe('USER_STATE_LOCKED');
    // Nothing tells a right guess from a wrong one while the lock holds, and nothing counts on.
    const loaded = hashesLoaded;
    expect(await change(userId, password)).toEqual(notActive);
    expect(await change(userId, 'wrong')).toEqual(notActive);
    expect(hashesLoaded).toBe(loaded);
    expect(await typesOf(userId)).toHaveLength(7);
  });

  test('a right one starts the count anew', async () => {
    const userId = await server.people.user({ organization: 'acme' });
    for (let count = 1; count <= 4; count += 1) {
      expect(await change(userId, `wrong ${count}`)).toEqual(wrong(count));
    }
    expect(await change(userId, password)).toMatchObject({ code: 'OK' });
    expect(await change(userId, password)).toEqual(wrong(1));
  });

  test('a new one by an administrator does not end a lock', async () => {
    const userId = await server.people.user({ organization: 'acme' });
    for (let count = 1; count <= 5; count += 1) await change(userId, `wrong ${count}`);
    expect(await set(userId, 'fresh')).toMatchObject({ code: 'OK' });
    expect(await change(userId, 'fresh')).toEqual(notActive);
    expect(await stateOf(userId)).toBe('USER_STATE_LOCKED');
  });

  test.each(['inactive', 'locked'] as const)('%s: refused, right or wrong', async (state) => {
    const userId = await server.people.user({ organization: 'acme', state });
    const events = await door.events(userId);
    expect(await change(userId, password)).toEqual(notActive);
    expect(await change(userId, 'wrong')).toEqual(notActive);
    expect(await door.events(userId)).toEqual(events);
  });

  test('where none was ever set there is none to check', async () => {
    const userId = await server.people.user({ organization: 'acme', state: 'initial' });
    expect(await change(userId, 'any')).toMatchObject({
      code: 'FailedPrecondition',
      message: 'User has not set a password (COMMAND-3nJ4t)',
    });
    expect(await typesOf(userId)).toEqual(['user.human.added']);
  });
});

describe('guesses at the same time', () => {
  // All come from one address, which may fail a hundred times in ten minutes.
  beforeEach(() => {
    server.clock.nowMs += 600_000;
  });

  test('of 100 wrong ones, 5 are checked, and the user is locked once', async () => {
    const userId = await server.people.user({ organization: 'acme' });
    const loaded = hashesLoaded;
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, nth) => change(userId, `wrong ${nth}`)),
    );
    const checked = answers.filter(({ code }) => code === 'InvalidArgument');
    expect(checked.map(({ details }) => details[0]?.failedAttempts).sort()).toEqual([1, 2, 3, 4, 5]);
    expect(answers.filter(({ code }) => code !== 'InvalidArgument')).toEqual(Array(95).fill(notActive));
    expect(hashesLoaded - loaded).toBe(5);
    const types = await typesOf(userId);
    expect(types.filter((type) => type === 'user.locked')).toHaveLength(1);
    expect(types.at(-1)).toBe('user.locked');
    expect(types).toHaveLength(7);
  });

  test('of 20 wrong ones and 20 right ones, no right one undoes the lock', async () => {
    const userId = await server.people.user({ organization: 'acme' });
    for (let count = 1; count <= 4; count += 1) await change(userId, `early ${count}`);
    const guesses = Array.from({ length: 40 }, (_, nth) => (nth % 2 === 0 ? `wrong ${nth}` : password));
    const answers = await Promise.all(guesses.map((guess) => change(userId, guess, password)));
    const types = await typesOf(userId);
    const lockedAt = types.indexOf('user.locked');
    const isLocked = lockedAt !== -1;
    expect(await stateOf(userId)).toBe(isLocked ? 'USER_STATE_LOCKED' : 'USER_STATE_ACTIVE');
    if (isLocked) expect(types.slice(lockedAt)).toEqual(['user.locked']);
    const answered = answers.filter(({ code }) => code !== 'FailedPrecondition');
    const recorded = types.filter((type) => String(type).startsWith('user.human.password'));
    expect(recorded).toHaveLength(4 + answered.length);
  });

  test('while it is unlocked, the count never passes the limit', async () => {
    const userId = await server.people.user({ organization: 'acme', state: 'locked' });
    const [, ...answers] = await Promise.all([
      door.ask('UnlockUser', { userId }),
      ...Array.from({ length: 40 }, (_, nth) => change(userId, `wrong ${nth}`)),
    ]);
    const counts = answers.flatMap(({ details }) => details[0]?.failedAttempts ?? []);
    expect(counts.length).toBeLessThanOrEqual(5);
    expect(Math.max(0, ...counts.map(Number))).toBe(counts.length);
  });
});

describe('the limit', () => {
  test.each([
    [['--lockout-attempts', '0'], 12, 'USER_STATE_ACTIVE'],
    [['--lockout-attempts', '1'], 1, 'USER_STATE_LOCKED'],
    [['--lockout-attempts', '2'], 2, 'USER_STATE_LOCKED'],
    [['--lockout-attempts', '100'], 100, 'USER_STATE_LOCKED'],
    [[], 10, 'USER_STATE_LOCKED'],
  ])('%j', async (flags, attempts, state) => {
    await using other = await startServer({ flags });
    await other.people.organization('acme');
    const token = await other.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    await using client = openDoor(other.url, token);
    const userId = await other.people.user({ organization: 'acme' });
    const guess = (nth: number) =>
      client.ask('SetPassword', {
        userId,
        currentPassword: `wrong ${nth}`,
        newPassword: { password: 'next' },
      });
    for (let count = 1; count <= attempts; count += 1) {
      expect(await client.user(userId)).toMatchObject({ state: 'USER_STATE_ACTIVE' });
      expect(await guess(count)).toEqual(wrong(count));
    }
    expect(await client.user(userId)).toMatchObject({ state });
  });

  test('is 100 at most', async () => {
    await expect(startServer({ flags: ['--lockout-attempts', '101'] })).rejects.toThrow(
      '--lockout-attempts (LATCHKEY_LOCKOUT_ATTEMPTS) must be a whole number from 0 to 100, not "101"',
    );
  });
});
