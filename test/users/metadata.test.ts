import { randomBytes } from 'node:crypto';
import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verify } from '../../src/queries/verify/verify.ts';
import { type Dialect, dialects, openClients } from '../support/dialects/all.ts';
import { type Door, openDoor } from '../support/door.ts';
import type { MethodName } from '../support/methods.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';

const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64');
const entry = (key: string, value: string | Uint8Array = 'value') => ({ key, value: base64(value) });
const long = (length: number) => 'x'.repeat(length);
const byKey = (keyFilter: JsonObject) => ({ filters: [{ keyFilter }] });

/** Refused by a rule of the field, before anybody is looked up. */
const refused: readonly (readonly [says: string, MethodName, JsonObject])[] = [
  ['user_id', 'SetUserMetadata', { userId: long(201) }],
  ['key', 'SetUserMetadata', { metadata: [entry('')] }],
  ['key', 'SetUserMetadata', { metadata: [entry(long(201))] }],
  ['metadata\\[1\\].key', 'SetUserMetadata', { metadata: [entry('a'), entry('a\0b')] }],
  ['value', 'SetUserMetadata', { metadata: [entry('a', '')] }],
  ['user_id', 'ListUserMetadata', { userId: long(201) }],
  ['key', 'ListUserMetadata', byKey({ key: long(201) })],
  ['key', 'ListUserMetadata', byKey({ key: 'a\0b' })],
  ['method', 'ListUserMetadata', byKey({ key: 'a', method: 8 })],
  ['filter', 'ListUserMetadata', { filters: [{}] }],
  ['Limit', 'ListUserMetadata', { pagination: { limit: 1_001 } }],
  ['user_id', 'DeleteUserMetadata', { userId: long(201) }],
  ['keys\\[1\\]', 'DeleteUserMetadata', { keys: ['a', 'a\0b'] }],
];

const byRpc = (dialect: Dialect) => !dialect.name.includes('on the REST URL');

describe.each(stores)('metadata of a user, on %s', (kind, openDatabase) => {
  const resources = new AsyncDisposableStack();
  let server: TestServer;
  let door: Door;
  let clients: ReturnType<typeof openClients>;
  let owner: string;

  beforeAll(async () => {
    const { database } = resources.use(await openDatabase());
    server = resources.use(await startServer({ database }));
    for (const id of ['acme', 'beta']) await server.people.organization(id);
    owner = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    door = resources.use(openDoor(server.url, owner));
    clients = resources.use(openClients(server.url));
  });
  afterAll(() => resources.disposeAsync());

  const somebody = (more: object = {}) => server.people.user({ organization: 'acme', ...more });
  const set = (userId: string, ...metadata: ReturnType<typeof entry>[]) =>
    door.ask('SetUserMetadata', { userId, metadata });
  const list = async (userId: string, more: JsonObject = {}) => {
    const pagination = { asc: true, ...(more.pagination as JsonObject | undefined) };
    const { response } = await door.ask('ListUserMetadata', { userId, ...more, pagination });
    return (response.metadata ?? []) as JsonObject[];
  };
  const keysOf = async (userId: string, more: JsonObject = {}) =>
    (await list(userId, more)).map(({ key }) => key);
  const typesOf = async (userId: string) => (await door.events(userId)).map(({ type }) => type);
  const full = { code: 'ResourceExhausted', details: [{ id: 'LATCH-metafu11' }, {}] };

  test('every rule of a field refuses by its name, in every dialect', async () => {
    const userId = await somebody();
    // The rules stand before the store: once in every dialect is enough.
    for (const dialect of dialects.filter(byRpc).slice(0, kind === 'sqlite' ? undefined : 1)) {
      for (const [says, method, message] of refused) {
        const answer = await clients.ask(dialect, { method, message: { userId, ...message }, token: owner });
        expect([says, method, dialect.name, answer.code]).toEqual([
          says,
          method,
          dialect.name,
          'InvalidArgument',
        ]);
        expect(answer.message).toMatch(new RegExp(says));
      }
    }
    expect(await typesOf(userId)).toEqual(['user.human.added']);
  });

  test('is set, listed and deleted in every dialect, and nothing is written where nothing is another', async () => {
    for (const dialect of dialects.filter(byRpc)) {
      const userId = await somebody();
      const ask = (method: MethodName, message: JsonObject) =>
        clients.ask(dialect, { method, message: { userId, ...message }, token: owner });
      const bytes = randomBytes(40);
      for (let twice = 0; twice < 2; twice += 1) {
        const metadata = [entry('crm', bytes), entry('Plan', 'gold')];
        expect([dialect.name, (await ask('SetUserMetadata', { metadata })).code]).toEqual([
          dialect.name,
          'OK',
        ]);
      }
      const { response } = await ask('ListUserMetadata', {});
      expect(response).toMatchObject({
        pagination: { totalResult: '2', appliedLimit: '100' },
        metadata: [{ key: 'crm', value: base64(bytes) }, entry('Plan', 'gold')],
      });
      for (let twice = 0; twice < 2; twice += 1) {
        expect(await ask('DeleteUserMetadata', { keys: ['crm', 'never'] })).toMatchObject({ code: 'OK' });
      }
      expect(await keysOf(userId)).toEqual(['Plan']);
      expect(await typesOf(userId)).toEqual([
        'user.human.added',
        'user.metadata.set',
        'user.metadata.set',
        'user.metadata.removed',
      ]);
    }
    expect(await verify(server.app.store)).toMatchObject({ problems: [] });
  });

  test('a value that is set anew keeps when its key was first set; of a key named twice the last value stays', async () => {
    const userId = await somebody();
    await set(userId, entry('a', 'one'), entry('a', 'two'));
    const [first] = await list(userId);
    expect(first).toMatchObject(entry('a', 'two'));
    const { response } = await set(userId, entry('a', 'three'));
    expect(await list(userId)).toEqual([
      { ...entry('a', 'three'), creationDate: first?.creationDate, changeDate: response.setDate },
    ]);
  });

  test('keys are found by each method, page by page, either way round', async () => {
    const userId = await somebody({ kind: 'machine' });
    await set(userId, ...['crm.id', 'CRM.ID', 'crm.plan', 'İd', '😀', '￮'].map((key) => entry(key)));
    const all = ['CRM.ID', 'crm.id', 'crm.plan', 'İd', '￮', '😀'];
    expect(await keysOf(userId)).toEqual(all);
    expect(await keysOf(userId, { pagination: { offset: 1, limit: 2 } })).toEqual(all.slice(1, 3));
    expect(await keysOf(userId, { pagination: { asc: false } })).toEqual(all.toReversed());
    for (const [method, key, found] of [
      ['EQUALS', 'crm.id', ['crm.id']],
      ['EQUALS_IGNORE_CASE', 'Crm.Id', ['CRM.ID', 'crm.id']],
      ['STARTS_WITH', 'crm', ['crm.id', 'crm.plan']],
      ['STARTS_WITH_IGNORE_CASE', 'crm', ['CRM.ID', 'crm.id', 'crm.plan']],
      ['CONTAINS', '.', ['CRM.ID', 'crm.id', 'crm.plan']],
      ['CONTAINS_IGNORE_CASE', 'M.I', ['CRM.ID', 'crm.id']],
      ['ENDS_WITH', 'plan', ['crm.plan']],
      ['ENDS_WITH_IGNORE_CASE', 'PLAN', ['crm.plan']],
      ['CONTAINS', '', all],
    ] as const) {
      const filter = byKey({ key, method: `TEXT_FILTER_METHOD_${method}` });
      expect([method, await keysOf(userId, filter)]).toEqual([method, found]);
    }
    const both = [{ keyFilter: { key: 'crm.id' } }, { keyFilter: { key: 'crm.plan' } }];
    expect(await keysOf(userId, { filters: both })).toEqual([]);
  });

  test('a user has 64 keys and no more, all or nothing', async () => {
    const userId = await somebody();
    const keys = Array.from({ length: 64 }, (_, at) => `key-${at}`);
    expect(await set(userId, ...keys.map((key) => entry(key)))).toMatchObject({ code: 'OK' });
    expect(await set(userId, entry('key-0', 'other'), entry('one more'))).toMatchObject(full);
    expect((await list(userId)).find(({ key }) => key === 'key-0')).toMatchObject(entry('key-0'));
    expect(await set(userId, entry('key-0', 'other'))).toMatchObject({ code: 'OK' });
    await door.ask('DeleteUserMetadata', { userId, keys: ['key-1'] });
    expect(await set(userId, entry('one more'))).toMatchObject({ code: 'OK' });
  });

  test('a user has 64 KiB of keys and values and no more', async () => {
    const userId = await somebody();
    const bytes = 64 * 1_024;
    // Two bytes in UTF-8.
    expect(await set(userId, entry('ü', long(bytes - 1)))).toMatchObject(full);
    expect(await set(userId, entry('ü', long(bytes - 2)))).toMatchObject({ code: 'OK' });
    expect(await set(userId, entry('a', 'b'))).toMatchObject(full);
    expect(await set(userId, entry('ü', long(bytes - 4)), entry('a', 'b'))).toMatchObject({ code: 'OK' });
    expect(await keysOf(userId)).toEqual(['a', 'ü']);
    expect(await verify(server.app.store)).toMatchObject({ problems: [] });
  });

  test('the log holds no value, and what is deleted with its user does not come back with the id', async () => {
    const userId = await somebody();
    await set(userId, entry('a', 'of the first life'));
    const [, event] = await door.events(userId);
    expect(event?.payload).toEqual({ key: 'a', bytes: 17, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    await door.ask('DeleteUser', { userId });
    expect(await set(userId, entry('a'))).toMatchObject({
      code: 'NotFound',
      details: [{ id: 'LATCH-us3rnf0d' }, {}],
    });
    await server.people.user({ organization: 'beta', userId });
    expect(await list(userId)).toEqual([]);
    expect(await verify(server.app.store)).toMatchObject({ problems: [] });
  });

  test.each([
    'initial',
    'active',
    'inactive',
    'locked',
  ] as const)('no note moves who is %s', async (state) => {
    const userId = await somebody({ state });
    const before = (await door.user(userId))?.state;
    expect(await set(userId, entry('a'))).toMatchObject({ code: 'OK' });
    expect(await keysOf(userId)).toEqual(['a']);
    expect(await door.ask('DeleteUserMetadata', { userId, keys: ['a'] })).toMatchObject({ code: 'OK' });
    expect((await door.user(userId))?.state).toBe(before);
  });

  test('of many who set the last free key at once, one does', async () => {
    const userId = await somebody();
    await set(userId, ...Array.from({ length: 63 }, (_, at) => entry(`key-${at}`)));
    const answers = await Promise.all(Array.from({ length: 6 }, (_, at) => set(userId, entry(`last-${at}`))));
    const codes = answers.map(({ code }) => code).sort();
    expect(codes.filter((code) => code === 'OK')).toHaveLength(1);
    expect(codes.every((code) => ['OK', 'ResourceExhausted', 'Aborted'].includes(code))).toBe(true);
    expect(await keysOf(userId)).toHaveLength(64);
    expect(await verify(server.app.store)).toMatchObject({ problems: [] });
  });
});
