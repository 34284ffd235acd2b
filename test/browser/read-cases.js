import assert from 'node:assert/strict';
import { openTab } from './tab.js';

const timeoutMs = 30_000;

/** Reading by Connect GET, and answers that no handler gave. */
export async function readCases({ check, browser, plain, app, stranger }) {
  await using tab = await openTab(browser, app.origin);
  await using other = await openTab(browser, stranger.origin);
  for (const useBinaryFormat of [false, true]) {
    const encoding = useBinaryFormat ? 'proto' : 'json';
    await check(`connect-web, Connect GET (${encoding}): reads a user`, async () => {
      const userId = await plain.people.makeLocked();
      const call = { url: plain.url, token: plain.token, userId, useBinaryFormat, timeoutMs };
      const { requestId, ...read } = await tab.call('readByGet', call);
      assert.deepEqual(read, { userId, state: 'LOCKED' });
      assert.match(requestId ?? '', /^\S{8,}$/);
      const { preflights, calls } = await tab.sent(plain.url);
      assert.deepEqual([preflights.length, calls.length], [1, 1]);
      assert.deepEqual([calls[0].method, calls[0].status], ['GET', 200]);
      assert.equal(new URL(calls[0].url).searchParams.get('encoding'), encoding);
    });
  }

  const unlockPath = '/zitadel.user.v2.UserService/UnlockUser';
  const answers = [
    { path: '/healthz', init: {}, status: 200 },
    { path: '/v2/nowhere', init: {}, status: 404 },
    { path: '/v2/users/1/unlock', init: { method: 'DELETE' }, status: 405 },
    { path: unlockPath, init: { method: 'POST', headers: { 'content-type': 'text/html' } }, status: 415 },
    { path: '/v2/users/1', init: {}, status: 401 },
  ];
  for (const { path, init, status } of answers) {
    const method = init.method ?? 'GET';
    await check(`${method} ${path}: the app reads the ${status}, a stranger nothing`, async () => {
      const read = await tab.call('ask', `${plain.url}${path}`, init);
      assert.equal(read.status, status, JSON.stringify(read));
      assert.match(read.requestId ?? '', /^\S{8,}$/);
      assert.deepEqual(await other.call('ask', `${plain.url}${path}`, init), {
        failure: 'TypeError: Failed to fetch',
      });
      const { calls } = await other.sent(plain.url);
      assert.match(calls[0]?.failure ?? '', /MissingAllowOriginHeader$/);
    });
  }
}
