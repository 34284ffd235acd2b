import assert from 'node:assert/strict';
import { openTab } from './tab.js';

const timeoutMs = 30_000;
// The statuses of gRPC-Web stand in the body here; a proxy between may lift them into headers.
const exposed =
  'grpc-status, grpc-message, grpc-status-details-bin, content-length, x-request-id, retry-after, www-authenticate';

/** Every client, and the content type that its calls must carry. */
const clients = [
  { name: 'connect-web, gRPC-Web', contentType: 'application/grpc-web+proto' },
  { name: 'connect-web, gRPC-Web JSON', contentType: 'application/grpc-web+json' },
  { name: 'connect-web, Connect JSON', contentType: 'application/json' },
  { name: 'connect-web, Connect proto', contentType: 'application/proto' },
  { name: 'fetch, REST', contentType: 'application/json' },
  { name: 'grpc-web, text', contentType: 'application/grpc-web-text' },
  { name: 'grpc-web, binary', contentType: 'application/grpc-web+proto' },
];

const notLocked = refusal(9, 'COMMAND-olb9vb0oca', 'User is not locked', 'USER_NOT_LOCKED');
const badToken = refusal(16, 'AUTH-7fs1e', 'Errors.Token.Invalid', 'TOKEN_INVALID');
const unknown = refusal(5, 'COMMAND-x377t913pw', 'User could not be found', 'USER_NOT_FOUND');

/** What each client does from the origin of an app that is allowed. */
export async function allowedCases({ check, browser, plain, app }) {
  for (const { name, contentType } of clients) {
    await using tab = await openTab(browser, app.origin);
    await check(`${name}: unlocks after one preflight; the second unlock is refused, readably`, async () => {
      const { call, userId } = await lockedBefore(plain);
      const first = await tab.call('unlock', name, call);
      assertUnlocked(first, plain);
      assert.equal(await plain.people.stateOf(userId), 'USER_STATE_ACTIVE');
      const second = await tab.call('unlock', name, call);
      assertRefused(second, notLocked);
      assert.notEqual(second.requestId, first.requestId);
      const { preflights, calls } = await tab.sent(plain.url);
      // The second call needs none: the first preflight's answer may be remembered.
      assert.deepEqual(
        preflights.map(({ status, protocol }) => [status, protocol]),
        [[204, 'http/1.1']],
      );
      assert.deepEqual(
        calls.map((sent) => [sent.method, sent.contentType, sent.exposed]),
        Array(2).fill(['POST', contentType, exposed]),
      );
    });
    await check(`${name}: reads why a caller is refused`, async () => {
      const { call, userId } = await lockedBefore(plain);
      const unlock = (change) => tab.call('unlock', name, { ...call, ...change });
      assertRefused(await unlock({ token: undefined }), { code: 16, message: 'auth header missing' });
      assertRefused(await unlock({ token: 'nobody.nothing' }), badToken);
      assertRefused(await unlock({ userId: '1' }), unknown);
      assert.equal(await plain.people.stateOf(userId), 'USER_STATE_LOCKED');
    });
  }
}

/** From an origin that is not allowed, no client reads anything, and no call even leaves the browser. */
export async function strangerCases({ check, browser, plain, stranger }) {
  await using tab = await openTab(browser, stranger.origin);
  for (const { name } of clients) {
    await check(`${name}: gets nowhere from an origin that is not allowed`, async () => {
      const { call, userId } = await lockedBefore(plain);
      const answer = await tab.call('unlock', name, call);
      assert.ok(answer.failure !== undefined || answer.refusal !== undefined);
      assert.equal(answer.refusal?.id, undefined);
      assert.equal(answer.requestId ?? null, null);
      assert.equal(await plain.people.stateOf(userId), 'USER_STATE_LOCKED');
      const { preflights, calls } = await tab.sent(plain.url);
      assert.deepEqual(
        preflights.map(({ status }) => status),
        [204],
      );
      assert.deepEqual(
        calls.map(({ status, failure }) => [status, failure]),
        [[undefined, 'PreflightMissingAllowOriginHeader']],
      );
    });
  }
}

/** Over TLS the browser picks HTTP/2: from another origin as from the server's own. */
export async function tlsCases({ check, browser, tls, app, script }) {
  for (const { name } of clients) {
    await using tab = await openTab(browser, app.origin);
    await check(`${name}: unlocks over TLS and HTTP/2 from another origin`, async () => {
      const { call } = await lockedBefore(tls);
      assertUnlocked(await tab.call('unlock', name, call), tls);
      assertRefused(await tab.call('unlock', name, call), notLocked);
      const { preflights, calls } = await tab.sent(tls.url);
      assert.deepEqual(
        [...preflights, ...calls].map(({ method, protocol }) => [method, protocol]),
        [
          ['OPTIONS', 'h2'],
          ['POST', 'h2'],
          ['POST', 'h2'],
        ],
      );
    });
  }
  await using own = await openTab(browser, `${tls.url}/healthz`, { script });
  for (const { name } of clients) {
    await check(`${name}: unlocks over TLS and HTTP/2 from the server's own origin`, async () => {
      const { call } = await lockedBefore(tls);
      assertUnlocked(await own.call('unlock', name, call), tls);
      const { preflights, calls } = await own.sent(tls.url);
      assert.deepEqual([preflights.length, calls.length], [0, 1]);
      assert.equal(await own.call('protocolOf', calls[0].url), 'h2');
    });
  }
}

/** Somebody who waits to be unlocked, and the call that does it. */
async function lockedBefore({ url, token, people }) {
  const userId = await people.makeLocked();
  return { userId, call: { url, token, userId, timeoutMs } };
}

function refusal(code, id, text, reason) {
  return { code, message: `${text} (${id})`, id, text, reason };
}

function assertUnlocked(answer, { people }) {
  const { details, requestId } = answer;
  assert.ok(details, `not unlocked: ${JSON.stringify(answer)}`);
  assert.match(requestId ?? '', /^\S{8,}$/);
  const { changeDate, creationDate, ...rest } = details;
  // Made, locked, unlocked.
  assert.deepEqual(rest, { sequence: '3', resourceOwner: people.organizationId });
  assert.ok(Date.parse(creationDate) <= Date.parse(changeDate), `${creationDate} to ${changeDate}`);
}

function assertRefused({ refusal: actual, requestId, ...rest }, expected) {
  assert.deepEqual(rest, {});
  const read = Object.entries(actual).filter(([, value]) => value !== undefined);
  assert.deepEqual(Object.fromEntries(read), expected);
  assert.match(requestId ?? '', /^\S{8,}$/);
}
