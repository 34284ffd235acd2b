import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { makeKeyPair } from '../server/doors/key-pair.ts';
import { listen } from '../support/listen.ts';
import { type Ended, openFolder, runHere, type ServeProcess, startServe } from './run-cli.ts';

const cleanup = new AsyncDisposableStack();
let plain: ServeProcess;
let secure: ServeProcess;
let certPath: string;
let foreignCertPath: string;

beforeAll(async () => {
  const folder = cleanup.use(await openFolder()).path;
  const pair = cleanup.use(await makeKeyPair());
  certPath = pair.certPath;
  foreignCertPath = cleanup.use(await makeKeyPair()).certPath;
  plain = cleanup.use(await startServe(join(folder, 'plain')));
  const tls = ['--tls-cert', certPath, '--tls-key', pair.keyPath];
  secure = cleanup.use(await startServe(join(folder, 'secure'), tls));
});
afterAll(() => cleanup.disposeAsync());

async function listening(server: Server): Promise<string> {
  cleanup.defer(() => void server.close());
  return `127.0.0.1:${await listen(server)}`;
}

/** A call, which goes over HTTP/1.1. */
const list = ['user', 'list'];
/** A stream, which goes over HTTP/2. */
const follow = ['events', '--follow'];

const ask = (command: readonly string[], url: string, more: readonly string[] = []): Promise<Ended> =>
  runHere([...command, '--url', url, '--token', 'x', '--timeout', '5', ...more]);

/** What libraries say for themselves: nobody who types a command can use it. */
const jargon = /RST_STREAM|use-system-ca|openssl|SSL routines|Resolution note|\n.*\n| at .*\.[jt]s/;

async function expectSentence(url: string, sentence: RegExp, more: readonly string[] = []): Promise<void> {
  for (const command of [list, follow]) await expectSentenceOf(command, url, sentence, more);
}

async function expectSentenceOf(
  command: readonly string[],
  url: string,
  sentence: RegExp,
  more: readonly string[] = [],
): Promise<void> {
  const { code, stdout, stderr } = await ask(command, url, more);
  expect({ code, stdout }).toEqual({ code: 6, stdout: '' });
  expect(stderr).toMatch(sentence);
  expect(stderr).not.toMatch(jargon);
}

describe('a server that is not reached is told in a sentence, with what to do', () => {
  test('nobody listens', () => expectSentence('http://127.0.0.1:1', /nothing listens there.*latchkey serve/));

  test('no such name', () =>
    expectSentence('http://nobody.invalid', /no address is known for "nobody.invalid"/));

  test('TLS to a port without', () => {
    const url = plain.url.replace('http:', 'https:');
    return expectSentence(url, new RegExp(`it speaks no TLS; try --url ${plain.url}\n`));
  });

  test('no TLS to a port that has it', () => {
    const url = secure.url.replace('https:', 'http:');
    return expectSentence(url, new RegExp(`it speaks TLS alone; try --url ${secure.url}\n`));
  });

  test('a certificate that nobody vouches for, and one of another authority', async () => {
    await expectSentence(secure.url, /name the authority with --ca FILE/);
    await expectSentence(secure.url, /not signed by what --ca names/, ['--ca', foreignCertPath]);
    const { stderr } = await ask(list, secure.url, ['--ca', '/nowhere.pem']);
    expect(stderr).toMatch(/^latchkey: Cannot read \/nowhere\.pem: ENOENT/);
  });

  test('a certificate of another name', () => {
    const url = secure.url.replace('127.0.0.1', 'localhost');
    return expectSentence(url, /its certificate is not for "localhost"/, ['--ca', certPath]);
  });

  test.each([200, 404, 502])('a web server, which answers %i', async (status) => {
    const http1 = createHttpServer((_, response) => response.writeHead(status).end('hello'));
    await expectSentence(`http://${await listening(http1)}`, /what answers there is no Latchkey/);
    const http2 = createHttp2Server((_, response) => void response.writeHead(status).end('hello'));
    await expectSentence(`http://${await listening(http2)}`, /what answers there is no Latchkey/);
  });

  test('one that hangs up, at once or in the middle', async () => {
    const rude = createServer((socket) => socket.on('error', () => undefined).destroy());
    await expectSentence(`http://${await listening(rude)}`, /the connection broke off|there is no way/);
    const http2 = createHttp2Server((request) => request.stream.session?.destroy());
    await expectSentenceOf(follow, `http://${await listening(http2)}`, /the connection broke off/);
    const resetting = createHttp2Server((request) => request.stream.close(2));
    await expectSentenceOf(follow, `http://${await listening(resetting)}`, /the connection broke off/);
    const http1 = createHttpServer((request) => request.socket.destroy());
    await expectSentenceOf(list, `http://${await listening(http1)}`, /the connection broke off/);
    const type = { 'content-type': 'application/grpc-web+proto' };
    const begun = createHttpServer((_, response) => {
      response.writeHead(200, { ...type, 'content-length': 20 }).write(Buffer.from([0, 0, 0, 0, 5, 1]));
      setImmediate(() => response.destroy());
    });
    await expectSentenceOf(list, `http://${await listening(begun)}`, /the connection broke off/);
    const cut = createHttpServer((_, response) => response.writeHead(200, type).end(Buffer.from([0, 0, 0])));
    await expectSentenceOf(list, `http://${await listening(cut)}`, /the connection broke off/);
  });

  test('one that sends on to TLS, or wants it', async () => {
    const redirecting = createHttpServer((request, response) =>
      response.writeHead(308, { location: `https://127.0.0.1:8443${request.url}` }).end(),
    );
    const told = /it speaks TLS alone; try --url https:\/\/127\.0\.0\.1:8443\n/;
    await expectSentenceOf(list, `http://${await listening(redirecting)}`, told);
    const nginx = createHttpServer((_, response) =>
      response.writeHead(400).end('<center>The plain HTTP request was sent to HTTPS port</center>'),
    );
    const address = await listening(nginx);
    const wanted = new RegExp(`it speaks TLS alone; try --url https://${address}\n`);
    await expectSentenceOf(list, `http://${address}`, wanted);
    // What OpenSSL says to the first line of HTTP: an alert, in a record of TLS.
    const alert = createServer((socket) => socket.end(Buffer.from([21, 3, 1, 0, 2, 2, 70])));
    await expectSentenceOf(list, `http://${await listening(alert)}`, /it speaks TLS alone/);
  });
});
