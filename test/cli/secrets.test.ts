import { mkdir, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer, type Http2ServerRequest } from 'node:http2';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { listen } from '../support/listen.ts';
import { type Ended, openFolder, runHere, type ServeProcess, spawnCli, startServe } from './run-cli.ts';

const cleanup = new AsyncDisposableStack();
let folder: string;
let server: ServeProcess;
/** Each repeats the caller's own secret in what it answers, as a careless proxy would. */
const parrots: Record<'streams' | 'calls', string> = { streams: '', calls: '' };

beforeAll(async () => {
  folder = cleanup.use(await openFolder()).path;
  server = cleanup.use(await startServe(join(folder, 'data')));
  const repeat = (type: string) => (request: IncomingMessage | Http2ServerRequest) => {
    const said = encodeURIComponent(`no such thing: ${request.headers.authorization}`);
    return { 'content-type': type, 'grpc-status': '5', 'grpc-message': said };
  };
  const streams = repeat('application/grpc');
  const calls = repeat('application/grpc-web+proto');
  const servers = {
    streams: createServer((request, response) => void response.writeHead(200, streams(request)).end()),
    calls: createHttpServer((request, response) => void response.writeHead(200, calls(request)).end()),
  };
  for (const which of ['streams', 'calls'] as const) {
    const one = servers[which];
    cleanup.defer(() => void one.close());
    parrots[which] = `http://127.0.0.1:${await listen(one)}`;
  }
});
afterAll(() => cleanup.disposeAsync());

const secret = 'Zq7-wordsThatNobodyMayRead_0123456789abcdefghijk';
const token = `1795657869197524293.${secret}`;
const jwt = `eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0${secret}.${secret}`;
const bad = (text: string): readonly string[] => [
  `${text}\nmore`,
  `${text} ${text}`,
  `\u0000${text}`,
  `${text}é`,
];

/** Neither whole nor a part of it, as it is, in JSON, in a URL or in base64. */
function expectHidden({ stdout, stderr }: Ended): void {
  const said = stdout + stderr;
  const parts = [secret.slice(0, 12), secret.slice(-12), secret.slice(10, 24)];
  const encoded = ['base64', 'base64url', 'hex'].map((form) =>
    Buffer.from(secret)
      .toString(form as BufferEncoding)
      .slice(0, 12),
  );
  expect(parts.concat(encoded).filter((part) => said.includes(part))).toEqual([]);
}

test('a token with a line end or spaces around it works', async () => {
  for (const given of [`${server.token}\n`, `${server.token}\r\n`, ` ${server.token} \n`]) {
    const env = { LATCHKEY_URL: server.url, LATCHKEY_TOKEN: given };
    expect(await spawnCli(['user', 'list'], { env })).toMatchObject({ code: 0, stderr: '' });
    const flags = ['--url', server.url, '--token', given];
    expect(await runHere(['user', 'list', ...flags])).toMatchObject({ code: 0, stderr: '' });
  }
});

test('an empty token is called empty, wherever it comes from', async () => {
  const data = join(folder, 'empty');
  await mkdir(data);
  await writeFile(join(data, 'admin-token'), '\n');
  const env = { LATCHKEY_URL: server.url, LATCHKEY_DATA: data };
  const { code, stderr } = await spawnCli(['user', 'list'], { env });
  expect(code).toBe(7);
  expect(stderr).toBe(
    `latchkey: ${join(data, 'admin-token')} is empty: a token is wanted, such as "latchkey token create" makes\n`,
  );
  const flags = ['--url', server.url, '--token', ' '];
  expect(await runHere(['user', 'list', ...flags])).toMatchObject({
    code: 7,
    stderr: expect.stringContaining('--token is empty'),
  });
});

describe('no failure repeats a secret', () => {
  const commands = [
    ['user', 'list'],
    ['user', 'unlock', '1'],
    ['events', '--follow'],
  ];
  const urls: readonly (readonly [string, () => string])[] = [
    ['a server', () => server.url],
    ['nobody', () => 'http://127.0.0.1:1'],
    ['TLS where there is none', () => server.url.replace('http:', 'https:')],
    ['a server of streams that repeats it', () => parrots.streams],
    ['a server of calls that repeats it', () => parrots.calls],
  ];

  describe.each([
    ['a token', token],
    ['a JWT', jwt],
  ])('%s', (_, text) => {
    test.each(urls)('sent to %s', async (__, url) => {
      for (const argv of commands) {
        for (const json of [[], ['--json']]) {
          const ended = await runHere([...argv, ...json, '--url', url(), '--token', text]);
          expect(ended.code).not.toBe(0);
          expectHidden(ended);
        }
      }
    });

    test('with characters that no token has, in an option, the environment or the file', async () => {
      for (const [at, given] of bad(text).entries()) {
        const flags = ['--url', server.url];
        expectHidden(await runHere(['user', 'list', ...flags, '--token', given]));
        const data = join(folder, `${at}-${text.length}`);
        await mkdir(data);
        await writeFile(join(data, 'admin-token'), given);
        const environments: Record<string, string>[] = [{ LATCHKEY_URL: server.url, LATCHKEY_DATA: data }];
        if (!given.includes('\u0000')) environments.push({ LATCHKEY_URL: server.url, LATCHKEY_TOKEN: given });
        for (const env of environments) {
          const ended = await spawnCli(['user', 'list'], { env });
          expect(ended.code).toBe(7);
          expectHidden(ended);
        }
      }
    });

    test('in the wrong place of the command line', async () => {
      for (const argv of [
        ['user', 'list', text],
        ['user', 'show', text, '--db', server.database],
        ['token', 'revoke', text, '--db', server.database],
        ['token', 'revoke', text, text],
        [text],
        ['user', text],
        ['user', 'list', '--url', text],
        ['user', 'list', '--url', `http://user:${text}@127.0.0.1`],
        ['user', 'list', '--limit', text],
        ['user', 'list', '--db', join(folder, `${text}.db`)],
        ['serve', '--log-level', text],
        ['serve', '--port', text],
      ]) {
        const ended = await runHere(argv);
        expect(ended.code).not.toBe(0);
        expectHidden(ended);
      }
    });
  });

  test("a database's password, encoded or not, in each command that opens one", async () => {
    const passwords = [
      secret,
      `${secret}@x`,
      `${secret}/x`,
      `p:${secret}`,
      encodeURIComponent(`${secret}/?#@`),
    ];
    for (const password of passwords) {
      const database = `postgres://lk:${password}@127.0.0.1:1/latchkey`;
      for (const db of [database, database.replace('@127', '@:127'), `${database}?password=${secret}`]) {
        for (const command of [['user', 'list'], ['export'], ['verify'], ['migrate']]) {
          const ended = await runHere([...command, '--db', db]);
          if (ended.code !== 0) expectHidden(ended);
        }
      }
    }
    const served = await spawnCli(['serve', '--port', '0', '--db', `postgres://lk:${secret}@127.0.0.1:1/x`]);
    expect(served.code).toBe(6);
    expectHidden(served);
  }, 60_000);

  test('a password that was typed behind the command instead of into it', async () => {
    for (const command of [
      ['user', 'set-password', '1', secret],
      ['user', 'create', secret],
    ]) {
      const ended = await runHere([...command, '--db', server.database]);
      expect(ended).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('the last word is one too many'),
      });
      expectHidden(ended);
    }
  });
});
