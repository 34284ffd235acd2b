import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createDesk } from '../../src/rpc/desk.ts';
import { startServer, type TestServer } from '../support/start-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const get = (path: string, init: RequestInit = {}) => fetch(new URL(path, server.url), init);
const page = async (path: string) => (await get(path)).text();
const unlock = '/docs/zitadel.user.v2.UserService.UnlockUser';

/** `/docs/…` of every call that the server serves. */
function everyCall(): readonly string[] {
  const limits = { token: undefined, address: undefined, refused: undefined };
  const app = { ...server.app, limits, issuer: undefined } as unknown as Parameters<typeof createDesk>[0];
  const { services } = createDesk(app, async () => true);
  return services.flatMap(({ desc }) => desc.methods.map(({ name }) => `/docs/${desc.typeName}.${name}`));
}

test('every call that is served has a page, and the index leads to it', async () => {
  const index = await page('/docs/');
  const calls = everyCall();
  expect(calls.length).toBeGreaterThan(45);
  for (const path of calls) {
    expect(index).toContain(`href="${path}"`);
    const answer = await get(path);
    expect([path, answer.status]).toEqual([path, 200]);
    expect(await answer.text()).toContain(`<h1>${path.split('.').at(-1)}</h1>`);
  }
});

test('every link leads somewhere', async () => {
  for (const path of ['/docs/', ...everyCall()]) {
    const text = await page(path);
    for (const [, anchor = ''] of text.matchAll(/href="#([^"]+)"/g)) {
      expect([path, text.includes(`id="${anchor}"`)]).toEqual([path, true]);
    }
  }
  for (const path of ['/docs/style.css', '/openapi.json']) expect((await get(path)).status).toBe(200);
});

test('the page of UnlockUser describes unlocking', async () => {
  const text = await page(unlock);
  expect(text).toContain(
    '<p>Turns a locked user active and forgets the failed sign-ins that led to the lock.',
  );
  expect(text).toContain('<dd>user.unlock</dd>');
  expect(text).toContain('POST /v2/users/{user_id}/unlock');
  expect(text).toContain('COMMAND-olb9vb0oca');
  expect(text).not.toMatch(/\bLockUser\b|\/lock['"&]|[Ll]ocks (a|the) user/);
});

test('a page shows the call in nine languages and three content types', async () => {
  const text = await page(unlock);
  const names = [...text.matchAll(/<summary>(.+?)<\/summary>/g)].map(([, name]) => name);
  expect(names).toEqual([
    'curl',
    'Python',
    'Go',
    'Node.js',
    'Ruby',
    'C#',
    'PHP',
    'Java',
    'PowerShell',
    'gRPC',
  ]);
  const heads = [...text.matchAll(/<h2 id="\w+(?:-\w+)?">(.+?)<\/h2>/g)].map(([, head]) => head);
  expect(heads).toEqual(expect.arrayContaining(['application/json', 'application/grpc']));
  expect(heads).toContain('application/grpc-web+proto');
});

test('the page of a stream shows how it is read', async () => {
  const text = await page('/docs/latchkey.v1.LockService.FollowLocks');
  const names = [...text.matchAll(/<summary>(.+?)<\/summary>/g)].map(([, name]) => name);
  expect(names).toEqual(['curl', 'Python', 'Go', 'Node.js', 'gRPC']);
  expect(text).toContain('application/connect+json');
});

test('snippets name the server by the address that it was asked by', async () => {
  const text = await page(`${unlock}?user_id=someone-1`);
  expect(text).toContain(`http://127.0.0.1:${server.port}/v2/users/someone-1/unlock`);
  const behind = await get(unlock, { headers: { 'x-forwarded-proto': 'https' } });
  expect(await behind.text()).toContain(`https://127.0.0.1:${server.port}/v2/users/`);
});

test('the gRPC snippet of every call carries what the path of REST carries', async () => {
  const found = [];
  for (const path of everyCall()) {
    const text = await page(path);
    const variables = /<dt>REST<\/dt><dd><code>([^<]+)/.exec(text)?.[1]?.match(/(?<=\{)\w+/g) ?? [];
    const asked = await page(`${path}?${variables.map((name) => `${name}=some-${name}`).join('&')}`);
    const snippet = asked.slice(asked.indexOf('<summary>gRPC</summary>'));
    for (const name of variables) {
      found.push(name);
      const member = name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
      expect([path, snippet.slice(0, snippet.indexOf('</code>'))]).toEqual([
        path,
        expect.stringContaining(`&quot;${member}&quot;:&quot;some-${name}&quot;`),
      ]);
    }
  }
  expect(found.length).toBeGreaterThan(30);
});

test('nothing that a link or a host brings gets into a snippet as anything but a plain word', async () => {
  const clean = await page(unlock);
  for (const hostile of [
    "';id;'",
    '$(id)',
    '`id`',
    '"><script>',
    '\u2019;id',
    'a b',
    '\n',
    'x'.repeat(513),
  ]) {
    expect(await page(`${unlock}?user_id=${encodeURIComponent(hostile)}`)).toBe(clean);
    expect(await page(`${unlock}?${encodeURIComponent(hostile)}=1`)).toBe(clean);
  }
});

test('a link sets ids wherever they stand, and what a server gives out, and nothing else', async () => {
  const preview = await page('/docs/latchkey.v1.UnlockRunService.PreviewUnlock?organization_id=of-nobody');
  expect(preview).toContain('&quot;filter&quot;:{&quot;organizationId&quot;:&quot;of-nobody&quot;');
  const settings = await page(
    '/docs/zitadel.settings.v2.SettingsService.GetLockoutSettings?org_id=of-nobody',
  );
  expect(settings).toContain('ctx.orgId=of-nobody');
  const verify = await page('/docs/zitadel.user.v2.UserService.VerifyEmail?verification_code=XY12');
  expect(verify).toContain('&quot;verificationCode&quot;:&quot;XY12&quot;');
  for (const [call, query] of [
    ['latchkey.v1.AdminService.AddGrant', 'role=IAM_OWNER'],
    ['zitadel.user.v2.UserService.SetPassword', 'password=known&new_password=known'],
    ['zitadel.user.v2.UserService.SetEmail', 'email=me@evil.example'],
    ['latchkey.v1.SubscriptionService.CreateSubscription', 'url=evil.example&description=x'],
  ]) {
    const path = `/docs/${call}`;
    expect([call, await page(`${path}?${query}`)]).toEqual([call, await page(path)]);
  }
});

test('what an example has ahead of it is ahead of whoever pastes it, years later', async () => {
  const startMs = server.clock.nowMs;
  const dayMs = 86_400_000;
  try {
    for (const years of [0, 1, 10]) {
      server.clock.nowMs = startMs + years * 365 * dayMs;
      // A lock ends 366 days from now at most, a token whenever one likes.
      for (const [call, field, mostMs] of [
        ['latchkey.v1.LockService.LockUser', 'until', 366 * dayMs],
        ['zitadel.user.v2.UserService.AddPersonalAccessToken', 'expirationDate', Number.POSITIVE_INFINITY],
      ] as const) {
        const text = await page(`/docs/${call}`);
        const times = [...text.matchAll(new RegExp(`&quot;${field}&quot;:&quot;([^&]+)&quot;`, 'g'))];
        const snippets = times.map(([, time = '']) => Date.parse(time) - server.clock.nowMs);
        expect(snippets.length).toBeGreaterThan(4);
        for (const leftMs of snippets) {
          expect(leftMs).toBeGreaterThan(0);
          expect(leftMs).toBeLessThan(mostMs);
        }
      }
    }
  } finally {
    server.clock.nowMs = startMs;
  }
});

test('a page runs nothing, and is held to that', async () => {
  const answer = await get(unlock);
  expect(await answer.text()).not.toMatch(/<script|<style|style=|\son\w+=|javascript:/i);
  const policy = answer.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(policy).toContain(
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  );
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.headers.get('strict-transport-security')).toBeNull();
});

test('a server that is no demonstration tells nobody an id', async () => {
  await server.people.organization('open');
  const userId = await server.people.user({ organization: 'open', state: 'locked' });
  expect(await page(unlock)).not.toContain(userId);
});

test('a demonstration puts somebody into the page whom the call fits', async () => {
  await using demo = await startServer({ flags: ['--demo'] });
  await demo.people.organization('demo');
  const locked = await demo.people.user({ organization: 'demo', state: 'locked' });
  const active = await demo.people.user({ organization: 'demo' });
  const of = async (call: string) =>
    (await fetch(new URL(`/docs/zitadel.user.v2.UserService.${call}`, demo.url))).text();
  expect(await of('UnlockUser')).toContain(`/v2/users/${locked}/unlock`);
  expect(await of('LockUser')).toContain(`/v2/users/${active}/lock`);
});

test('HEAD is answered as GET, other verbs and other paths are not there', async () => {
  const head = await get(unlock, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
  expect((await get('/docs', { redirect: 'manual' })).headers.get('location')).toBe('/docs/');
  expect((await get('/docs/nothing')).status).toBe(404);
  expect((await get('/docs/', { method: 'POST' })).status).toBe(404);
});
