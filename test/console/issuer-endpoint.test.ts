import { createServer } from 'node:http';
import { expect, test } from '@jest/globals';
import { listen } from '../support/listen.ts';
import { startServer } from '../support/start-server.ts';

test.each([
  ['javascript:alert(1)', 503],
  ['http://issuer.example/authorize', 503],
  ['https://issuer.example/authorize', 200],
])('an issuer whose sign-on is at %s: %i', async (endpoint, status) => {
  const issuer = createServer((_, res) => {
    const document = { issuer: at, authorization_endpoint: endpoint, token_endpoint: `${at}/token` };
    res.setHeader('content-type', 'application/json').end(JSON.stringify(document));
  });
  await using resources = new AsyncDisposableStack();
  resources.defer(() => {
    issuer.closeAllConnections();
    issuer.close();
  });
  const at = `http://127.0.0.1:${await listen(issuer)}`;
  const flags = [
    '--oidc-issuer',
    at,
    '--oidc-audience',
    'latchkey',
    '--oidc-roles',
    'a=IAM_OWNER',
    '--console-oidc-client',
    'console',
  ];
  await using server = await startServer({ flags });
  const headers = { 'content-type': 'application/json', origin: new URL(server.url).origin };
  const url = new URL('/console/sign-on', server.url);
  const answer = await fetch(url, { method: 'POST', headers, body: '{}' });
  expect([answer.status, await answer.text()]).toEqual([
    status,
    status === 200 ? expect.stringContaining(endpoint) : expect.not.stringContaining(endpoint),
  ]);
});
