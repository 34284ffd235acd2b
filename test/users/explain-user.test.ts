import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Door, openDoor } from '../support/door.ts';
import { password } from '../support/people.ts';
import { openSignIns, type SignInFixture } from '../support/sessions.ts';
import { stores } from '../support/stores.ts';

describe.each(stores)('on %s', (store) => {
  let fixture: SignInFixture;
  let door: Door;
  let callerId: string;

  beforeAll(async () => {
    fixture = await openSignIns({ store, flags: ['--lockout-attempts', '3'] });
    const { people } = fixture.server;
    callerId = await people.user({ organization: 'home', kind: 'machine' });
    await people.grant(callerId, 'IAM_OWNER');
    door = openDoor(fixture.server.url, await people.token(callerId));
  });
  afterAll(async () => {
    await door[Symbol.asyncDispose]();
    await fixture[Symbol.asyncDispose]();
  });

  const person = (state: 'active' | 'initial' | 'inactive' | 'locked' = 'active') =>
    fixture.server.people.user({ organization: 'home', state });
  const explain = async (userId: string) => (await door.ask('ExplainUser', { userId })).response;
  const obstacles = async (userId: string) => (await explain(userId)).obstacles as JsonObject[] | undefined;
  const codes = async (userId: string) => ((await obstacles(userId)) ?? []).map(({ code }) => code);
  const timeText = (milliseconds: number) => new Date(milliseconds).toISOString();
  let guesses = 0;
  const fail = async (userId: string, times: number, more: JsonObject = {}) => {
    for (let nth = 0; nth < times; nth += 1) await fixture.signIn(userId, `wrong ${++guesses}`, more);
  };
  /** What a right password is answered with. */
  const signIn = async (userId: string, more: JsonObject = {}) =>
    (await fixture.signIn(userId, password, more)).code;

  test('nothing stands in the way of an active user with a password', async () => {
    const userId = await person();
    expect(await explain(userId)).toEqual({
      userId,
      state: 'USER_STATE_ACTIVE',
      canSignIn: true,
      summary: 'Nothing stands in the way of the right password.',
      attemptsLeft: 3,
    });
    expect(await signIn(userId)).toBe('OK');
  });

  test('an initial user has no password yet', async () => {
    const userId = await person('initial');
    expect(await codes(userId)).toEqual(['USER_INITIAL', 'PASSWORD_MISSING']);
    expect(await explain(userId)).toMatchObject({ summary: 'No password is set.' });
    const newPassword = { password, changeRequired: false };
    await door.ask('SetPassword', { userId, newPassword });
    expect(await explain(userId)).toMatchObject({ canSignIn: true, state: 'USER_STATE_INITIAL' });
    expect(await signIn(userId)).toBe('OK');
  });

  test('an inactive user waits to be reactivated', async () => {
    const userId = await person('inactive');
    expect(await obstacles(userId)).toEqual([
      {
        code: 'USER_INACTIVE',
        text: 'The user is deactivated.',
        remedy: 'Reactivate the user.',
        blocks: true,
      },
    ]);
    expect(await signIn(userId)).toBe('FailedPrecondition');
  });

  test('a machine user has tokens instead', async () => {
    const userId = await fixture.server.people.user({ organization: 'home', kind: 'machine' });
    expect(await codes(userId)).toEqual(['USER_IS_MACHINE']);
    expect((await explain(userId)).canSignIn).toBeUndefined();
  });

  test('locked by an administrator: who, why and until when', async () => {
    const userId = await person();
    const until = timeText(fixture.server.clock.nowMs + 60_000);
    const since = timeText(fixture.server.clock.nowMs);
    await door.ask('LockService.LockUser', { userId, reason: 'phone stolen', until });
    const { lock, attemptsLeft, canSignIn } = await explain(userId);
    expect([lock, attemptsLeft, canSignIn]).toMatchObject([{ generation: '2', until }, 0, undefined]);
    expect(await obstacles(userId)).toEqual([
      {
        code: 'LOCKED_BY_ADMINISTRATOR',
        text: `The user is locked by an administrator, ${callerId}, since ${since} until ${until}. Reason: phone stolen`,
        remedy: 'Unlock the user, or wait for the end.',
        ends: until,
        blocks: true,
      },
    ]);
    expect(await signIn(userId)).toBe('FailedPrecondition');
    await door.ask('UnlockUser', { userId });
    expect(await signIn(userId)).toBe('OK');
  });

  test('locked by the command line: by whom, and that nothing ends it by itself', async () => {
    const [found] = (await obstacles(await person('locked'))) ?? [];
    expect(found).toMatchObject({ code: 'LOCKED_BY_COMMAND_LINE', remedy: 'Unlock the user.' });
    expect(found?.text).toMatch(/by the command line on the database, operator, since \S+Z\.$/);
    expect(found?.ends).toBeUndefined();
  });

  test('locked by the policy: known devices get through in spite of it', async () => {
    const userId = await person();
    const { deviceToken } = (await fixture.signIn(userId)).response;
    await fail(userId, 2);
    expect(await codes(userId)).toEqual(['LAST_ATTEMPT']);
    expect(await explain(userId)).toMatchObject({ canSignIn: true, attemptsLeft: 1 });
    await fail(userId, 1);
    const [found] = (await obstacles(userId)) ?? [];
    expect(found).toMatchObject({ code: 'LOCKED_BY_POLICY', blocks: true, sparesKnownDevices: true });
    expect(found?.text).toMatch(/^The user is locked by the policy after 3 wrong passwords, since /);
    expect(await signIn(userId)).toBe('FailedPrecondition');
    expect(await signIn(userId, { deviceToken: deviceToken ?? '' })).toBe('OK');
  });

  test('a known device that used up its attempts counts as unknown', async () => {
    const userId = await person();
    const deviceToken = (await fixture.signIn(userId)).response.deviceToken ?? '';
    await fail(userId, 1, { deviceToken });
    expect(await explain(userId)).toMatchObject({
      attemptsLeft: 3,
      devices: [{ failedAttempts: 1, attemptsLeft: 2 }],
    });
    await fail(userId, 2, { deviceToken });
    expect(await codes(userId)).toEqual(['DEVICE_OUT_OF_ATTEMPTS']);
    expect(await explain(userId)).toMatchObject({
      canSignIn: true,
      attemptsLeft: 3,
      devices: [{ failedAttempts: 3, attemptsLeft: 0 }],
    });
  });

  test("the organization's policy is the one that counts", async () => {
    await fixture.server.people.organization('strict');
    const userId = await fixture.server.people.user({ organization: 'strict' });
    const set = (policy: JsonObject) =>
      door.ask('SetLockoutPolicy', { organizationId: 'strict', policy: { knownDevices: false, ...policy } });
    await set({ maxPasswordAttempts: 0 });
    expect((await explain(userId)).attemptsLeft).toBeUndefined();
    await set({ maxPasswordAttempts: 2, window: '60s', lockDuration: '300s' });
    await fail(userId, 1);
    const failedAtMs = fixture.server.clock.nowMs;
    expect(await obstacles(userId)).toMatchObject([
      { code: 'LAST_ATTEMPT', ends: timeText(failedAtMs + 60_000) },
    ]);
    fixture.server.clock.nowMs += 60_000;
    expect(await explain(userId)).toMatchObject({ canSignIn: true, attemptsLeft: 2 });
    await fail(userId, 2);
    const [found] = (await obstacles(userId)) ?? [];
    const ends = timeText(fixture.server.clock.nowMs + 300_000);
    expect(found).toMatchObject({
      code: 'LOCKED_BY_POLICY',
      ends,
      remedy: 'Unlock the user, or wait for the end.',
    });
    expect(found?.sparesKnownDevices).toBeUndefined();
  });
});
