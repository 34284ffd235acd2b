import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DomainError } from '../../src/domain/errors.ts';
import { threadsDefault } from '../../src/sign-in/hash-threads.ts';
import { verifyPassword } from '../../src/sign-in/password.ts';
import { codeName } from '../support/answer.ts';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openWire, type Wire } from '../support/wire.ts';
import { tableWithHeader } from '../tidy/markdown.ts';
import { page } from './blocks.ts';

const resources = new AsyncDisposableStack();
let server: TestServer;
let wire: Wire;
let door: Door;
let token: string;

beforeAll(async () => {
  server = resources.use(await startServer());
  wire = resources.use(openWire(server.url));
  await server.people.organization('home');
  token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  door = resources.use(openDoor(server.url, token));
});
afterAll(() => resources.disposeAsync());

const lockedUser = (): Promise<string> => server.people.user({ organization: 'home', state: 'locked' });

/** The table of docs/limits.md, a test for every row: a row more, or another number, must bring its test. */
const rows = {
  'request body': [
    '48 KiB; 256 KiB where the message has lists or metadata (`--body-bytes-max`)',
    'RESOURCE_EXHAUSTED',
  ],
  // The next rows are tested in every dialect, in test/security/sizes.test.ts.
  'request body of health and reflection': ['1 KiB', 'RESOURCE_EXHAUSTED'],
  'compressed request body': [
    '100 times as large unpacked, or 256 KiB; then what its message may be',
    'RESOURCE_EXHAUSTED',
  ],
  'values of one message': [
    '16384 in all, 1000 of them unknown in binary, 100 levels deep',
    'INVALID_ARGUMENT',
  ],
  'elements of a list or a map': [
    '1000; 10000 ids of a wave of locks; 100 conditions, filters or queries',
    'INVALID_ARGUMENT',
  ],
  'a number, a time or a span in JSON text': ['64 characters', 'INVALID_ARGUMENT'],
  'ids, names': ['200 characters', 'INVALID_ARGUMENT'],
  // Tested in test/users/email-address.test.ts.
  'an e-mail address': [
    '200 characters, 64 bytes of them before the `@`, 63 characters between two dots after it',
    'INVALID_ARGUMENT',
  ],
  '`latchkey-reason`': ['500 characters', 'INVALID_ARGUMENT'],
  'reason, identification of a lock or unlock': ['500 characters', 'INVALID_ARGUMENT'],
  'ticket, `request_id`': ['200 characters', 'INVALID_ARGUMENT'],
  'end of a lock': ['366 days ahead', 'INVALID_ARGUMENT'],
  'list page': ['1000 rows, 100 where none is asked for', 'INVALID_ARGUMENT'],
  'queries of one list': ['1000 in all, 20 levels deep', 'INVALID_ARGUMENT'],
  // Tested in test/people/call.test.ts.
  'users of one ImportUsers': ['100', 'INVALID_ARGUMENT'],
  'passwords being checked': [
    'as many as there are processors, or `--password-threads`, 64 at most; 256 waiting, 128 of one user or address',
    'RESOURCE_EXHAUSTED',
  ],
  // Tested in sources.test.ts and session-limits.test.ts.
  'failed sign-ins from one address': [
    '100 in ten minutes, unless the policy says otherwise',
    'RESOURCE_EXHAUSTED',
  ],
  'lifetime of a session': ['31536000 seconds', 'INVALID_ARGUMENT'],
  // Tested in test/users/metadata.test.ts.
  'metadata of a user': [
    '64 entries, keys of 200 characters, 64 KiB of keys and values together',
    'RESOURCE_EXHAUSTED',
  ],
  'metadata of a session': ['50 entries, keys of 200 characters, 4096 bytes together', 'INVALID_ARGUMENT'],
  'user agent of a session': ['texts of 500 characters, 50 headers, 4096 bytes together', 'INVALID_ARGUMENT'],
  // These three are tested in every dialect, in the file about limits on callers.
  'calls of a token': ['none (`--calls-per-second-per-token`)', 'RESOURCE_EXHAUSTED'],
  'calls of an address': ['none (`--calls-per-second-per-address`)', 'RESOURCE_EXHAUSTED'],
  // Tested in test/console/session.test.ts.
  'a session of the console': ['8 hours, 30 minutes without anybody there, and its token', 'UNAUTHENTICATED'],
  'a token that signs in to the console': [
    '2800 characters, since a cookie must hold it sealed',
    'INVALID_ARGUMENT',
  ],
  "what the console's own pages send": ['16 KiB in 10 seconds', 'RESOURCE_EXHAUSTED, DEADLINE_EXCEEDED'],
  'calls without a valid token': ['20 a second of an address, 100 at once', 'RESOURCE_EXHAUSTED'],
} as const;

test('the table of limits has these rows', () => {
  const table = tableWithHeader(page('docs/limits.md'), ['what', 'limit', 'beyond it']);
  expect(table).toEqual(Object.entries(rows).map(([what, row]) => [what, ...row]));
});

describe('a request body of 48 KiB is taken, a byte more is not', () => {
  const most = 48 * 1_024;

  test.each([
    ['REST', 1],
    ['REST', 2],
    ['Connect', 1],
    ['Connect', 2],
    ['gRPC', 2],
  ] as const)('%s over HTTP/%s', async (dialect, version) => {
    const userId = await lockedUser();
    expect(await send(dialect, version, { userId, bytes: most + 1 })).toBe('ResourceExhausted');
    expect((await door.user(userId))?.state).toBe('USER_STATE_LOCKED');
    expect(await send(dialect, version, { userId, bytes: most })).toBe('OK');
    expect((await door.user(userId))?.state).toBe('USER_STATE_ACTIVE');
  });

  async function send(
    dialect: 'REST' | 'Connect' | 'gRPC',
    version: 1 | 2,
    { userId, bytes }: { readonly userId: string; readonly bytes: number },
  ): Promise<string> {
    const message = Buffer.from(JSON.stringify({ userId }).padEnd(bytes));
    const envelope = Buffer.alloc(5);
    envelope.writeUInt32BE(bytes, 1);
    const isGrpc = dialect === 'gRPC';
    const { status, headers, trailers, body } = await wire.send({
      version,
      verb: 'POST',
      path: dialect === 'REST' ? `/v2/users/${userId}/unlock` : '/zitadel.user.v2.UserService/UnlockUser',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': isGrpc ? 'application/grpc+json' : 'application/json',
        ...(isGrpc && { te: 'trailers' }),
      },
      body: isGrpc ? Buffer.concat([envelope, message]) : message,
    });
    if (isGrpc) return codeName(Number(headers['grpc-status'] ?? trailers['grpc-status']));
    if (status === 200) return 'OK';
    const { code } = JSON.parse(body.toString()) as { code: number | string };
    return code === 8 || code === 'resource_exhausted' ? 'ResourceExhausted' : String(code);
  }
});

test('an id of 200 characters is taken, one of 201 is not', async () => {
  const [whole, over] = ['🔑'.repeat(200), '🔑'.repeat(201)];
  await server.people.user({ organization: 'home', kind: 'machine', userId: whole, state: 'locked' });
  expect(await door.ask('UnlockUser', { userId: over })).toMatchObject({ code: 'InvalidArgument' });
  expect(await door.ask('UnlockUser', { userId: whole })).toMatchObject({ code: 'OK' });
});

test('a name of 200 characters is taken, one of 201 is not', async () => {
  const create = (username: string) =>
    door.ask('CreateUser', { organizationId: 'home', username, machine: { name: username } });
  expect(await create('ü'.repeat(201))).toMatchObject({ code: 'InvalidArgument' });
  expect(await create('ü'.repeat(200))).toMatchObject({ code: 'OK' });
});

test('a reason of 500 characters is kept, one of 501 is refused', async () => {
  const userId = await lockedUser();
  const unlock = (reason: string) =>
    door.ask('UnlockUser', { userId }, token, { 'latchkey-reason': encodeURIComponent(reason) });
  expect(await unlock('é'.repeat(501))).toMatchObject({
    code: 'InvalidArgument',
    message: 'latchkey-reason: must be at most 500 characters long',
  });
  expect(await unlock('é'.repeat(500))).toMatchObject({ code: 'OK' });
  expect((await door.events(userId)).at(-1)).toMatchObject({ actor: { reason: 'é'.repeat(500) } });
});

test.each([
  ['reason', 500],
  ['identification', 500],
  ['ticket', 200],
  ['requestId', 200],
])('%s of %s characters is taken, one more is not', async (field, max) => {
  const userId = await lockedUser();
  const unlock = (length: number) =>
    door.ask('LockService.UnlockUser', { userId, [field]: 'é'.repeat(length) });
  expect(await unlock(max + 1)).toMatchObject({ code: 'InvalidArgument' });
  expect(await unlock(max)).toMatchObject({ code: 'OK' });
});

test('a lock of 366 days is set, one a millisecond longer is not', async () => {
  const userId = await server.people.user({ organization: 'home' });
  const end = server.clock.nowMs + 366 * 86_400_000;
  const lock = (untilMs: number) =>
    door.ask('LockService.LockUser', { userId, until: new Date(untilMs).toISOString() });
  expect(await lock(end + 1)).toMatchObject({ code: 'InvalidArgument' });
  expect(await lock(end)).toMatchObject({ code: 'OK' });
});

describe('lists', () => {
  const list = (request: JsonObject) => door.ask('ListUsers', request);
  const state = { stateQuery: { state: 'USER_STATE_ACTIVE' } };
  const nested = (levels: number): JsonObject =>
    levels === 1 ? state : { notQuery: { query: nested(levels - 1) } };
  const many = (count: number): JsonObject[] =>
    Array.from({ length: count / 100 }, () => ({ orQuery: { queries: Array(99).fill(state) } }));

  test.each([
    ['1000 rows', { query: { limit: 1_000 } }, 'OK'],
    ['1001 rows', { query: { limit: 1_001 } }, 'InvalidArgument'],
    ['20 levels', { queries: [nested(20)] }, 'OK'],
    ['21 levels', { queries: [nested(21)] }, 'InvalidArgument'],
    ['1000 queries', { queries: many(1_000) }, 'OK'],
    ['1001 queries', { queries: [...many(1_000), state] }, 'InvalidArgument'],
  ] as const)('%s', async (_, request, code) => {
    expect((await list(request as unknown as JsonObject)).code).toBe(code);
  });

  test('100 rows come where no number is asked for', async () => {
    await server.people.organization('crowd');
    for (let nth = 0; nth < 101; nth += 1) {
      await server.people.user({ organization: 'crowd', kind: 'machine' });
    }
    const { response } = await list({ queries: [{ organizationIdQuery: { organizationId: 'crowd' } }] });
    expect(response).toMatchObject({ details: { totalResult: '101' } });
    expect(response.result).toHaveLength(100);
  });
});

test('a password is checked by each thread and 256 wait; one more is turned away', async () => {
  // bcrypt's lowest cost; no other password of this server is being checked.
  const hash = '$2b$04$cNL8kd2qcuo1YAEbacpbAOFlyJrZqmq.VpOOL6PhoQz.DXcl1ct3W';
  const asked = Array.from({ length: threadsDefault + 256 + 1 }, () => verifyPassword('wrong horse', hash));
  const outcomes = await Promise.allSettled(asked);
  expect(outcomes.slice(0, -1).every(({ status }) => status === 'fulfilled')).toBe(true);
  const last = outcomes.at(-1);
  const reason: unknown = last?.status === 'rejected' ? last.reason : undefined;
  expect(reason instanceof DomainError && reason.error).toBe('overloaded');
  expect(reason).toMatchObject({ retryAfterMs: 1_000 });
});
