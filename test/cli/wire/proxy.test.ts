import { createServer, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { proxyFor } from '../../../src/cli/remote/proxy.ts';
import { makeKeyPair } from '../../server/doors/key-pair.ts';
import { listen } from '../../support/listen.ts';
import { type Ended, openFolder, type ServeProcess, spawnCli, startServe } from '../run-cli.ts';

const cleanup = new AsyncDisposableStack();
let plain: ServeProcess;
let secure: ServeProcess;
let certPath: string;
let proxy: string;
/** What the proxy was asked for, and as whom. */
let asked: string[];
/** What it says. */
let refusal: number | undefined;

/** A name that nobody has. */
const host = 'latchkey.invalid';

beforeAll(async () => {
  const folder = cleanup.use(await openFolder()).path;
  const pair = cleanup.use(await makeKeyPair(`DNS:${host}`));
  certPath = pair.certPath;
  plain = cleanup.use(await startServe(join(folder, 'plain')));
  const tls = ['--tls-cert', certPath, '--tls-key', pair.keyPath];
  secure = cleanup.use(await startServe(join(folder, 'secure'), tls));
  proxy = await openProxy();
});
afterAll(() => cleanup.disposeAsync());
beforeEach(() => {
  asked = [];
  refusal = undefined;
});

/** Passes calls to `latchkey.invalid` on to the port that they name, on this machine. */
async function openProxy(): Promise<string> {
  const note = ({ method, url, headers }: IncomingMessage) =>
    asked.push(`${method} ${url} ${headers['proxy-authorization'] ?? '-'}`);
  const server = createServer((incoming, outgoing) => {
    note(incoming);
    if (refusal !== undefined) return void outgoing.writeHead(refusal).end();
    const { port, pathname } = new URL(incoming.url ?? '');
    const { method, headers } = incoming;
    const on = request({ host: '127.0.0.1', port, path: pathname, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(on);
  });
  server.on('connect', (incoming, socket) => {
    note(incoming);
    socket.on('error', () => undefined);
    if (refusal !== undefined) return void socket.end(`HTTP/1.1 ${refusal} No\r\n\r\n`);
    const on = connect(Number(incoming.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      on.pipe(socket).pipe(on);
    });
    on.on('error', () => socket.destroy());
  });
  cleanup.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${await listen(server)}`;
}

const named = ({ url }: ServeProcess): string => url.replace('127.0.0.1', host);

function list(server: ServeProcess, env: Record<string, string>, url = named(server)): Promise<Ended> {
  const flags = server === secure ? ['--ca', certPath] : [];
  return spawnCli(['user', 'list', '--timeout', '5', ...flags], {
    env: { ...env, LATCHKEY_URL: url, LATCHKEY_TOKEN: server.token },
  });
}

describe('the proxy of the environment', () => {
  test('leads to a server, with and without TLS', async () => {
    for (const variable of ['grpc_proxy', 'https_proxy', 'http_proxy']) {
      expect(await list(plain, { [variable]: proxy })).toMatchObject({ code: 0, stderr: '' });
      expect(await list(secure, { [variable]: proxy })).toMatchObject({ code: 0, stderr: '' });
    }
    const path = '/zitadel.user.v2.UserService/ListUsers';
    expect(asked).toContain(`POST ${named(plain)}${path} -`);
    expect(asked).toContain(`CONNECT ${new URL(named(secure)).host} -`);
  });

  test('is told name and password, and nobody else is', async () => {
    const credentials = proxy.replace('//', '//lk:pass%20word@');
    const told = `Basic ${Buffer.from('lk:pass word').toString('base64')}`;
    expect(await list(secure, { https_proxy: credentials })).toMatchObject({ code: 0 });
    expect(await list(plain, { https_proxy: credentials })).toMatchObject({ code: 0 });
    expect(asked.filter((line) => line.endsWith(told)).length).toBeGreaterThanOrEqual(2);
    refusal = 403;
    for (const server of [plain, secure]) {
      const { code, stderr } = await list(server, { https_proxy: credentials });
      expect(code).toBe(6);
      expect(stderr).not.toMatch(/pass.*word/);
    }
  });

  test('is named where it refuses, or is not there', async () => {
    refusal = 403;
    const sentence = /the proxy of http_proxy or https_proxy does not let it through/;
    expect(await list(secure, { https_proxy: proxy })).toMatchObject({
      code: 6,
      stderr: expect.stringMatching(sentence),
    });
    for (const nowhere of ['http://127.0.0.1:1', 'http://nobody.invalid:3128']) {
      for (const server of [plain, secure]) {
        const ended = await list(server, { https_proxy: nowhere });
        expect(ended).toMatchObject({ code: 6, stderr: expect.stringMatching(sentence) });
      }
    }
  });

  test('is named by a stream too, in one line', async () => {
    const follow = (server: ServeProcess, https_proxy: string) =>
      spawnCli(['events', '--follow', ...(server === secure ? ['--ca', certPath] : [])], {
        env: {
          http_proxy: https_proxy,
          https_proxy,
          LATCHKEY_URL: named(server),
          LATCHKEY_TOKEN: server.token,
        },
      });
    refusal = 403;
    for (const server of [plain, secure]) {
      for (const wrong of [proxy, 'http://127.0.0.1:1']) {
        const { code, stderr } = await follow(server, wrong);
        expect({ wrong, code, stderr }).toMatchObject({
          code: 6,
          stderr: expect.stringMatching(
            /^latchkey: Cannot reach \S+( \(LATCHKEY_URL\))?: the proxy of http_proxy or https_proxy .*\n$/,
          ),
        });
      }
    }
  });

  test.each(['user list', 'events --follow'])('%s: that nobody can log in to is named', async (command) => {
    const argv = [...command.split(' '), '--url', `http://${host}`, '--token', plain.token];
    const ended = await spawnCli(argv, { env: { http_proxy: 'http://me:50%off@127.0.0.1:1' } });
    expect(ended).toMatchObject({ code: 7, stderr: expect.stringMatching(/^latchkey: The proxy .*%25\n$/) });
  });

  test('is left aside for this machine, and for whoever no_proxy names', async () => {
    const nowhere = { https_proxy: 'http://127.0.0.1:1' };
    expect(await list(plain, nowhere, plain.url)).toMatchObject({ code: 0 });
    const direct = await list(plain, { https_proxy: proxy, no_proxy: 'other.example, .invalid' });
    expect(direct).toMatchObject({ code: 6, stderr: expect.stringMatching(/no address is known/) });
    expect(asked).toEqual([]);
  });
});

test.each([
  ['http://latchkey.example', 'http://p:1', '', true],
  ['https://latchkey.example', 'http://p:1', '', true],
  ['https://latchkey.example', 'https://p:1', '', true],
  ['https://latchkey.example', 'socks5://p:1', '', false],
  ['https://latchkey.example', 'p', '', false],
  ['https://latchkey.example', undefined, '', false],
  ['http://localhost:8080', 'http://p:1', '', false],
  ['http://127.0.0.2', 'http://p:1', '', false],
  ['http://[::1]', 'http://p:1', '', false],
  ['https://latchkey.example', 'http://p:1', '*', false],
  ['https://latchkey.example', 'http://p:1', 'a.example,LATCHKEY.example', false],
  ['https://latchkey.example', 'http://p:1', ' .example ', false],
  ['https://latchkey.example', 'http://p:1', '*.example', false],
  ['https://latchkey.example', 'http://p:1', 'key.example,,', true],
  ['https://10.1.2.3', 'http://p:1', '10.0.0.0/8', false],
  ['https://11.1.2.3', 'http://p:1', '10.0.0.0/8', true],
  ['https://10.1.2.3', 'http://p:1', '10.1.2.3', false],
  ['https://10.1.2.3', 'http://p:1', '10.0.0.0/33,10.0.0.0/', true],
  ['https://[fd00::1]', 'http://p:1', 'fd00::/8', false],
  ['https://[fe80::1]', 'http://p:1', 'fd00::/8,10.0.0.0/8', true],
])('%s by %s but for "%s": by proxy %s', (server, url, except, isProxied) => {
  expect(proxyFor(new URL(server), { url, except }) !== undefined).toBe(isProxied);
});
