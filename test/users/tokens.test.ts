import { createHash } from 'node:crypto';
import type { JsonObject } from '@bufbuild/protobuf';
import { Code, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { UserService } from '../../gen/es/zitadel/user/v2/user_service_pb.js';
import { type Door, openDoor } from '../support/door.ts';
import { startMs, startServer, type TestServer } from '../support/start-server.ts';

let server: TestServer;
let door: Door;
let token: string;

beforeAll(async () => {
  server = await startServer();
  for (const id of ['acme', 'beta', 'shelf', 'rack']) await server.people.organization(id);
  token = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  door = openDoor(server.url, token);
});
afterAll(async () => {
  await door[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const date = (ms: number) => new Date(ms).toISOString();
const dayMs = 86_400_000;
const far = date(startMs + 3_000 * dayMs);

/** A machine user that may list users, so that its tokens have something to open. */
async function machine(): Promise<string> {
  const userId = await server.people.user({ organization: 'acme', kind: 'machine' });
  await server.people.grant(userId, { role: 'ORG_OWNER_VIEWER', organization: 'acme' });
  return userId;
}
const add = (userId: string, expirationDate: string) =>
  door.ask('AddPersonalAccessToken', { userId, expirationDate });
const remove = (userId: string, tokenId: string) =>
  door.ask('RemovePersonalAccessToken', { userId, tokenId });
const use = async (token: unknown) => (await door.ask('ListUsers', {}, String(token))).code;
const list = async (request: JsonObject) =>
  (await door.ask('ListPersonalAccessTokens', request)).response as {
    result?: JsonObject[];
    pagination?: JsonObject;
  };
const tokenNotFound = {
  code: 'NotFound',
  message: 'Token could not be found (LATCH-t0kn0tfd)',
  details: [{ id: 'LATCH-t0kn0tfd' }, { reason: 'TOKEN_NOT_FOUND' }],
};

describe('a new token', () => {
  test('opens at once, is shown once, and kept as a hash', async () => {
    const userId = await machine();
    const { response } = await add(userId, far);
    const tokenId = String(response.tokenId);
    expect(response).toEqual({
      tokenId: expect.stringMatching(/^\d+$/),
      token: expect.stringMatching(/^\d+\.[A-Za-z0-9_-]{43}$/),
      creationDate: date(server.clock.nowMs),
    });
    const [id, secret = ''] = String(response.token).split('.');
    expect(id).toBe(tokenId);
    expect(await use(response.token)).toBe('OK');
    const told = [await list({}), await door.events(userId), await door.user(userId)];
    expect(JSON.stringify(told)).toContain(tokenId);
    expect(JSON.stringify(told)).not.toContain(secret);
    const kept = await server.app.store.loadToken(tokenId);
    const hash = createHash('sha256').update(secret).digest('hex');
    expect(Buffer.from(kept?.secretHash ?? []).toString('hex')).toBe(hash);
  });

  test('only for a machine', async () => {
    const userId = await server.people.user({ organization: 'acme' });
    expect(await add(userId, far)).toMatchObject({
      code: 'FailedPrecondition',
      message: 'Only a machine user has personal access tokens (LATCH-t0kmach1)',
    });
  });

  test.each([
    ['in the past', -1],
    ['now', 0],
  ])('none that expires %s', async (_, laterMs) => {
    expect(await add(await machine(), date(server.clock.nowMs + laterMs))).toMatchObject({
      code: 'InvalidArgument',
      message: 'Expiration date is not in the future (LATCH-t0kexp1r)',
    });
  });

  test('none that expires after the year 9999, which no list could show', async () => {
    const userId = await machine();
    // JSON has no such time; the binary encoding has.
    const users = createClient(UserService, createGrpcTransport({ baseUrl: server.url }));
    const headers = { authorization: `Bearer ${token}` };
    const beyond = [2n ** 62n, 9_007_199_254_741n, 253_402_300_800n].map((seconds) => ({
      seconds,
      nanos: 0,
    }));
    for (const expirationDate of [...beyond, { seconds: 4_102_444_800n, nanos: -1 }]) {
      const added = users.addPersonalAccessToken({ userId, expirationDate }, { headers });
      await expect(added).rejects.toMatchObject({
        code: Code.InvalidArgument,
        rawMessage: 'expiration_date: must be a time from year 1 to year 9999',
      });
    }
    expect((await add(userId, '9999-12-31T23:59:59.999999999Z')).code).toBe('OK');
    expect((await list({})).result?.at(0)?.expirationDate).toBe('9999-12-31T23:59:59.999Z');
  });

  test('none without an expiration date', async () => {
    const answer = await door.ask('AddPersonalAccessToken', { userId: await machine() });
    expect(answer).toMatchObject({ code: 'InvalidArgument', details: [] });
    expect(answer.message).toMatch(/^expiration_date: /);
  });
});

describe('a token is refused', () => {
  test('from the millisecond of its expiration on', async () => {
    const { token } = (await add(await machine(), date(server.clock.nowMs + 1_000))).response;
    server.clock.nowMs += 999;
    expect(await use(token)).toBe('OK');
    server.clock.nowMs += 1;
    expect(await use(token)).toBe('Unauthenticated');
  });

  test('once removed; its siblings are not', async () => {
    const userId = await machine();
    const [one, two] = [(await add(userId, far)).response, (await add(userId, far)).response];
    server.clock.nowMs += 5;
    expect((await remove(userId, String(one.tokenId))).response).toEqual({
      deletionDate: date(server.clock.nowMs),
    });
    expect(await use(one.token)).toBe('Unauthenticated');
    expect(await use(two.token)).toBe('OK');
    expect(await remove(userId, String(one.tokenId))).toMatchObject(tokenNotFound);
    expect((await door.events(userId)).map(({ type, payload }) => [type, payload]).slice(2)).toEqual([
      ['user.pat.added', { tokenId: one.tokenId, expiresAt: Date.parse(far) }],
      ['user.pat.added', { tokenId: two.tokenId, expiresAt: Date.parse(far) }],
      ['user.pat.removed', { tokenId: one.tokenId }],
    ]);
  });

  test("and cannot be removed as somebody else's", async () => {
    const { token, tokenId } = (await add(await machine(), far)).response;
    expect(await remove(await machine(), String(tokenId))).toMatchObject(tokenNotFound);
    expect(await remove(await machine(), 'never')).toMatchObject(tokenNotFound);
    expect(await use(token)).toBe('OK');
  });

  test('unless it is right to the last letter', async () => {
    const userId = await machine();
    const [one, two] = [(await add(userId, far)).response, (await add(userId, far)).response];
    const [id = '', secret = ''] = String(one.token).split('.');
    const other = String(two.token).split('.')[1] ?? '';
    const last = secret.endsWith('A') ? 'B' : 'A';
    const wrong = {
      'the secret of another': `${id}.${other}`,
      'one letter off': `${id}.${secret.slice(0, -1)}${last}`,
      'cut short': `${id}.${secret.slice(0, -1)}`,
      'longer by a letter': `${id}.${secret}A`,
      'longer by a part': `${id}.${secret}.${secret}`,
      'without a secret': `${id}.`,
      'without an id': `.${secret}`,
      'the secret alone': secret,
      'in another letter case': `${id}.${secret.toLowerCase()}`,
      'its hash': `${id}.${createHash('sha256').update(secret).digest('base64url')}`,
      'very long': `${id}.${'x'.repeat(5_000)}`,
    };
    for (const [what, token] of Object.entries(wrong)) {
      expect([what, await use(token)]).toEqual([what, 'Unauthenticated']);
    }
    expect(await use(one.token)).toBe('OK');
  });
});

describe('a list of tokens', () => {
  /** Names of the tokens by id, in the order in which they were made. */
  const names = new Map<string, string>();
  const ids: Record<string, string> = {};
  let madeMs = 0;

  beforeAll(async () => {
    madeMs = server.clock.nowMs + dayMs;
    const made = [
      ['one', 'shelf', 3],
      ['two', 'shelf', 1],
      ['three', 'rack', 2],
    ] as const;
    for (const [index, [name, organization, days]] of made.entries()) {
      server.clock.nowMs = madeMs + index * 1_000;
      const userId = await server.people.user({ organization, kind: 'machine', userId: `owner-${name}` });
      const { tokenId } = (await add(userId, date(madeMs + days * dayMs))).response;
      names.set(String(tokenId), name);
      ids[name] = String(tokenId);
    }
  });

  const found = async (request: JsonObject) =>
    ((await list(request)).result ?? []).map(({ id }) => names.get(String(id)) ?? 'other').join(' ');
  const id = (value: string) => ({ id: value });
  const time = (laterMs: number, method: string) => ({
    timestamp: date(madeMs + laterMs),
    method: `TIMESTAMP_FILTER_METHOD_${method}`,
  });
  const recent = () => ({ createdDateFilter: time(0, 'AFTER_OR_EQUALS') });
  const asc = { asc: true };

  test.each<[string, () => JsonObject[], string]>([
    ['token id', () => [{ tokenIdFilter: id(ids.two ?? '') }], 'two'],
    ['user id', () => [{ userIdFilter: id('owner-three') }], 'three'],
    ['organization', () => [{ organizationIdFilter: id('shelf') }], 'one two'],
    ['created then', () => [{ createdDateFilter: time(1_000, 'EQUALS') }], 'two'],
    ['created after', () => [{ createdDateFilter: time(1_000, 'AFTER') }], 'three'],
    ['created then or after', () => [{ createdDateFilter: time(1_000, 'AFTER_OR_EQUALS') }], 'two three'],
    ['created before', () => [recent(), { createdDateFilter: time(1_000, 'BEFORE') }], 'one'],
    [
      'created then or before',
      () => [recent(), { createdDateFilter: time(1_000, 'BEFORE_OR_EQUALS') }],
      'one two',
    ],
    ['expires then', () => [recent(), { expirationDateFilter: time(2 * dayMs, 'EQUALS') }], 'three'],
    ['expires after', () => [recent(), { expirationDateFilter: time(2 * dayMs, 'AFTER') }], 'one'],
    ['expires before', () => [recent(), { expirationDateFilter: time(2 * dayMs, 'BEFORE') }], 'two'],
    [
      'two that exclude each other',
      () => [{ userIdFilter: id('owner-one') }, { organizationIdFilter: id('rack') }],
      '',
    ],
  ])('by %s', async (_, filters, expected) => {
    expect(await found({ filters: filters(), pagination: asc })).toBe(expected);
  });

  test.each([
    ['CREATED_DATE', 'one two three'],
    ['ID', 'one two three'],
    ['USER_ID', 'one three two'],
    ['ORGANIZATION_ID', 'three one two'],
    ['EXPIRATION_DATE', 'two three one'],
  ])('sorted by %s, up and down', async (column, expected) => {
    const request = { filters: [recent()], sortingColumn: `PERSONAL_ACCESS_TOKEN_FIELD_NAME_${column}` };
    expect(await found({ ...request, pagination: asc })).toBe(expected);
    const down = column === 'ORGANIZATION_ID' ? 'two one three' : expected.split(' ').reverse().join(' ');
    expect(await found(request)).toBe(down);
  });

  test('page by page, with the total', async () => {
    const page = { filters: [recent()], pagination: { ...asc, offset: '1', limit: 1 } };
    expect(await list(page)).toEqual({
      pagination: { totalResult: '3', appliedLimit: '1' },
      result: [
        {
          id: ids.two,
          userId: 'owner-two',
          organizationId: 'shelf',
          creationDate: date(madeMs + 1_000),
          changeDate: date(madeMs + 1_000),
          expirationDate: date(madeMs + dayMs),
        },
      ],
    });
  });

  test('shows expired ones, and none that was removed or ended by a lock', async () => {
    server.clock.nowMs = madeMs + 10 * dayMs;
    expect(await found({ filters: [recent()], pagination: asc })).toBe('one two three');
    await remove('owner-one', ids.one ?? '');
    await server.people.act('owner-three', 'lock');
    expect(await found({ filters: [recent()], pagination: asc })).toBe('two');
  });

  test.each<[string, JsonObject, string]>([
    ['a filter of nothing', { filters: [{}] }, 'filters[0].filter: exactly one field is required in oneof'],
    [
      'a time without a time',
      { filters: [{ createdDateFilter: {} }] },
      'filters[0].created_date_filter.timestamp: value is required',
    ],
    ['an unknown column', { sortingColumn: 77 }, 'sorting_column'],
    ['too long a page', { pagination: { limit: 1_001 } }, 'Limit is at most 1000 (LATCH-l1m1tmax)'],
  ])('refuses %s', async (_, request, message) => {
    const answer = await door.ask('ListPersonalAccessTokens', request);
    expect(answer).toMatchObject({ code: 'InvalidArgument', message: expect.stringContaining(message) });
  });
});
