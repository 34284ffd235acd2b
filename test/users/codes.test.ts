import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { verify } from '../../src/queries/verify/verify.ts';
import { dialects, openClients } from '../support/dialects/all.ts';
import { type Door, openDoor } from '../support/door.ts';
import type { MethodName } from '../support/methods.ts';
import { password } from '../support/people.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';

const long = (length: number) => 'A'.repeat(length);
/** Refused by a rule of the field, before anybody is looked up. */
const refused: readonly (readonly [field: string, MethodName, JsonObject])[] = [
  ['verification_code', 'VerifyEmail', {}],
  ['verification_code', 'VerifyEmail', { verificationCode: long(21) }],
  ['verification_code', 'SetPassword', { newPassword: { password: 'n' }, verificationCode: '' }],
  ['verification_code', 'SetPassword', { newPassword: { password: 'n' }, verificationCode: long(21) }],
  ['return_code', 'SendEmailCode', {}],
  ['return_code', 'ResendEmailCode', {}],
  ['return_code', 'PasswordReset', {}],
  ['url_template', 'SendEmailCode', { sendCode: { urlTemplate: long(201) } }],
  ['url_template', 'PasswordReset', { sendLink: { urlTemplate: '' } }],
];
const hourMs = 3_600_000;

// Each try is as dear as a sign-in.
jest.setTimeout(240_000);

describe.each(stores)('codes, on %s', (kind, openDatabase) => {
  const resources = new AsyncDisposableStack();
  let server: TestServer;
  let door: Door;
  let owner: string;
  let count = 0;

  beforeAll(async () => {
    const { database } = resources.use(await openDatabase());
    server = resources.use(await startServer({ database, flags: ['--lockout-attempts', '8'] }));
    for (const id of ['acme', 'lenient']) await server.people.organization(id);
    owner = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    door = resources.use(openDoor(server.url, owner));
    const policy = { resetUnlocks: true, maxPasswordAttempts: 3 };
    expect(await door.ask('SetLockoutPolicy', { organizationId: 'lenient', policy })).toMatchObject({
      code: 'OK',
    });
  });
  afterAll(() => resources.disposeAsync());

  const somebody = (more: object = {}) => server.people.user({ organization: 'acme', ...more });
  const stateOf = async (userId: string) => (await door.user(userId))?.state;
  const typesOf = async (userId: string) => (await door.events(userId)).map(({ type }) => type);
  const resetCode = async (userId: string) => {
    const { response } = await door.ask('PasswordReset', { userId, returnCode: {} });
    return String(response.verificationCode);
  };
  const setBy = (userId: string, verificationCode: string, next = 'next horse') =>
    door.ask('SetPassword', { userId, verificationCode, newPassword: { password: next } });
  const signIn = async (userId: string, currentPassword: string) =>
    (await door.ask('SetPassword', { userId, currentPassword, newPassword: { password: 'again' } })).code;
  const wrongCode = () => {
    count += 1;
    return `0${count}`;
  };
  const isWrong = {
    code: 'InvalidArgument',
    message: 'Code is wrong, used or too old (COMMAND-3M0fs)',
    details: [{ id: 'COMMAND-3M0fs' }, {}],
  };

  test('a password is forgotten and set anew, in every dialect', async () => {
    await using clients = openClients(server.url);
    const asked = dialects.filter(({ name }) => !name.includes('on the REST URL'));
    for (const dialect of asked.slice(0, kind === 'sqlite' ? undefined : 1)) {
      const userId = await somebody();
      const ask = (method: MethodName, message: JsonObject) =>
        clients.ask(dialect, { method, message: { userId, ...message }, token: owner });
      for (const [field, method, message] of refused) {
        const { code, message: text } = await ask(method, message);
        expect([method, dialect.name, code, text]).toEqual([
          ...[method, dialect.name, 'InvalidArgument', expect.stringContaining(field)],
        ]);
      }
      const { response } = await ask('PasswordReset', { returnCode: {} });
      expect(response.verificationCode).toMatch(/^[2-79ACDEFGHJKMNPQRTVWXY]{6}$/);
      const typed = ` ${String(response.verificationCode).toLowerCase()} `;
      expect(
        await ask('SetPassword', { newPassword: { password: 'next' }, verificationCode: typed }),
      ).toMatchObject({
        code: 'OK',
      });
      expect(await typesOf(userId)).toEqual([
        'user.human.added',
        'user.human.password.code.added',
        'user.human.password.changed',
      ]);
      expect(JSON.stringify(await door.events(userId))).not.toContain(response.verificationCode);
      expect(
        await ask('SetPassword', { newPassword: { password: 'n' }, verificationCode: typed }),
      ).toMatchObject(isWrong);
      expect(await signIn(userId, 'next')).toBe('OK');
    }
  }, 240_000);

  test('an address is verified by its code, and by that of no other address', async () => {
    const userId = await somebody();
    const change = async (email: string) =>
      (await door.ask('SetEmail', { userId, email, returnCode: {} })).response.verificationCode;
    const first = await change(`one-${userId}@mail.example`);
    const second = await change(`two-${userId}@mail.example`);
    const prove = (verificationCode: unknown) =>
      door.ask('VerifyEmail', { userId, verificationCode: String(verificationCode) });
    expect(await prove(first)).toMatchObject(isWrong);
    const { response } = await door.ask('ResendEmailCode', { userId, returnCode: {} });
    expect(await prove(second)).toMatchObject(isWrong);
    expect(await prove(response.verificationCode)).toMatchObject({ code: 'OK' });
    expect(await door.user(userId)).toMatchObject({ human: { email: { isVerified: true } } });
    expect(await door.ask('SendEmailCode', { userId, returnCode: {} })).toMatchObject({
      code: 'FailedPrecondition',
      details: [{ id: 'LATCH-ema1lver' }, {}],
    });
    const update = { userId, human: { email: { email: `three-${userId}@mail.example`, returnCode: {} } } };
    const emailCode = (await door.ask('UpdateUser', update)).response.emailCode;
    expect(await prove(emailCode)).toMatchObject({ code: 'OK' });
    const machine = await somebody({ kind: 'machine' });
    for (const [method, message] of [
      ['SendEmailCode', { returnCode: {} }],
      ['VerifyEmail', { verificationCode: 'AAAAAA' }],
      ['PasswordReset', { returnCode: {} }],
    ] as const) {
      expect(await door.ask(method, { userId: machine, ...message })).toMatchObject({
        code: 'FailedPrecondition',
      });
    }
  });

  test('a code is good for an hour and five tries, and void by what makes it needless', async () => {
    const lasts = await somebody();
    const code = await resetCode(lasts);
    server.clock.nowMs += hourMs - 1;
    expect(await setBy(lasts, code)).toMatchObject({ code: 'OK' });
    const late = await resetCode(lasts);
    server.clock.nowMs += hourMs;
    expect(await setBy(lasts, late)).toMatchObject(isWrong);
    // Nor does one last until a clock has caught up with one that ran ahead when it was made.
    server.clock.nowMs += 24 * hourMs;
    const ahead = await resetCode(lasts);
    server.clock.nowMs -= 24 * hourMs;
    expect(await setBy(lasts, ahead)).toMatchObject(isWrong);

    for (const [tries, then] of [
      [4, { code: 'OK' }],
      [5, isWrong],
    ] as const) {
      const userId = await somebody();
      const tried = await resetCode(userId);
      for (let nth = 1; nth <= tries; nth += 1) {
        expect(await setBy(userId, wrongCode())).toMatchObject({ details: [{ failedAttempts: nth }, {}] });
      }
      expect(await setBy(userId, tried)).toMatchObject(then);
    }

    for (const voids of [
      (userId: string) => resetCode(userId),
      (userId: string) => door.ask('SetPassword', { userId, newPassword: { password } }),
      async (userId: string) => {
        await server.people.act(userId, 'lock');
        await server.people.act(userId, 'unlock');
      },
      async (userId: string) => {
        await server.people.act(userId, 'deactivate');
        await server.people.act(userId, 'reactivate');
      },
      async (userId: string) => {
        await server.people.act(userId, 'delete');
        await somebody({ userId });
      },
    ]) {
      const userId = await somebody();
      const before = await resetCode(userId);
      await voids(userId);
      expect(await setBy(userId, before)).toMatchObject(isWrong);
    }
  }, 240_000);

  test('wrong codes and wrong passwords are counted together, and lock together', async () => {
    const userId = await somebody();
    await resetCode(userId);
    for (let nth = 1; nth <= 8; nth += 1) {
      const answer =
        nth % 2 === 0
          ? await setBy(userId, wrongCode())
          : await door.ask('SetPassword', {
              ...{ userId, currentPassword: `wrong ${nth}`, newPassword: { password: 'n' } },
            });
      expect(answer).toMatchObject({ details: [{ failedAttempts: nth }, {}] });
    }
    expect(await stateOf(userId)).toBe('USER_STATE_LOCKED');
    const types = await typesOf(userId);
    expect(types.filter((type) => type === 'user.locked')).toHaveLength(1);
    expect(await setBy(userId, await resetCode(userId))).toMatchObject({
      details: [{ id: 'SESSION-Gj4ko' }, {}],
    });
    expect(await stateOf(userId)).toBe('USER_STATE_LOCKED');
  });

  const lockedByPolicy = async () => {
    const userId = await somebody({ organization: 'lenient' });
    for (let nth = 1; nth <= 3; nth += 1) {
      await door.ask('SetPassword', { userId, currentPassword: `no ${nth}`, newPassword: { password: 'n' } });
    }
    expect(await stateOf(userId)).toBe('USER_STATE_LOCKED');
    return userId;
  };

  test('where the policy says so, a reset ends its own lock, with an event and a cause', async () => {
    const userId = await lockedByPolicy();
    const code = await resetCode(userId);
    expect(await setBy(userId, wrongCode())).toMatchObject(isWrong);
    expect(await stateOf(userId)).toBe('USER_STATE_LOCKED');
    expect(await setBy(userId, code)).toMatchObject({ code: 'OK' });
    expect(await stateOf(userId)).toBe('USER_STATE_ACTIVE');
    expect((await door.events(userId)).slice(-2)).toMatchObject([
      { type: 'user.human.password.changed' },
      { type: 'user.unlocked', payload: { cause: 'password_reset' } },
    ]);
    expect(await signIn(userId, 'next horse')).toBe('OK');
  });

  test('no code ends the lock of an administrator, and none moves who is inactive or initial', async () => {
    for (const [state, set] of [
      ['locked', 'FailedPrecondition'],
      ['inactive', 'FailedPrecondition'],
      ['initial', 'OK'],
      ['active', 'OK'],
    ] as const) {
      const userId = await somebody({ organization: 'lenient', state });
      const before = await stateOf(userId);
      expect(await setBy(userId, await resetCode(userId))).toMatchObject({ code: set });
      expect(await stateOf(userId)).toBe(before);
      const email = { userId, email: `${userId}@other.example`, returnCode: {} };
      const verificationCode = String((await door.ask('SetEmail', email)).response.verificationCode);
      expect(await door.ask('VerifyEmail', { userId, verificationCode })).toMatchObject({ code: set });
      expect(await stateOf(userId)).toBe(before);
    }
  });

  test('every history folds to its rows', async () => {
    expect(await verify(server.app.store)).toMatchObject({ problems: [] });
  });
});
