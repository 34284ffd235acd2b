import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Door, openDoor } from '../support/door.ts';
import { password } from '../support/people.ts';
import { startServer, type TestServer } from '../support/start-server.ts';

let server: TestServer;
let door: Door;
let count = 0;

beforeAll(async () => {
  server = await startServer();
  await server.people.organization('acme');
  await server.people.organization('beta');
  const roles = ['IAM_OWNER'];
  door = openDoor(server.url, await server.people.caller({ organization: 'acme', roles }));
});
afterAll(async () => {
  await door[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const profile = { givenName: 'Ada', familyName: 'Moreau' };
const fresh = () => {
  count += 1;
  return `fresh-${count}@mail.example`;
};
const human = (more: JsonObject = {}, email: JsonObject = {}) => ({
  profile,
  email: { email: fresh(), ...email },
  ...more,
});
const notFound = { code: 'NotFound', message: 'Organization could not be found (LATCH-0rgn0tfd)' };
const userExists = {
  code: 'AlreadyExists',
  message: 'User already exists (LATCH-us3rdup1)',
  httpStatus: 409,
};
const nameTaken = { message: 'User name is taken in this organization (LATCH-us3rname)', httpStatus: 409 };

const verified = { isVerified: true };
const withPassword = { password: { password: 'correct horse' } };

describe('where a user starts', () => {
  test.each([
    ['a password and a verified address', withPassword, verified, 'ACTIVE'],
    ['a password and an address not verified', withPassword, { isVerified: false }, 'INITIAL'],
    ['a password and an address that nothing is said of', withPassword, {}, 'INITIAL'],
    ['a verified address without a password', {}, verified, 'INITIAL'],
    ['neither', {}, {}, 'INITIAL'],
  ])('a person with %s', async (_, more, email, state) => {
    const created = await door.ask('CreateUser', { organizationId: 'acme', human: human(more, email) });
    const added = await door.ask('AddHumanUser', human(more, email));
    const creationDate = new Date(server.clock.nowMs).toISOString();
    expect(created.response).toEqual({ id: expect.any(String), creationDate });
    expect(added.response).toEqual({
      userId: expect.any(String),
      details: { sequence: '1', changeDate: creationDate, resourceOwner: 'acme', creationDate },
    });
    for (const id of [created.response.id, added.response.userId]) {
      expect(await door.user(String(id))).toMatchObject({ state: `USER_STATE_${state}` });
    }
  });

  test('a machine is active', async () => {
    const machine = { name: 'Robot', description: 'paints' };
    const { response } = await door.ask('CreateUser', { organizationId: 'acme', machine });
    expect(await door.user(String(response.id))).toEqual({
      userId: response.id,
      details: expect.any(Object),
      state: 'USER_STATE_ACTIVE',
      username: response.id,
      loginNames: [`${response.id}@acme.example`],
      preferredLoginName: `${response.id}@acme.example`,
      machine,
    });
  });

  test('everything said of a person is there to be read', async () => {
    const all = {
      profile: {
        ...profile,
        ...{ nickName: 'Ad', displayName: 'A. M.', preferredLanguage: 'fr', gender: 'GENDER_DIVERSE' },
      },
      email: { email: 'all@mail.example', isVerified: true },
      phone: { phone: '+41 44 000 00 00', isVerified: true },
      password: { password: 'correct horse', changeRequired: true },
    };
    const { response } = await door.ask('CreateUser', {
      organizationId: 'acme',
      username: 'all',
      human: all,
    });
    expect(await door.user(String(response.id))).toMatchObject({
      username: 'all',
      human: {
        profile: all.profile,
        email: all.email,
        phone: all.phone,
        passwordChangeRequired: true,
        passwordChanged: new Date(server.clock.nowMs).toISOString(),
      },
    });
    const told = JSON.stringify(await door.events(String(response.id)));
    expect(told).toContain('user.human.added');
    expect(told).not.toMatch(/correct horse|argon2/);
  });
});

describe('which organization', () => {
  test.each([
    ['its id', { organization: { orgId: 'beta' } }, {}, 'beta'],
    ['its domain, in any letter case', { organization: { orgDomain: 'Beta.EXAMPLE' } }, {}, 'beta'],
    ["the caller's own where none is named", {}, {}, 'acme'],
    ["the header's where none is named", {}, { 'x-zitadel-orgid': 'beta' }, 'beta'],
    [
      "the named one against the header's",
      { organization: { orgId: 'acme' } },
      { 'x-zitadel-orgid': 'beta' },
      'acme',
    ],
  ])('%s', async (_, named, headers, resourceOwner) => {
    const answer = await door.ask('AddHumanUser', { ...named, ...human() }, undefined, headers);
    expect(answer.response.details).toMatchObject({ resourceOwner });
  });

  test.each([
    ['AddHumanUser', { organization: { orgId: 'nowhere' } }],
    ['AddHumanUser', { organization: { orgDomain: 'nowhere.example' } }],
    ['CreateUser', { organizationId: 'nowhere' }],
  ] as const)('unknown: %s %j', async (method, named) => {
    const message = method === 'CreateUser' ? { ...named, human: human() } : { ...named, ...human() };
    expect(await door.ask(method, message)).toMatchObject(notFound);
  });
});

describe('ids', () => {
  const machineWith = (userId: string, organizationId = 'acme') =>
    door.ask('CreateUser', { organizationId, userId, machine: { name: 'Robot' } });

  test('one given is kept, one taken is refused, in any organization', async () => {
    expect((await machineWith('given')).response.id).toBe('given');
    expect(await machineWith('given')).toMatchObject(userExists);
    expect(await machineWith('given', 'beta')).toMatchObject(userExists);
    expect(await door.ask('AddHumanUser', { userId: 'given', ...human() })).toMatchObject(userExists);
  });

  test('of many at the same time, one gets it', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => machineWith('raced')));
    expect(answers.map(({ code }) => code).sort()).toEqual([...Array(7).fill('AlreadyExists'), 'OK']);
    expect(await door.events('raced')).toHaveLength(1);
  });

  test.each([
    ['NUL', 'a\0b'],
    ['half a surrogate pair', 'a\ud800b'],
  ])('no id with %s', async (_, userId) => {
    const answer = await machineWith(userId);
    expect(answer).toMatchObject({ code: 'InvalidArgument', httpStatus: 400 });
  });

  test('one used again in another organization inherits nothing', async () => {
    const { people } = server;
    const userId = await people.user({ organization: 'acme', kind: 'machine', userId: 'again' });
    await people.grant(userId, 'IAM_OWNER');
    const token = await people.token(userId);
    await people.act(userId, 'delete');
    expect(await machineWith(userId, 'beta')).toMatchObject({ code: 'OK' });
    expect(await door.user(userId)).toMatchObject({ details: { resourceOwner: 'beta', sequence: '5' } });
    expect(await door.ask('ListUsers', {}, token)).toMatchObject({ code: 'Unauthenticated' });
    const grants = await door.ask('ListGrants', { userId });
    expect(grants.response.grants).toBeUndefined();
    const tokens = await door.ask('ListPersonalAccessTokens', {
      filters: [{ userIdFilter: { id: userId } }],
    });
    expect(tokens.response.result).toBeUndefined();
    // A token of its own opens nothing either that only the former user's roles did.
    const own = await people.token(userId);
    expect(await door.ask('ListUsers', {}, own)).toMatchObject({ code: 'PermissionDenied' });
    const owner = [{ role: 'ORG_OWNER', organization: 'acme' }];
    const former = await people.caller({ organization: 'acme', roles: owner });
    expect(await door.ask('GetUserByID', { userId }, former)).toMatchObject({ code: 'NotFound' });
  });

  test('nor a password, nor the count of wrong ones', async () => {
    const check = async (userId: string, currentPassword: string) =>
      door.ask('SetPassword', { userId, currentPassword, newPassword: { password: 'next' } });
    for (const userId of ['bare', 'new-password']) {
      await server.people.user({ organization: 'acme', userId });
      for (let wrong = 1; wrong <= 4; wrong += 1) await check(userId, 'wrong');
      await server.people.act(userId, 'delete');
    }
    const again = { organization: { orgId: 'beta' } };
    await door.ask('AddHumanUser', { userId: 'bare', ...again, ...human() });
    expect(await check('bare', password)).toMatchObject({
      message: 'User has not set a password (COMMAND-3nJ4t)',
    });
    const next = { password: { password: 'another' } };
    await door.ask('AddHumanUser', { userId: 'new-password', ...again, ...human(next, verified) });
    expect((await check('new-password', password)).details[0]).toMatchObject({ failedAttempts: 1 });
    expect(await check('new-password', 'another')).toMatchObject({ code: 'OK' });
  });
});

describe('user names', () => {
  const named = (username: string | undefined, organizationId = 'acme') =>
    door.ask('CreateUser', { organizationId, ...(username && { username }), machine: { name: 'Robot' } });

  test.each([
    ['letter case', 'Grace', 'gRACE'],
    ['letter case beyond ASCII', 'ÉMILE', 'émile'],
    ['composed and not', 'zo\u00eb', 'zoe\u0308'],
    ['full width', 'wide', 'ＷＩＤＥ'],
    ['ligatures', 'fish', 'ﬁsh'],
    ['look-alikes that Unicode calls the same', 'kelvin', '\u212Aelvin'],
  ])('two that differ by %s are one', async (_, first, second) => {
    expect(await named(first)).toMatchObject({ code: 'OK' });
    expect(await named(second)).toMatchObject(nameTaken);
    expect(await named(second, 'beta')).toMatchObject({ code: 'OK' });
  });

  test('of many at the same time, one gets it', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => named('racer')));
    expect(answers.map(({ code }) => code).sort()).toEqual([...Array(7).fill('AlreadyExists'), 'OK']);
  });

  test("a person's is the e-mail address where none is given, and collides like any other", async () => {
    const email = { email: 'Ada@mail.example' };
    const { response } = await door.ask('AddHumanUser', human({}, email));
    expect(await door.user(String(response.userId))).toMatchObject({
      username: 'Ada@mail.example',
      preferredLoginName: 'Ada@mail.example@acme.example',
    });
    expect(await door.ask('AddHumanUser', human({}, { email: 'ada@MAIL.example' }))).toMatchObject(nameTaken);
  });

  test('free again once its user is deleted', async () => {
    const { response } = await named('freed');
    await server.people.act(String(response.id), 'delete');
    expect(await named('FREED')).toMatchObject({ code: 'OK' });
  });
});
