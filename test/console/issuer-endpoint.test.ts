import { createServer } from 'node:http';
import { expect, test } from '@jest/globals';
import { listen } from '../support/listen.ts';
import { startServer } from '../support/start-server.ts';

/** A server beside an issuer whose sign-on is there; `begin` is what the console's page asks for first. */
async function startBeside(endpoint: string) {
  await using resources = new AsyncDisposableStack();
  const issuer = createServer((_, res) => {
    const document = { issuer: at, authorization_endpoint: endpoint, token_endpoint: `${at}/token` };
    res.setHeader('content-type', 'application/json').end(JSON.stringify(document));
  });
  resources.defer(() => {
    issuer.closeAllConnections();
    issuer.close();
  });
  const at = `http://127.0.0.1:${await listen(issuer)}`;
  const flags = [
    ...['--oidc-issuer', at, '--oidc-audience', 'latchkey', '--oidc-roles', 'a=IAM_OWNER'],
    ...['--console-oidc-client', 'console'],
  ];
  const server = resources.use(await startServer({ flags }));
  const headers = { 'content-type': 'application/json', origin: new URL(server.url).origin };
  const whole = resources.move();
  return {
    server,
    begin: () => fetch(new URL('/console/sign-on', server.url), { method: 'POST', headers, body: '{}' }),
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

test.each([
  ['javascript:alert(1)', 503],
  ['http://issuer.example/authorize', 503],
  ['https://issuer.example/authorize', 200],
])('an issuer whose sign-on is at %s: %i', async (endpoint, status) => {
  await using beside = await startBeside(endpoint);
  const answer = await beside.begin();
  expect([answer.status, await answer.text()]).toEqual([
    status,
    status === 200 ? expect.stringContaining(endpoint) : expect.not.stringContaining(endpoint),
  ]);
});

test.each([
  ['ten minutes after it was begun', 0, 600_000, 400],
  ['a moment before', 0, 599_999, 401],
  ['by a clock that ran ahead, once it is right', 3_600_000, -3_600_000, 400],
])('who comes back from the sign-on %s', async (_when, aheadMs, laterMs, status) => {
  await using beside = await startBeside('https://issuer.example/authorize');
  const { server } = beside;
  server.clock.nowMs += aheadMs;
  const [cookie = ''] = (await beside.begin()).headers.getSetCookie();
  server.clock.nowMs += laterMs;
  const url = new URL('/console/sign-on/callback?code=x&state=y', server.url);
  const answer = await fetch(url, { headers: { cookie: cookie.split(';', 1)[0] ?? '' } });
  expect(answer.status).toBe(status);
});
