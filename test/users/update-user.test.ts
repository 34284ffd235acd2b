import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verify } from '../../src/queries/verify/verify.ts';
import { type Dialect, dialects, openClients } from '../support/dialects/all.ts';
import { type Door, openDoor } from '../support/door.ts';
import type { MethodName } from '../support/methods.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';

const phone = '+41 44 000 00 00';
const long = (length: number) => 'x'.repeat(length);
const inUpdate = (field: string, length: number): readonly (readonly [MethodName, JsonObject])[] => [
  ['UpdateUser', { human: { profile: { [field]: long(length) } } }],
];

/** Refused by a rule of the field, before anybody is looked up. */
const refused: readonly (readonly [field: string, MethodName, JsonObject])[] = [
  ...['givenName', 'familyName', 'nickName', 'displayName'].flatMap((field) =>
    [0, 201].flatMap((length) => inUpdate(field, length).map((call) => [field, ...call] as const)),
  ),
  ...[0, 11].map(
    (length) =>
      [
        'preferredLanguage',
        'UpdateUser',
        { human: { profile: { preferredLanguage: long(length) } } },
      ] as const,
  ),
  ['username', 'UpdateUser', { username: '' }],
  ['username', 'UpdateUser', { username: long(201) }],
  ['username', 'UpdateUser', { username: 'a\0b' }],
  ['username', 'UpdateHumanUser', { username: '' }],
  ['profile.given_name', 'UpdateHumanUser', { profile: { givenName: '', familyName: 'Family' } }],
  ['profile.family_name', 'UpdateHumanUser', { profile: { givenName: 'Given' } }],
  ['machine.name', 'UpdateUser', { machine: { name: long(201) } }],
  ['machine.description', 'UpdateUser', { machine: { description: long(501) } }],
  ['password_type', 'UpdateUser', { human: { password: {} } }],
  ['password.password', 'UpdateUser', { human: { password: { password: { password: '' } } } }],
  ['email', 'SetEmail', {}],
  ['email', 'SetEmail', { email: long(201) }],
  ['email', 'SetEmail', { email: 'no address' }],
  ['email', 'SetEmail', { email: '@mail.example' }],
  ['email', 'SetEmail', { email: 'ada@' }],
  ['email', 'SetEmail', { email: 'ada @mail.example' }],
  ['email', 'UpdateHumanUser', { email: { email: 'no address' } }],
  ['is_verified', 'SetEmail', { email: 'a@mail.example', isVerified: false }],
  ['phone', 'SetPhone', {}],
  ['phone', 'SetPhone', { phone: long(201) }],
  ['is_verified', 'SetPhone', { phone, isVerified: false }],
  ['user_id', 'RemovePhone', { userId: long(201) }],
  ['domain', 'ListAuthenticationMethodTypes', { domainQuery: { domain: long(201) } }],
];

const byRpc = (dialect: Dialect) => !dialect.name.includes('on the REST URL');

describe.each(stores)('users kept current, on %s', (kind, openDatabase) => {
  const resources = new AsyncDisposableStack();
  let server: TestServer;
  let door: Door;
  let clients: ReturnType<typeof openClients>;
  let owner: string;
  let count = 0;

  beforeAll(async () => {
    const { database } = resources.use(await openDatabase());
    server = resources.use(await startServer({ database, flags: ['--lockout-attempts', '5'] }));
    for (const id of ['acme', 'beta']) await server.people.organization(id);
    owner = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    door = resources.use(openDoor(server.url, owner));
    clients = resources.use(openClients(server.url));
  });
  afterAll(() => resources.disposeAsync());

  const somebody = (more: object = {}) => server.people.user({ organization: 'acme', ...more });
  const typesOf = async (userId: string) => (await door.events(userId)).map(({ type }) => type);
  const fresh = () => {
    count += 1;
    return `fresh-${kind}-${count}`;
  };

  test('every rule of a field refuses by its name, in every dialect', async () => {
    const userId = await somebody({ userId: 'ruled' });
    // The rules stand before the store: once in every dialect is enough.
    const asked = dialects.filter(byRpc).slice(0, kind === 'sqlite' ? undefined : 1);
    for (const dialect of asked) {
      for (const [field, method, message] of refused) {
        const answer = await clients.ask(dialect, { method, message: { userId, ...message }, token: owner });
        expect([field, method, dialect.name, answer.code]).toEqual([
          field,
          method,
          dialect.name,
          'InvalidArgument',
        ]);
        expect(answer.message).toMatch(
          new RegExp(field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)),
        );
      }
    }
    expect(await typesOf(userId)).toEqual(['user.human.added']);
  });

  test('each call changes what is given, in every dialect, and nothing where nothing is another', async () => {
    for (const dialect of dialects.filter(byRpc)) {
      const userId = await somebody();
      const username = fresh();
      const email = `${username}@mail.example`;
      const profile = {
        nickName: 'Nick',
        displayName: 'Shown',
        preferredLanguage: 'de',
        gender: 'GENDER_DIVERSE',
      };
      const changes: readonly (readonly [MethodName, JsonObject])[] = [
        ['UpdateUser', { username, human: { profile } }],
        ['UpdateHumanUser', { profile: { givenName: 'Ada', familyName: 'Moreau' } }],
        ['SetEmail', { email, isVerified: true }],
        ['SetPhone', { phone }],
        ['SetPhone', { phone, isVerified: true }],
        ['RemovePhone', {}],
      ];
      for (const [method, message] of changes) {
        for (let twice = 0; twice < 2; twice += 1) {
          const answer = await clients.ask(dialect, {
            method,
            message: { userId, ...message },
            token: owner,
          });
          expect([dialect.name, method, answer.code]).toEqual([dialect.name, method, 'OK']);
        }
      }
      expect(await typesOf(userId)).toEqual([
        'user.human.added',
        'user.username.changed',
        'user.human.profile.changed',
        'user.human.profile.changed',
        'user.human.email.changed',
        'user.human.email.verified',
        'user.human.phone.changed',
        'user.human.phone.changed',
        'user.human.phone.removed',
      ]);
      const shown = (await door.user(userId)) as JsonObject;
      expect(shown).toMatchObject({
        username,
        human: {
          profile: { ...profile, givenName: 'Ada', familyName: 'Moreau' },
          email: { email, isVerified: true },
        },
      });
      expect((shown.human as JsonObject).phone).toBeUndefined();
      const methods = { method: 'ListAuthenticationMethodTypes', message: { userId }, token: owner } as const;
      expect((await clients.ask(dialect, methods)).response.authMethodTypes).toEqual([
        'AUTHENTICATION_METHOD_TYPE_PASSWORD',
      ]);
    }
    expect(await verify(server.app.store)).toMatchObject({ problems: [] });
  });

  test('a machine is changed as a machine, and a person as a person', async () => {
    const machine = await somebody({ kind: 'machine' });
    const person = await somebody();
    const other = { code: 'FailedPrecondition', details: [{ id: 'LATCH-us3rk1nd' }, {}] };
    const change = { name: 'Import', description: 'At night' };
    expect(await door.ask('UpdateUser', { userId: machine, machine: change })).toMatchObject({ code: 'OK' });
    expect((await door.user(machine))?.machine).toMatchObject(change);
    expect(await door.ask('UpdateUser', { userId: person, machine: change })).toMatchObject(other);
    for (const [method, message] of [
      ['UpdateUser', { human: { phone: { phone } } }],
      ['UpdateHumanUser', { email: { email: 'm@mail.example' } }],
      ['SetEmail', { email: 'm@mail.example' }],
      ['SetPhone', { phone }],
    ] as const) {
      expect(await door.ask(method, { userId: machine, ...message })).toMatchObject(other);
    }
    expect(await typesOf(machine)).toEqual(['user.machine.added', 'user.machine.changed']);
  });

  test('a new name or address of somebody else in the organization is refused, all or nothing', async () => {
    const [taken, userId] = [fresh(), await somebody()];
    await somebody({ userId: taken });
    const nameTaken = { code: 'AlreadyExists', details: [{ id: 'LATCH-us3rname' }, {}] };
    const before = await door.user(userId);
    for (const [method, message] of [
      ['UpdateUser', { username: taken.toUpperCase(), human: { phone: { phone } } }],
      ['UpdateUser', { username: `${taken}@acme.example` }],
      ['UpdateUser', { username: `${taken}@MAIL.example` }],
      ['SetEmail', { email: `${taken}@mail.example` }],
      ['SetEmail', { email: `${taken}@acme.example`, isVerified: true }],
      ['UpdateHumanUser', { email: { email: `${taken}@MAIL.example` } }],
    ] as const) {
      expect(await door.ask(method, { userId, ...message })).toMatchObject(nameTaken);
    }
    expect(await door.user(userId)).toEqual(before);
    const own = {
      userId,
      username: userId.toUpperCase(),
      human: { email: { email: `${userId}@acme.example` } },
    };
    expect(await door.ask('UpdateUser', own)).toMatchObject({ code: 'OK' });
    const elsewhere = await server.people.user({ organization: 'beta' });
    expect(await door.ask('UpdateUser', { userId: elsewhere, username: taken })).toMatchObject({
      code: 'OK',
    });
    const events = await door.events(elsewhere);
    expect(events.at(-1)?.payload).toMatchObject({ userName: taken, sharedNames: [taken] });
  });

  test('of many who want one name at once, one gets it', async () => {
    const people = await Promise.all(Array.from({ length: 8 }, () => somebody()));
    for (let round = 0; round < 5; round += 1) {
      const name = fresh();
      const answers = await Promise.all(
        people.map((userId, at) =>
          at % 2 === 0
            ? door.ask('UpdateUser', { userId, username: `${name}@mail.example` })
            : door.ask('SetEmail', { userId, email: `${name}@mail.example` }),
        ),
      );
      expect(answers.map(({ code }) => code).sort()).toEqual([...Array(7).fill('AlreadyExists'), 'OK']);
    }
  });

  test.each([
    'initial',
    'active',
    'inactive',
    'locked',
  ] as const)('no change moves who is %s, or gives fresh attempts', async (state) => {
    const userId = await somebody({ state });
    if (state === 'active') {
      await door.ask('SetPassword', { userId, currentPassword: 'wrong', newPassword: { password: 'n' } });
    }
    const lockOf = async () => (await door.ask('ExplainUser', { userId })).response;
    const before = { state: (await door.user(userId))?.state, lock: (await lockOf()).failedAttempts };
    for (const [method, message] of [
      ['UpdateUser', { username: fresh() }],
      ['UpdateHumanUser', { profile: { givenName: 'Ada', familyName: 'Moreau' } }],
      ['SetEmail', { email: `${fresh()}@mail.example` }],
      ['SetEmail', { email: `${fresh()}@mail.example`, isVerified: true }],
      ['SetPhone', { phone }],
      ['RemovePhone', {}],
    ] as const) {
      expect(await door.ask(method, { userId, ...message })).toMatchObject({ code: 'OK' });
      expect({ state: (await door.user(userId))?.state, lock: (await lockOf()).failedAttempts }).toEqual(
        before,
      );
    }
    if (state === 'active') {
      const wrong = { userId, currentPassword: 'wrong again', newPassword: { password: 'n' } };
      const { details } = await door.ask('SetPassword', wrong);
      expect(details[0]).toMatchObject({ failedAttempts: 2 });
    }
  });

  test('a wrong current password changes nothing, and counts', async () => {
    const userId = await somebody();
    const update = (currentPassword: string) =>
      door.ask('UpdateUser', {
        ...{ userId, username: `new-${userId}` },
        human: { password: { password: { password: 'next horse' }, currentPassword } },
      });
    expect(await update('wrong')).toMatchObject({
      details: [{ id: 'COMMAND-3M0fs', failedAttempts: 1 }, {}],
    });
    expect(await door.user(userId)).toMatchObject({ username: userId });
    expect(await update('correct horse')).toMatchObject({ code: 'OK' });
    expect(await door.user(userId)).toMatchObject({ username: `new-${userId}` });
    expect((await typesOf(userId)).slice(-2)).toEqual([
      'user.username.changed',
      'user.human.password.changed',
    ]);
  });

  test('what a manager of one organization gives out reaches no further than it', async () => {
    const role = { role: 'ORG_USER_MANAGER', organization: 'acme' };
    const manager = await server.people.caller({ organization: 'acme', roles: [role] });
    const [userId, name] = [await somebody(), fresh()];
    const email = `${name}@other.example`;
    await door.ask('UpdateUser', { userId, username: name }, manager);
    await door.ask('SetEmail', { userId, email, isVerified: true }, manager);
    const payloads = async () => (await door.events(userId)).slice(1).map(({ payload }) => payload);
    expect(await payloads()).toEqual([
      { userName: name, userNameLocal: true },
      { email },
      { emailLocal: true, userNameLocal: true },
    ]);
    await door.ask('SetEmail', { userId, email, isVerified: true });
    expect((await payloads()).at(-1)).toEqual({ userNameLocal: true });
  });
});
