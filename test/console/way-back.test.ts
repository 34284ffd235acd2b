/** Whoever signs in stays where they are: no address leads them to another site. */
import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { listen } from '../support/listen.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openWire, type Wire } from '../support/wire.ts';
import { elsewhere, leadingTo, names } from './astray.ts';
import { openBrowser } from './browser.ts';

const resources = new AsyncDisposableStack();
afterAll(() => resources.disposeAsync());

const clientId = 'console';
let issuer: string;
let server: TestServer;
let wire: Wire;

beforeAll(async () => {
  issuer = await startIssuer();
  const flags = [
    ...['--oidc-issuer', issuer, '--oidc-audience', 'latchkey', '--oidc-roles', 'a=IAM_OWNER'],
    ...['--console-oidc-client', clientId],
  ];
  server = resources.use(await startServer({ flags }));
  wire = resources.use(openWire(server.url));
});

/** As much of an issuer as a sign-in needs to begin. */
async function startIssuer(): Promise<string> {
  const http = createServer((_, res) => {
    const document = { issuer: at, authorization_endpoint: `${at}/auth`, token_endpoint: `${at}/token` };
    res.setHeader('content-type', 'application/json').end(JSON.stringify(document));
  });
  resources.defer(() => {
    http.closeAllConnections();
    http.close();
  });
  const at = `http://127.0.0.1:${await listen(http)}`;
  return at;
}

/** Where a browser that gets the answer would go by itself; undefined: nowhere. */
function ledTo(location: string | undefined): string | undefined {
  return location === undefined ? undefined : new URL(location, server.url).origin;
}

/** A path as a request line can hold it. */
const sendable = (path: string) => path.replace(/[\t <>"]/g, encodeURIComponent).replace(/#.*$/, '');

test.each(elsewhere)('no address that names %j is answered with a way there', async (place) => {
  const fronts = ['/', '/console', '/docs', '/favicon.ico', '/console/sign-on/callback'];
  const query = names.map((name) => `${name}=${encodeURIComponent(place)}`).join('&');
  const asked = [
    ...leadingTo(place),
    ...fronts.flatMap((path) => [`${path}?${query}`, `${path}?return=${place}`]),
    ...[`/${place}`, `/${place}/console`, `/${place}/docs`],
  ];
  for (const version of [1, 2] as const) {
    for (const path of asked.map(sendable)) {
      const headers = { accept: 'text/html', 'sec-fetch-mode': 'navigate' };
      const answer = await wire.send({ version, verb: 'GET', path, headers, body: Buffer.alloc(0) });
      const { location, refresh } = answer.headers;
      const led = ledTo(location as string | undefined);
      expect([path, led ?? new URL(server.url).origin, refresh]).toEqual([
        path,
        new URL(server.url).origin,
        undefined,
      ]);
      const isPage = String(answer.headers['content-type']).startsWith('text/html');
      if (isPage) expect(answer.body.toString()).not.toContain('evil.example');
    }
  }
});

test.each(elsewhere)("the company's sign-on sends nobody back to %j", async (place) => {
  const told = Object.fromEntries(names.map((name) => [name, place]));
  const browser = openBrowser(server.url);
  const query = new URLSearchParams(told);
  const headers = { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' };
  const answer = await browser.send('POST', `/console/sign-on?${query}`, { body: told, headers });
  expect(answer.status).toBe(200);
  const { url } = (await answer.json()) as { readonly url: string };
  const there = new URL(url);
  expect([there.origin, there.pathname]).toEqual([issuer, '/auth']);
  expect(there.searchParams.getAll('redirect_uri')).toEqual([
    `${new URL(server.url).origin}/console/sign-on/callback`,
  ]);
  expect(url).not.toContain('evil.example');
});

test.each([
  ['another site', 'https://evil.example'],
  ['this server as a user name there', 'http://{}@evil.example'],
  ['a path there that looks like this server', 'http://evil.example\\@{}'],
  ['a name that begins like this one', 'http://{}.evil.example'],
])('a page of %s begins no sign-on, where the browser says no more than its origin', async (_, shape) => {
  const { host } = new URL(server.url);
  const headers = { origin: shape.replace('{}', host), 'sec-fetch-site': '' };
  const answer = await openBrowser(server.url).send('POST', '/console/sign-on', { body: {}, headers });
  expect([answer.status, answer.headers.getSetCookie()]).toEqual([403, []]);
});
