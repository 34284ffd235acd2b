import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { makeKeyPair } from '../server/doors/key-pair.ts';
import { listen } from '../support/listen.ts';
import { openFolder, runHere, type ServeProcess, spawnCli, startServe } from './run-cli.ts';

const cleanup = new AsyncDisposableStack();
let folder: string;
let server: ServeProcess;

beforeAll(async () => {
  folder = cleanup.use(await openFolder()).path;
  server = cleanup.use(await startServe(join(folder, 'plain')));
});
afterAll(() => cleanup.disposeAsync());

async function listening(made: Server): Promise<string> {
  cleanup.defer(() => void made.close());
  return `http://127.0.0.1:${await listen(made)}`;
}

test.each(['0', '99999999'])('no answer is waited for %s s', async (seconds) => {
  const ended = await runHere(['health', '--url', server.url, '--timeout', seconds]);
  expect(ended).toMatchObject({ code: 2, stderr: 'latchkey: --timeout must be from 1 to 3600\n' });
});

test('a server that serves is healthy: exit code 0, no token needed', async () => {
  expect(await runHere(['health', '--url', server.url])).toEqual({
    code: 0,
    stdout: `${server.url} is ready\n`,
    stderr: '',
  });
  const asJson = await runHere(['health', '--url', `${server.url}/`, '--json']);
  expect(JSON.parse(asJson.stdout)).toEqual({ url: server.url, isReady: true });
});

test('in the environment of the server it needs no option', async () => {
  const env = { LATCHKEY_HOST: '0.0.0.0', LATCHKEY_PORT: new URL(server.url).port };
  expect(await spawnCli(['health'], { env })).toMatchObject({ code: 0, stdout: `${server.url} is ready\n` });
});

test('over TLS, whatever name the certificate has on loopback', async () => {
  const { certPath, keyPath } = cleanup.use(await makeKeyPair());
  const tls = ['--tls-cert', certPath, '--tls-key', keyPath];
  await using secure = await startServe(join(folder, 'secure'), tls);
  expect(secure.url).toMatch(/^https:/);
  expect(await runHere(['health', '--url', secure.url])).toMatchObject({ code: 0 });
});

test('whoever is not there, says no, says something else or says nothing is not healthy: exit code 6', async () => {
  const refusing = createHttpServer((_request, response) => response.writeHead(503).end('draining\n'));
  const silent = createServer((socket) => socket.on('error', () => socket.destroy()));
  const foreign = createServer((socket) =>
    socket.on('error', () => socket.destroy()).end('220 mail.example\r\n'),
  );
  const cases: readonly (readonly [string, RegExp])[] = [
    ['http://127.0.0.1:1', /is not ready: .*ECONNREFUSED/],
    [await listening(refusing), /is not ready: 503 draining \(its log says why\)/],
    [await listening(silent), /is not ready: no answer within 1000 ms/],
    [await listening(foreign), /is not ready: Parse Error/],
  ];
  for (const [url, message] of cases) {
    const asked = await runHere(['health', '--url', url, '--timeout', '1']);
    expect(asked).toMatchObject({ code: 6, stdout: '', stderr: expect.stringMatching(message) });
  }
});

test('wrong usage is exit code 2', async () => {
  expect(await runHere(['health', '--url', 'ftp://127.0.0.1'])).toMatchObject({ code: 2 });
});
