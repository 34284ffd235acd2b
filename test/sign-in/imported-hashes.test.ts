import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verify } from '../../src/queries/verify/verify.ts';
import { signDevice } from '../../src/sign-in/device-token.ts';
import { isOwnHash } from '../../src/sign-in/password.ts';
import { openDoor } from '../support/door.ts';
import { password } from '../support/people.ts';
import { openSignIns, type SignInFixture, wrongPassword } from '../support/sessions.ts';
import { startServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';

const salt = 'c29tZXNhbHQ';
const tag = 'nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';
const bcryptTail = 'CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';

describe.each(stores.map(([kind]) => kind))('an imported hash on %s', (kind) => {
  let fixture: SignInFixture;
  beforeAll(async () => {
    fixture = await openSignIns({ store: kind });
  });
  afterAll(async () => {
    expect(await verify(fixture.server.app.store)).toMatchObject({ problems: [] });
    await fixture[Symbol.asyncDispose]();
  });

  // People's own is bcrypt's, of cost 4.
  const imported = () => fixture.server.people.user({ organization: 'home' });
  const hashOf = async (userId: string) =>
    (await fixture.server.app.store.loadPasswordHash(userId as never)) ?? '';

  test('is one of our own after the first right sign-in, and not after a wrong one', async () => {
    const userId = await imported();
    const before = await hashOf(userId);
    expect((await fixture.signIn(userId, 'wrong')).message).toBe(wrongPassword);
    expect(await hashOf(userId)).toBe(before);
    const first = await fixture.signIn(userId);
    expect(first).toMatchObject({ code: 'OK' });
    const after = await hashOf(userId);
    expect([isOwnHash(before), isOwnHash(after)]).toEqual([false, true]);
    expect((await fixture.signIn(userId, 'wrong')).message).toBe(wrongPassword);
    expect(await fixture.signIn(userId)).toMatchObject({ code: 'OK' });
    expect(await hashOf(userId)).toBe(after);
    // The device that it came from is known by the new one.
    await fixture.server.people.act(userId, 'lock');
    await fixture.server.people.act(userId, 'unlock');
    const { deviceToken = '' } = first.response;
    const again = await fixture.signIn(userId, password, { deviceToken });
    expect(again).toMatchObject({ code: 'OK' });
    expect(again.response).not.toHaveProperty('deviceToken');
    const events = await fixture.server.app.store.listEvents({
      ...{ afterPosition: 0, limit: 100, userId: userId as never },
    });
    expect(JSON.stringify(events)).not.toContain('argon2');
    expect(events.map(({ type }) => type)).not.toContain('user.human.password.changed');
  });

  test('that a known device’s token was made with leaves the device known, by a new token', async () => {
    const userId = await imported();
    const { store, now } = fixture.server.app;
    const user = await store.loadUser(userId as never);
    if (user === undefined) throw new Error('nobody');
    const owner = { ...user, passwordHash: await hashOf(userId) };
    const known = signDevice(await store.loadSigningKey(), owner, { deviceId: 'phone', issuedAt: now() });
    const { response } = await fixture.signIn(userId, password, { deviceToken: known });
    expect(isOwnHash(await hashOf(userId))).toBe(true);
    const next = await fixture.signIn(userId, 'wrong', { deviceToken: response.deviceToken ?? null });
    expect(next.details[0]).toMatchObject({ failedAttempts: 1 });
    expect(await store.loadUser(userId as never)).toMatchObject({
      failedPasswordAttempts: 0,
      lockout: { devices: { phone: [expect.any(Number)] } },
    });
  });
});

// In units of one of our own: 19 MiB and two passes.
describe('an imported hash costs', () => {
  const bcrypt = (cost: number) => `$2b$${String(cost).padStart(2, '0')}$${bcryptTail}`;
  const argon2 = (memoryKib: number, passes: number) =>
    `$argon2id$v=19$m=${memoryKib},t=${passes},p=1$${salt}$${tag}`;
  const costly = {
    code: 'InvalidArgument',
    details: [{ id: 'LATCH-pwhashc0' }, { reason: 'PASSWORD_HASH_COSTLY' }],
  };
  test.each([
    ['8 at most', [], bcrypt(12), bcrypt(13)],
    ['8 at most', [], argon2(77_824, 4), argon2(77_825, 4)],
    ['as much as the server is set to', ['--imported-hash-cost-max', '28'], bcrypt(14), argon2(118_000, 10)],
    ['no more than one of our own', ['--imported-hash-cost-max', '1'], argon2(19_456, 2), bcrypt(10)],
  ])('%s', async (_, flags, taken, refused) => {
    await using server = await startServer({ flags });
    await server.people.organization('home');
    const roles = [{ role: 'ORG_OWNER', organization: 'home' }];
    await using door = openDoor(server.url, await server.people.caller({ organization: 'home', roles }));
    const ask = (userId: string, hash: string) => {
      const profile = { givenName: 'Given', familyName: 'Family' };
      const human = { profile, email: { email: `${userId}@mail.example` }, hashedPassword: { hash } };
      return door.ask('CreateUser', { organizationId: 'home', userId, human });
    };
    expect(await ask('dear', refused)).toMatchObject(costly);
    expect(await door.user('dear')).toBeUndefined();
    expect(await ask('fine', taken)).toMatchObject({ code: 'OK' });
  });
});
