/** Who is signed in to the console: the cookie, what it is worth, and to whom. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readVersion } from '../../src/app/version.ts';
import { openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openWire } from '../support/wire.ts';
import { openBrowser, type TestBrowser } from './browser.ts';

const resources = new AsyncDisposableStack();
afterAll(() => resources.disposeAsync());

const getCaller = 'latchkey.v1.AdminService/GetCaller';
const unlockUser = 'latchkey.v1.LockService/UnlockUser';
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

let server: TestServer;
let owner: string;
let unlocker: string;

beforeAll(async () => {
  server = resources.use(await startServer());
  await server.people.organization('acme');
  owner = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  const roles = [{ role: 'ORG_USER_UNLOCKER', organization: 'acme' }];
  unlocker = await server.people.caller({ organization: 'acme', roles });
});

async function signedIn(token = unlocker): Promise<TestBrowser> {
  const browser = openBrowser(server.url);
  expect((await browser.signIn(token)).status).toBe(200);
  return browser;
}

const lockedUser = () => server.people.user({ organization: 'acme', state: 'locked' });
const statusOf = async (answer: Promise<Response>) => (await answer).status;

describe('sign-in', () => {
  test('a pasted token becomes a cookie that no script reads, and the cookie unlocks', async () => {
    const browser = openBrowser(server.url);
    const answer = await browser.signIn(`  ${unlocker}\n`);
    const [cookie = ''] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^latchkey-session=[\w-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=28800$/);
    const endsAt = server.clock.nowMs + 8 * hourMs;
    const idleEndsAt = server.clock.nowMs + 30 * minuteMs;
    expect(await answer.json()).toEqual({
      endsAt,
      idleEndsAt,
      now: server.clock.nowMs,
      version: readVersion(),
    });
    expect(cookie).not.toContain(unlocker.split('.')[1] ?? '');
    const userId = await lockedUser();
    expect(await statusOf(browser.call(unlockUser, { userId, reason: 'called back' }))).toBe(200);
    await using door = openDoor(server.url, owner);
    expect((await door.events(userId)).at(-1)).toMatchObject({
      type: 'user.unlocked',
      actor: { reason: 'called back' },
    });
  });

  test('over TLS, in front or here, the cookie is bound to the host and to TLS', async () => {
    const browser = openBrowser(server.url, 'https://lock.example');
    const [cookie = ''] = (await browser.signIn(unlocker)).headers.getSetCookie();
    expect(cookie).toMatch(
      /^__Host-latchkey-session=[\w-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=28800; Secure$/,
    );
    expect(await statusOf(browser.call(getCaller, {}))).toBe(200);
  });

  test('an unencrypted page of another machine signs nobody in, and says why', async () => {
    const answer = await openBrowser(server.url, 'http://lock.example').signIn(unlocker);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ message: expect.stringContaining('--tls-cert') });
  });

  test.each([
    ['a wrong token', 'nobody.at-all', 401],
    ['no token', ' ', 400],
  ])('%s is refused, without a cookie', async (_, token, status) => {
    const answer = await openBrowser(server.url).signIn(token);
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([status, []]);
  });

  test('a token of 2800 characters is looked at, one of 2801 is not', async () => {
    const lengths = [2_800, 2_801].map((length) => 'x.'.padEnd(length, 'x'));
    const statuses = lengths.map(async (token) => (await openBrowser(server.url).signIn(token)).status);
    expect(await Promise.all(statuses)).toEqual([401, 400]);
  });

  test('a body of 16 KiB is read, one a byte longer is not', async () => {
    const bodies = [16_384, 16_385].map((length) => '{"token":""}'.padEnd(length));
    const statuses = bodies.map(
      async (body) => (await openBrowser(server.url).send('POST', '/console/session', { body })).status,
    );
    expect(await Promise.all(statuses)).toEqual([400, 429]);
  });

  test('guesses count as they do for calls', async () => {
    await using strict = await startServer({ flags: ['--refused-per-second-per-address', '1'] });
    const browser = openBrowser(strict.url);
    const statuses: number[] = [];
    for (let guess = 0; guess < 6; guess += 1) statuses.push((await browser.signIn(`${guess}.x`)).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
  });
});

describe('the cookie ends', () => {
  test.each([
    ['30 minutes after it was last seen', 30 * minuteMs, 1],
    ['8 hours after the sign-in, however busy', 8 * hourMs, 20 * minuteMs],
  ])('%s', async (_, lifeMs, stepMs) => {
    const startMs = server.clock.nowMs;
    const browser = await signedIn();
    try {
      for (let atMs = stepMs === 1 ? lifeMs - 1 : stepMs; atMs < lifeMs; atMs += stepMs) {
        server.clock.nowMs = startMs + atMs;
        expect(await statusOf(browser.call(getCaller, {}))).toBe(200);
        if (stepMs > 1)
          expect(await statusOf(browser.send('POST', '/console/session/renew', { body: {} }))).toBe(200);
      }
      server.clock.nowMs = startMs + lifeMs;
      expect(await statusOf(browser.call(getCaller, {}))).toBe(401);
      expect(await statusOf(browser.send('POST', '/console/session/renew', { body: {} }))).toBe(401);
    } finally {
      server.clock.nowMs = startMs;
    }
  });

  test('where it was begun by a clock that ran ahead, once that is right', async () => {
    const startMs = server.clock.nowMs;
    server.clock.nowMs += 24 * hourMs;
    const browser = await signedIn();
    expect(await statusOf(browser.call(getCaller, {}))).toBe(200);
    server.clock.nowMs = startMs;
    expect(await statusOf(browser.call(getCaller, {}))).toBe(401);
    expect(await statusOf(browser.send('POST', '/console/session/renew', { body: {} }))).toBe(401);
  });

  test('with its token, and the browser is told so', async () => {
    const startMs = server.clock.nowMs;
    const userId = await server.people.user({ organization: 'acme', kind: 'machine' });
    await using door = openDoor(server.url, owner);
    const expirationDate = new Date(startMs + hourMs).toISOString();
    const { response } = await door.ask('AddPersonalAccessToken', { userId, expirationDate });
    const browser = openBrowser(server.url);
    const answer = await browser.signIn(String(response.token));
    expect(answer.headers.getSetCookie()[0]).toContain('Max-Age=3600');
    expect(await answer.json()).toMatchObject({ endsAt: startMs + hourMs });
  });

  test('at once where its owner is locked', async () => {
    const userId = await server.people.user({ organization: 'acme', kind: 'machine' });
    const browser = await signedIn(await server.people.token(userId));
    expect(await statusOf(browser.call(getCaller, {}))).toBe(200);
    await server.people.act(userId, 'lock');
    expect(await statusOf(browser.call(getCaller, {}))).toBe(401);
  });

  test('where the person signs out', async () => {
    const browser = await signedIn();
    const answer = await browser.send('DELETE', '/console/session', { body: {} });
    expect([answer.status, browser.cookies.size]).toEqual([204, 0]);
    expect(answer.headers.getSetCookie()).toHaveLength(2);
  });

  test('where a letter of it is another', async () => {
    const browser = await signedIn();
    for (const [name, value] of browser.cookies)
      browser.cookies.set(name, (value.startsWith('A') ? 'B' : 'A') + value.slice(1));
    expect(await statusOf(browser.call(getCaller, {}))).toBe(401);
  });
});

describe('from elsewhere the cookie is worth nothing', () => {
  const elsewhere: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    [
      'a neighbour under the same domain',
      { 'sec-fetch-site': 'same-site', origin: 'https://other.lock.example' },
    ],
    ['the address bar', { 'sec-fetch-site': 'none', origin: '' }],
    ['another origin, an older browser', { 'sec-fetch-site': '', origin: 'https://evil.example' }],
    ['another port, an older browser', { 'sec-fetch-site': '', origin: 'http://127.0.0.1:1' }],
    ['nowhere, an older browser', { 'sec-fetch-site': '', origin: '' }],
    ['a frame without origin', { 'sec-fetch-site': '', origin: 'null' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['a form with files', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['a form of text', { 'content-type': 'text/plain;charset=UTF-8' }],
    ['a body of no type', { 'content-type': '' }],
  ];

  test.each(elsewhere)('%s: no call', async (_, headers) => {
    const browser = await signedIn();
    const userId = await lockedUser();
    const answer = await browser.send('POST', `/v2/users/${userId}/unlock`, { body: '{}', headers });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    await using door = openDoor(server.url, owner);
    expect(await door.user(userId)).toMatchObject({ state: 'USER_STATE_LOCKED' });
  });

  test.each(elsewhere)('%s: no sign-in, no renewal, no sign-out', async (_, headers) => {
    const browser = await signedIn();
    const body = JSON.stringify({ token: unlocker });
    for (const [verb, path] of [
      ['POST', '/console/session'],
      ['POST', '/console/session/renew'],
      ['DELETE', '/console/session'],
    ] as const) {
      const answer = await browser.send(verb, path, { body, headers });
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([403, []]);
    }
  });

  test('GET changes nothing and reads nothing', async () => {
    const browser = await signedIn();
    expect(await statusOf(browser.send('GET', '/latchkey/v1/me'))).toBe(401);
  });

  test('an older browser on the very origin is taken', async () => {
    const browser = await signedIn();
    expect(await statusOf(browser.call(getCaller, {}, { 'sec-fetch-site': '' }))).toBe(200);
  });

  test('where there is an Authorization header, it alone counts', async () => {
    const browser = await signedIn();
    expect(await statusOf(browser.call(getCaller, {}, { authorization: 'Bearer nobody.x' }))).toBe(401);
  });

  test('the name without prefix counts on this machine alone', async () => {
    const browser = await signedIn();
    const { port } = new URL(server.url);
    for (const [host, status] of [
      [`localhost:${port}`, 200],
      [`lock.example:${port}`, 401],
    ] as const) {
      await using wire = openWire(server.url);
      const [[name = '', value = ''] = []] = [...browser.cookies];
      const headers = { host, cookie: `${name}=${value}`, 'content-type': 'application/json' };
      const answer = await wire.send({
        version: 1,
        verb: 'POST',
        path: `/${getCaller}`,
        headers: { ...headers, 'sec-fetch-site': 'same-origin' },
        body: Buffer.from('{}'),
      });
      expect(answer.status).toBe(status);
    }
  });
});
