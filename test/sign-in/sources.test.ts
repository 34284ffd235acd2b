import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { signDevice } from '../../src/sign-in/device-token.ts';
import { password } from '../support/people.ts';
import { repetitions } from '../support/repetitions.ts';
import { notActive, openSignIns, type SignInFixture, setPolicy, wrongPassword } from '../support/sessions.ts';
import { stores } from '../support/stores.ts';

const addressFailing =
  'Too many sign-ins have failed from this address, please try again later (LATCH-addrfa1l)';

describe.each(stores.map(([kind]) => kind))('sources of sign-ins on %s', (kind) => {
  let fixture: SignInFixture;
  beforeAll(async () => {
    fixture = await openSignIns({ store: kind });
  });
  afterAll(async () => {
    await fixture[Symbol.asyncDispose]();
  });
  const person = () => fixture.server.people.user({ organization: 'home' });
  let addresses = 0;
  const address = (): JsonObject => {
    addresses += 1;
    return { userAgent: { ip: `198.18.${addresses >> 8}.${addresses & 255}` } };
  };
  const fail = async (userId: string, count: number) => {
    for (let nth = 0; nth < count; nth += 1) await fixture.signIn(userId, `wrong ${nth}`, address());
  };
  const deviceOf = async (userId: string) => String((await fixture.signIn(userId)).response.deviceToken);

  test('nobody can lock a victim out for ever: their known device signs in, a fresh one is refused', async () => {
    await setPolicy(fixture, {});
    const userId = await person();
    const deviceToken = await deviceOf(userId);
    // Each refusal takes as long as a check: on one store the whole siege, on the other enough to see it is the same.
    const attempts = repetitions({ few: 50, many: kind === 'sqlite' ? 1_000 : 100 });
    for (let nth = 0; nth < attempts; nth += 1) {
      const { message } = await fixture.signIn(userId, `guess ${nth}`, address());
      expect(message).toBe(nth < 5 ? wrongPassword : notActive);
      if (nth % 25 !== 24) continue;
      const owner = await fixture.signIn(userId, password, { deviceToken });
      expect(owner.code).toBe('OK');
      expect((await fixture.look(owner.response)).code).toBe('OK');
    }
    expect((await fixture.signIn(userId, password)).message).toBe(notActive);
    const user = await fixture.server.app.store.loadUser(userId as never);
    expect(user?.state).toBe('locked');
  }, 240_000);

  test('where locks end by time a fresh device is slowed, longer each time', async () => {
    await setPolicy(fixture, { lockSeconds: 60, lockGrowth: 2 });
    const userId = await person();
    for (const seconds of [60, 120]) {
      await fail(userId, 5);
      expect((await fixture.signIn(userId)).message).toBe(notActive);
      fixture.server.clock.nowMs += seconds * 1_000 - 1;
      expect((await fixture.signIn(userId)).message).toBe(notActive);
      fixture.server.clock.nowMs += 1;
    }
    expect((await fixture.signIn(userId)).code).toBe('OK');
  });

  test('a known device has a counter of its own, locks nobody, and is a stranger once it is full', async () => {
    await setPolicy(fixture, {});
    const userId = await person();
    const deviceToken = await deviceOf(userId);
    for (let nth = 1; nth <= 5; nth += 1) {
      const answer = await fixture.signIn(userId, `forgotten ${nth}`, { deviceToken });
      expect(answer).toMatchObject({ message: wrongPassword, details: [{ failedAttempts: nth }, {}] });
    }
    const asStranger = await fixture.signIn(userId, 'forgotten 6', { deviceToken });
    expect(asStranger).toMatchObject({ details: [{ failedAttempts: 1 }, {}] });
    expect((await fixture.signIn(userId)).code).toBe('OK');
  });

  test('an administrator’s lock stops a known device as well', async () => {
    const userId = await person();
    const deviceToken = await deviceOf(userId);
    await fixture.server.people.act(userId, 'lock');
    expect((await fixture.signIn(userId, password, { deviceToken })).message).toBe(notActive);
  });

  test('a device token is good for its user alone, for its life, and as it was signed', async () => {
    await setPolicy(fixture, {});
    const [userId, other] = [await person(), await person()];
    const deviceToken = await deviceOf(userId);
    await fail(userId, 5);
    const key = await fixture.server.app.store.loadSigningKey();
    const user = await fixture.server.app.store.loadUser(userId as never);
    const passwordHash = await fixture.server.app.store.loadPasswordHash(userId as never);
    if (user === undefined || passwordHash === undefined) throw new Error('no user');
    const issuedAt = fixture.server.clock.nowMs;
    const life = 180 * 86_400_000;
    const signed = (was: number, more: object = {}) =>
      signDevice(key, { ...user, passwordHash, ...more }, { deviceId: 'd', issuedAt: was });
    const forged = signDevice(new Uint8Array(32), { ...user, passwordHash }, { deviceId: 'd', issuedAt });
    const cases: readonly (readonly [string, boolean])[] = [
      [deviceToken, true],
      [signed(issuedAt - life + 1), true],
      [signed(issuedAt - life), false],
      [await deviceOf(other), false],
      [signed(issuedAt, { createdAt: user.createdAt - 1 }), false],
      [signed(issuedAt, { passwordHash: 'of the one before' }), false],
      [forged, false],
      [`${deviceToken.split('.')[0]}.`, false],
      ['not a token', false],
      ['', false],
    ];
    for (const [token, isGood] of cases) {
      const { message } = await fixture.signIn(userId, password, { deviceToken: token });
      expect(message).toBe(isGood ? '' : notActive);
    }
    await setPolicy(fixture, { knownDevices: false });
    const { message } = await fixture.signIn(userId, password, { deviceToken });
    expect(message).toBe(notActive);
    expect((await fixture.signIn(other)).response).not.toHaveProperty('deviceToken');
  });

  test('a new password makes every device a stranger, until it signs in with that', async () => {
    await setPolicy(fixture, {});
    const userId = await person();
    const deviceToken = await deviceOf(userId);
    const owner = await fixture.server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
    const renew = async (next: string) => {
      await fixture.door.ask('SetPassword', { userId, newPassword: { password: next } }, owner);
    };
    await renew('new horse');
    const again = await fixture.signIn(userId, 'new horse', { deviceToken });
    const { deviceToken: renewed = '' } = again.response;
    expect(renewed).not.toBe('');
    await fail(userId, 5);
    expect((await fixture.signIn(userId, 'new horse', { deviceToken })).message).toBe(notActive);
    expect((await fixture.signIn(userId, 'new horse', { deviceToken: renewed })).code).toBe('OK');
    // The same password set once more is a new one: whoever sets it may want to be rid of devices alone.
    await renew('new horse');
    expect((await fixture.signIn(userId, 'new horse', { deviceToken: renewed })).message).toBe(notActive);
  });

  test.each([
    ['a deactivation', 'deactivate', 'reactivate'],
    ['an administrator’s lock', 'lock', 'unlock'],
  ] as const)('%s and its end leave a device known: it opens nothing without the password', async (_, by, end) => {
    await setPolicy(fixture, {});
    const userId = await person();
    const deviceToken = await deviceOf(userId);
    await fixture.server.people.act(userId, by);
    expect((await fixture.signIn(userId, password, { deviceToken })).message).toBe(notActive);
    await fixture.server.people.act(userId, end);
    await fail(userId, 5);
    expect((await fixture.signIn(userId, password)).message).toBe(notActive);
    expect((await fixture.signIn(userId, password, { deviceToken })).code).toBe('OK');
  });

  test('the same wrong password soon after counts once, unless that is switched off', async () => {
    await setPolicy(fixture, {});
    const userId = await person();
    const counted = async (guess: string) =>
      (await fixture.signIn(userId, guess, address())).details[0]?.failedAttempts;
    expect([await counted('old'), await counted('old'), await counted('older')]).toEqual([1, 1, 2]);
    expect([await counted('old'), await counted('older')]).toEqual([2, 2]);
    fixture.server.clock.nowMs += 600_000;
    expect(await counted('old')).toBe(3);
    await setPolicy(fixture, { repeatsCountOnce: false });
    expect(await counted('old')).toBe(4);
  });

  test('a password that was wrong before is right once it is set', async () => {
    await setPolicy(fixture, {});
    const userId = await person();
    expect((await fixture.signIn(userId, 'soon')).message).toBe(wrongPassword);
    const owner = await fixture.server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
    await fixture.door.ask('SetPassword', { userId, newPassword: { password: 'soon' } }, owner);
    expect((await fixture.signIn(userId, 'soon')).code).toBe('OK');
  });

  test('an address that fails too often waits, whoever it fails as; a known device does not', async () => {
    await setPolicy(fixture, { addressFailuresMax: 3 });
    const people = await Promise.all([person(), person(), person(), person()]);
    const [owner = ''] = people;
    const deviceToken = await deviceOf(owner);
    const from = (ip: string, more: JsonObject = {}) => ({ userAgent: { ip }, ...more });
    for (const userId of people.slice(0, 3)) {
      expect((await fixture.signIn(userId, 'wrong', from('203.0.113.5'))).message).toBe(wrongPassword);
    }
    const retryAfter = { type: 'google.rpc.RetryInfo' };
    const refused = {
      code: 'ResourceExhausted',
      message: addressFailing,
      details: [{}, {}, expect.objectContaining(retryAfter)],
    };
    for (const userId of people) {
      expect(await fixture.signIn(userId, password, from('203.0.113.5'))).toMatchObject(refused);
      expect((await fixture.signIn(userId, password, from('203.0.113.6'))).code).toBe('OK');
    }
    const known = from('203.0.113.5', { deviceToken });
    expect((await fixture.signIn(owner, password, known)).code).toBe('OK');
    fixture.server.clock.nowMs += 600_000;
    expect((await fixture.signIn(owner, password, from('203.0.113.5'))).code).toBe('OK');
  });

  test('where nobody’s attempts are counted, a known device waits for its address like all others', async () => {
    await setPolicy(fixture, { maxPasswordAttempts: 0, addressFailuresMax: 3 });
    const userId = await person();
    const from = { deviceToken: await deviceOf(userId), ...address() };
    for (let nth = 1; nth <= 3; nth += 1) {
      expect((await fixture.signIn(userId, `guess ${nth}`, from)).message).toBe(wrongPassword);
    }
    expect((await fixture.signIn(userId, password, from)).message).toBe(addressFailing);
    expect((await fixture.signIn(userId, password, { ...from, ...address() })).code).toBe('OK');
  });

  test('a password that comes after the user counts for the address that the session was begun from', async () => {
    await setPolicy(fixture, { addressFailuresMax: 1 });
    const [victim, other] = [await person(), await person()];
    const inTwoSteps = async (userId: string, guess: string, ip: string) => {
      const begun = await fixture.door.ask('CreateSession', {
        checks: { user: { userId } },
        userAgent: { ip, description: `browser at ${ip}` },
      });
      const { sessionId = null, sessionToken = null } = begun.response;
      const checks = { password: { password: guess } };
      return fixture.door.ask('SetSession', { sessionId, sessionToken, checks });
    };
    expect((await inTwoSteps(victim, 'wrong', '203.0.113.90')).message).toBe(wrongPassword);
    expect((await inTwoSteps(other, password, '203.0.113.90')).message).toBe(addressFailing);
    expect((await inTwoSteps(other, password, '203.0.113.91')).code).toBe('OK');
    const query = { userId: victim as never, newestFirst: true, afterPosition: 0, limit: 1 };
    const [failure] = await fixture.server.app.store.listEvents(query);
    expect(failure?.meta).toMatchObject({ ip: '203.0.113.90', userAgent: 'browser at 203.0.113.90' });
  });

  test('who sends many at once gets no more attempts of an address than one after the other', async () => {
    await setPolicy(fixture, { addressFailuresMax: 3, maxPasswordAttempts: 0 });
    const userId = await person();
    const userAgent = { ip: '203.0.113.120' };
    const guesses = Array.from({ length: 12 }, (_, nth) =>
      fixture.signIn(userId, `at once ${nth}`, { userAgent }),
    );
    const messages = (await Promise.all(guesses)).map(({ message }) => message);
    expect(messages.filter((message) => message === wrongPassword)).toHaveLength(3);
    expect(messages.filter((message) => message === addressFailing)).toHaveLength(9);
  });

  test('addresses of one IPv6 subscriber count together, those of two do not', async () => {
    await setPolicy(fixture, { addressFailuresMax: 1 });
    const [one, other] = [await person(), await person()];
    const tries = async (userId: string, ip: string) =>
      (await fixture.signIn(userId, 'wrong', { userAgent: { ip } })).message;
    expect(await tries(one, '2001:db8:1:2::1')).toBe(wrongPassword);
    expect(await tries(other, '2001:DB8:1:2:ffff::9')).toBe(addressFailing);
    expect(await tries(other, '2001:db8:1:3::1')).toBe(wrongPassword);
    expect(await tries(await person(), '::ffff:203.0.113.77')).toBe(wrongPassword);
    expect(await tries(await person(), '::ffff:203.0.113.78')).toBe(wrongPassword);
  });
});
