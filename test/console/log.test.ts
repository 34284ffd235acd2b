/** What the log tells of the console's people: who they are, and nothing that opens a door. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { serveLogged } from '../support/logged-server.ts';
import { openBrowser } from './browser.ts';

test('neither token nor cookie is in the log, at its most talkative', async () => {
  await using server = await serveLogged('pipe');
  const token = readFileSync(join(dirname(server.database), 'admin-token'), 'utf8').trim();
  const browser = openBrowser(server.url);
  expect((await browser.signIn(`${token}x`)).status).toBe(401);
  expect((await browser.signIn(token)).status).toBe(200);
  expect((await browser.call('latchkey.v1.AdminService/GetCaller', {})).status).toBe(200);
  expect((await browser.send('POST', '/console/session', { body: `{"token": "${token}"` })).status).toBe(400);
  const [cookie = ''] = [...browser.cookies.values()];
  const { errors } = await server.stop();
  expect(errors).toContain('GetCaller');
  for (const secret of [token.split('.')[1] ?? token, cookie]) {
    expect(secret.length).toBeGreaterThan(20);
    expect(errors).not.toContain(secret);
  }
});
