import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isOwnHash } from '../../src/sign-in/password.ts';
import { dialects, openClients } from '../support/dialects/all.ts';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';
import { openFiles } from './file.ts';

const human = (name: string, more: JsonObject = {}) => ({
  human: { givenName: 'Given', familyName: 'Family', email: `${name}@mail.example`, ...more },
});
const results = (answer: { readonly response: JsonObject }) =>
  (answer.response.results ?? []) as unknown as readonly Record<string, unknown>[];

describe.each(stores)('ImportUsers on %s', (_, openDatabase) => {
  const resources = new AsyncDisposableStack();
  let server: TestServer;
  let door: Door;
  let token: string;
  beforeAll(async () => {
    const { database } = resources.use(await openDatabase());
    server = resources.use(await startServer({ database }));
    await server.people.organization('home');
    token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
    door = resources.use(openDoor(server.url, token));
  });
  afterAll(() => resources.disposeAsync());
  const ask = (users: readonly JsonObject[], more: JsonObject = {}) =>
    door.ask('ImportUsers', { organizationId: 'home', users: [...users], ...more });

  test('answers for each in every dialect, and the same again for whoever is there', async () => {
    await using clients = openClients(server.url);
    // RPC comes by POST, and so does this URL.
    for (const [at, dialect] of dialects.entries()) {
      const users = [
        { userId: `d${at}`, ...human(`d${at}`), state: 'USER_STATE_LOCKED', lockReason: 'moved' },
        { userId: `m${at}`, machine: { name: 'Machine' } },
        human('no address', { email: 'none' }),
      ];
      const message = { organizationId: 'home', users };
      const first = await clients.ask(dialect, { method: 'ImportUsers', message, token });
      expect([dialect.name, results(first)]).toMatchObject([
        dialect.name,
        [
          { outcome: 'IMPORT_OUTCOME_CREATED', userId: `d${at}` },
          { outcome: 'IMPORT_OUTCOME_CREATED', userId: `m${at}` },
          {
            outcome: 'IMPORT_OUTCOME_REFUSED',
            reason: 'FIELD_INVALID',
            message: expect.stringMatching(/^email: /),
          },
        ],
      ]);
      const again = results(await clients.ask(dialect, { method: 'ImportUsers', message, token }));
      expect(again.map(({ outcome }) => outcome)).toEqual([
        ...['IMPORT_OUTCOME_UNCHANGED', 'IMPORT_OUTCOME_UNCHANGED', 'IMPORT_OUTCOME_REFUSED'],
      ]);
      expect(await door.user(`d${at}`)).toMatchObject({ state: 'USER_STATE_LOCKED' });
    }
  });

  test('takes a hundred at once, and not one more', async () => {
    const many = (count: number) => Array.from({ length: count }, (__, at) => human(`many-${at}`));
    expect(await ask(many(101))).toMatchObject({ code: 'InvalidArgument' });
    const taken = results(await ask(many(100)));
    expect(taken.filter(({ outcome }) => outcome === 'IMPORT_OUTCOME_CREATED')).toHaveLength(100);
    expect(results(await ask([]))).toEqual([]);
  });

  test.each([
    [
      'somebody deleted',
      { ...human('gone'), state: 'USER_STATE_DELETED' },
      /users\[0\]\.state: nobody is imported/,
    ],
    ['nobody at all', { userId: 'x' }, /profile/],
    [
      'a machine that an application knows',
      { machine: { name: 'm' }, externalId: 'x' },
      /external_id: a machine/,
    ],
    ['a name too long', human('long', { givenName: 'x'.repeat(201) }), /given_name/],
  ])('refuses %s as a whole', async (__, user, message) => {
    const answer = await ask([user, human('beside')]);
    expect(answer).toMatchObject({ code: 'InvalidArgument', message: expect.stringMatching(message) });
    expect(await server.app.store.findLogins('beside@mail.example', {})).toEqual([]);
  });

  test('a machine is never initial, and a lock belongs to who is locked', async () => {
    const odd = [
      { machine: { name: 'm' }, state: 'USER_STATE_INITIAL' },
      { ...human('odd'), lockReason: 'why' },
      { ...human('odd'), lockedUntil: new Date(Date.now() + 60_000).toISOString() },
    ];
    expect(results(await ask(odd)).map(({ message }) => message)).toEqual([
      'state: a machine user is never initial',
      'lock_reason: goes with the state locked',
      'locked_until: goes with the state locked',
    ]);
  });

  test('sent many times at once makes each once, and refuses none', async () => {
    const users = Array.from({ length: 10 }, (__, at) => ({
      ...(at % 2 === 0 && { userId: `race-${at}` }),
      ...human(`race-${at}`),
    }));
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(users)));
    const outcomes = answers.flatMap(results).map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'IMPORT_OUTCOME_CREATED')).toHaveLength(10);
    expect(outcomes.filter((outcome) => outcome === 'IMPORT_OUTCOME_UNCHANGED')).toHaveLength(70);
  });

  test('a deleted id is used again', async () => {
    await ask([{ userId: 'again', ...human('again') }]);
    await door.ask('DeleteUser', { userId: 'again' });
    const [result] = results(await ask([{ userId: 'again', ...human('again'), state: 'USER_STATE_LOCKED' }]));
    expect(result).toMatchObject({ outcome: 'IMPORT_OUTCOME_CREATED' });
    expect(await door.user('again')).toMatchObject({ state: 'USER_STATE_LOCKED' });
  });

  test('no update opens a lock or changes who stands above the caller', async () => {
    const owner = await server.people.user({ organization: 'home', userId: 'boss' });
    await server.people.grant(owner, { role: 'ORG_OWNER', organization: 'home' });
    const roles = [{ role: 'ORG_USER_MANAGER', organization: 'home' }];
    const manager = await server.people.caller({ organization: 'home', roles });
    const message = {
      organizationId: 'home',
      updateExisting: true,
      users: [{ userId: 'boss', ...human('new') }],
    };
    const [result] = results(await door.ask('ImportUsers', message, manager));
    expect(result).toMatchObject({ outcome: 'IMPORT_OUTCOME_REFUSED', reason: 'PERMISSION_MISSING' });
  });
});

test('a bcrypt hash of cost 14 is taken where the server is set to it, and ours after one sign-in', async () => {
  await using server = await startServer({ flags: ['--imported-hash-cost-max', '28'] });
  await server.people.organization('home');
  const token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  await using files = await openFiles(['--url', server.url, '--token', token]);
  // By htpasswd.
  const hash = '$2y$14$LbeF0gsZ/1wNa8zn55cS6.DAHMSc6ZruBg4hP1io4jBdcLoKxd796';
  const text = `id,given_name,family_name,email,password_hash\nold,Al,Roe,al@mail.example,${hash}`;
  expect(await files.bring('csv', text)).toMatchObject({ code: 0, told: { created: 1 } });
  await using door = openDoor(server.url, token);
  const checks = { user: { userId: 'old' }, password: { password: 'Sesame 14' } };
  expect(await door.ask('CreateSession', { checks })).toMatchObject({ code: 'OK' });
  expect(isOwnHash((await server.app.store.loadPasswordHash('old' as never)) ?? '')).toBe(true);
  expect((await door.events('old')).map(({ type }) => type)).toEqual([
    ...['user.human.added', 'user.human.password.check.succeeded'],
  ]);
});
