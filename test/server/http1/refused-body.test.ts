import { once } from 'node:events';
import http from 'node:http';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startServer, type TestServer } from '../../support/start-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const paths = {
  'a call of the lane': '/latchkey.v1.LockService/ListLocks',
  'a stream': '/latchkey.v1.AdminService/FollowEvents',
};
const types = { 'a call of the lane': 'application/json', 'a stream': 'application/connect+json' };
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
afterAll(() => agent.destroy());

/** What a client on one connection is answered that sends a body to who does not want it, and whether the connection stays. */
async function post(what: keyof typeof paths, headers: http.OutgoingHttpHeaders, parts: readonly Buffer[]) {
  const request = http.request(`${server.url}${paths[what]}`, {
    agent,
    method: 'POST',
    headers: { 'content-type': types[what], ...headers },
  });
  for (const part of parts) request.write(part);
  request.end();
  const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
  answer.resume();
  await once(answer, 'end');
  return { status: answer.statusCode, isKept: answer.headers.connection !== 'close' };
}

test.each(
  Object.keys(paths) as (keyof typeof paths)[],
)('a connection whose refused body is not read to its end says that it ends: %s', async (what) => {
  const status = what === 'a stream' ? 200 : 401;
  const bytes = 262_144;
  const tooLong = Buffer.alloc(bytes + 1);
  expect(await post(what, { 'content-length': tooLong.length }, [tooLong])).toEqual({
    status,
    isKept: false,
  });
  const chunks = Array.from({ length: 40 }, () => Buffer.alloc(16_384));
  expect(await post(what, { 'transfer-encoding': 'chunked' }, chunks)).toEqual({ status, isKept: false });
  // And one that says that it stays takes the next request, time after time.
  for (let round = 0; round < 3; round += 1) {
    expect(await post(what, { 'content-length': bytes }, [Buffer.alloc(bytes)])).toEqual({
      status,
      isKept: true,
    });
  }
});
