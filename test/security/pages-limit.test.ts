import { expect, test } from '@jest/globals';
import { startServer } from '../support/start-server.ts';
import { openWire } from '../support/wire.ts';

const body = Buffer.alloc(0);

test.each([
  ['GET', '/docs/'],
  ['GET', '/openapi.json'],
  ['HEAD', '/console/'],
  ['GET', '/console/session'],
  ['POST', '/console/session'],
  ['GET', '/'],
])('%s %s counts for its address like a call; probes do not', async (verb, path) => {
  await using server = await startServer({ flags: ['--calls-per-second-per-address', '1'] });
  await using wire = openWire(server.url);
  const ask = (asked: string, by = verb) =>
    wire.send({ version: 1, verb: by, path: asked, headers: {}, body });
  for (let nth = 0; nth < 5; nth += 1) expect((await ask(path)).status).not.toBe(429);
  const beyond = await ask(path);
  expect([beyond.status, beyond.headers['retry-after']]).toEqual([429, '1']);
  expect((await ask('/v2/users/me', 'GET')).status).toBe(429);
  expect((await ask('/healthz', 'GET')).status).toBe(200);
  server.clock.nowMs += 1_000;
  expect((await ask(path)).status).not.toBe(429);
  expect((await ask(path)).status).toBe(429);
});
