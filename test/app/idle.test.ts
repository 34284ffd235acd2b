import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { expect, test } from '@jest/globals';
import { parseServeConfig } from '../../src/app/config.ts';
import { startServer } from '../support/start-server.ts';

test('an idle connection outlives the ten minutes for which balancers keep theirs', () => {
  expect(parseServeConfig([]).idleTimeoutMs).toBeGreaterThan(600_000);
  expect(() => parseServeConfig(['--idle-timeout-ms', 'soon'])).toThrow(/--idle-timeout-ms.* whole number/);
});

test('--idle-timeout-ms ends connections that rest, in either version of HTTP', async () => {
  await using server = await startServer({ flags: ['--idle-timeout-ms', '200'] });
  const socket = net.connect(server.port, '127.0.0.1');
  socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1.1 200 /);
  const session = http2.connect(server.url);
  await Promise.all([once(socket.resume(), 'end'), once(session, 'close')]);
});
