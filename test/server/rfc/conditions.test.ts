import { once } from 'node:events';
import http2 from 'node:http2';
import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calls } from '../../hidden/calls.ts';
import type { Answer } from '../../support/answer.ts';
import { type Clients, dialects, openClients } from '../../support/dialects/all.ts';
import { type Door, openDoor } from '../../support/door.ts';
import type { MethodName } from '../../support/methods.ts';
import { password } from '../../support/people.ts';
import { startServer, type TestServer } from '../../support/start-server.ts';

const resources = new AsyncDisposableStack();
let server: TestServer;
let door: Door;
let clients: Clients;
let token: string;

beforeAll(async () => {
  server = resources.use(await startServer());
  for (const id of ['acme', 'home', 'abroad']) await server.people.organization(id);
  token = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  door = resources.use(openDoor(server.url, token));
  clients = resources.use(openClients(server.url));
});
afterAll(() => resources.disposeAsync());

/** No version is named like anything here. */
const unmet = { 'if-match': '"v1"' };
const conditionFalse = { code: 'FailedPrecondition', message: expect.stringContaining('LATCH-c0ndfa1s') };

/** What grows with every change, and with every session and subscription. */
async function written(): Promise<unknown> {
  const { store } = server.app;
  const page = { offset: 0, limit: 1, ascending: true };
  const [{ position }, subscriptions, sessions] = [
    await store.listOrganizations('all', page),
    await store.listSubscriptions({ scope: 'all', page }),
    await door.ask('ListSessions', {}),
  ];
  return { position, subscriptions: subscriptions.total, sessions: sessions.response.details };
}

const newUser = (state?: 'locked'): Promise<string> =>
  server.people.user({ organization: 'home', ...(state && { state }) });
const errorIdOf = ({ message }: Answer): string => /\(([\w-]+)\)$/.exec(message)?.[1] ?? message;

test.each(
  dialects,
)('$name: what names a version is refused, and nothing is done; without, it is done', async (dialect) => {
  const userId = await newUser();
  const ask = { method: 'LockUser', message: { userId }, token } as const;
  const refused = await clients.ask(dialect, { ...ask, headers: unmet });
  expect(refused).toMatchObject(conditionFalse);
  const isGrpc = /grpc/i.test(dialect.name);
  if (refused.httpStatus !== undefined) expect(refused.httpStatus).toBe(isGrpc ? 200 : 412);
  expect(await door.events(userId)).toHaveLength(1);
  expect((await door.user(userId))?.state).toBe('USER_STATE_ACTIVE');
  expect(await clients.ask(dialect, ask)).toMatchObject({ ok: true });
});

test.each<[string, string | undefined, (userId: string) => JsonObject]>([
  ['nobody who is known asks', 'nobody', (userId) => ({ userId })],
  ['there is no such user', undefined, () => ({ userId: 'none' })],
  ['the field is wrong', undefined, () => ({ userId: '' })],
  ['the user is not locked', undefined, (userId) => ({ userId })],
])('where %s, a condition changes nothing', async (_what, other, message) => {
  const userId = await newUser();
  const plain = await door.ask('UnlockUser', message(userId), other);
  const conditional = await door.ask('UnlockUser', message(userId), other, unmet);
  expect(plain.ok).toBe(false);
  expect(conditional).toEqual(plain);
});

test('whoever may not hears that, and nothing of the condition', async () => {
  const viewer = await server.people.caller({
    organization: 'acme',
    roles: [{ role: 'ORG_OWNER', organization: 'acme' }],
  });
  const userId = await newUser('locked');
  const plain = await door.ask('UnlockUser', { userId }, viewer);
  expect(plain.code).toBe('NotFound');
  expect(await door.ask('UnlockUser', { userId }, viewer, unmet)).toEqual(plain);
});

const more: readonly (readonly [MethodName, JsonObject])[] = [
  ['CreateUser', { organizationId: 'home', machine: { name: 'bot' } }],
  ['CreateSession', {}],
  ['CreateSubscription', { url: 'https://hooks.example/', organizationId: 'home' }],
  ['SetLockoutPolicy', { policy: { maxPasswordAttempts: '3' } }],
];
test.each([
  ...calls.map(
    ({ name, method, request }) => [name, method, (userId: string) => request(userId, {})] as const,
  ),
  ...more.map(([method, message]) => [method, method, () => message] as const),
])('%s writes nothing under a condition that is not met', async (_name, method, message) => {
  const userId = await newUser();
  const before = await written();
  const answer = await door.ask(method, message(userId), token, unmet);
  expect(answer.ok).toBe(false);
  expect(await written()).toEqual(before);
  const plain = await door.ask(method, message(userId), token);
  if (plain.ok) expect(answer).toMatchObject({ ...conditionFalse, httpStatus: 412 });
  else expect([errorIdOf(plain), 'LATCH-c0ndfa1s']).toContain(errorIdOf(answer));
});

test('a password is neither right nor wrong under it, and no attempt is counted', async () => {
  const userId = await newUser();
  const user = { userId };
  for (const typed of [password, 'wrong']) {
    const checks = { user, password: { password: typed } };
    expect(await door.ask('CreateSession', { checks }, token, unmet)).toMatchObject(conditionFalse);
  }
  expect(await door.events(userId)).toHaveLength(1);
});

describe('* asks whether something is there', () => {
  const ask = (method: MethodName, message: JsonObject, headers: Readonly<Record<string, string>>) =>
    door.ask(method, message, token, headers);

  test('of a lock, which is made where none is', async () => {
    const message = { userId: await newUser() };
    const some = { 'if-match': '*' };
    const none = { 'if-none-match': '*' };
    const refused = { ...conditionFalse, httpStatus: 412 };
    expect(await ask('LockService.LockUser', message, some)).toMatchObject(refused);
    expect((await door.user(message.userId))?.state).toBe('USER_STATE_ACTIVE');
    expect(await ask('LockService.LockUser', message, none)).toMatchObject({ ok: true });
    expect(await ask('GetLock', message, some)).toMatchObject({ ok: true });
  });

  test('of a user: deleted under If-Match, not under If-None-Match', async () => {
    const userId = await newUser();
    const unread = await ask('DeleteUser', { userId }, { 'if-none-match': '*' });
    expect(unread).toMatchObject({ ...conditionFalse, httpStatus: 412 });
    expect(await ask('DeleteUser', { userId }, { 'if-match': '*' })).toMatchObject({ ok: true });
    expect(await ask('DeleteUser', { userId }, { 'if-match': '*' })).toMatchObject({ code: 'NotFound' });
  });

  test('of what is done and not kept there is nothing: an unlock', async () => {
    const userId = await newUser('locked');
    expect(await ask('UnlockUser', { userId }, { 'if-match': '*' })).toMatchObject(conditionFalse);
    expect((await door.user(userId))?.state).toBe('USER_STATE_LOCKED');
    expect(await ask('UnlockUser', { userId }, { 'if-none-match': '*' })).toMatchObject({ ok: true });
  });
});

test.each([
  ['application/grpc', { ':status': 200, 'grpc-status': '9' }],
  ['application/connect+json', { ':status': 412 }],
])('a stream is not begun: %s', async (contentType, answered) => {
  const session = http2.connect(server.url);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/latchkey.v1.AdminService/FollowEvents',
    'content-type': contentType,
    authorization: `Bearer ${token}`,
    ...unmet,
  });
  const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
  expect(headers).toMatchObject(answered);
  session.destroy();
});

describe('a page', () => {
  const status = async (path: string, init: RequestInit) =>
    (await fetch(`${server.url}${path}`, { redirect: 'manual', ...init })).status;
  const begun = (origin: string): RequestInit => ({
    method: 'POST',
    body: JSON.stringify({ token }),
    headers: { 'content-type': 'application/json', origin, ...unmet },
  });

  test.each([
    '/healthz',
    '/readyz',
    '/docs/',
    '/openapi.json',
    '/console/',
    '/robots.txt',
  ])('%s', async (path) => {
    for (const method of ['GET', 'HEAD']) {
      expect(await status(path, { method, headers: unmet })).toBe(412);
      expect(await status(path, { method, headers: { 'if-none-match': '*' } })).toBe(304);
      expect(await status(path, { method, headers: { 'if-match': '*', 'if-none-match': '"a"' } })).toBe(200);
    }
  });

  test('that is none is none', async () => {
    expect(await status('/nowhere', { headers: unmet })).toBe(404);
    expect(await status('/docs/nowhere', { headers: unmet })).toBe(404);
    expect(await status('/', { headers: { ...unmet, accept: 'text/html' } })).toBe(302);
  });

  test('at which something is done: it is not', async () => {
    expect(await status('/console/session', begun(server.url))).toBe(412);
    expect(await status('/console/', { method: 'POST', headers: unmet })).toBe(405);
  });

  test('at which something is done, where pages have a limit', async () => {
    await using limited = await startServer({ flags: ['--calls-per-second-per-address', '100'] });
    expect((await fetch(`${limited.url}/console/session`, begun(limited.url))).status).toBe(412);
  });
});
