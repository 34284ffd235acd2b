import { once } from 'node:events';
import http2 from 'node:http2';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type Door, type Listener, startListener } from '../../../src/server/port/listener.ts';
import { askHttp2 } from '../clients/clients.ts';
import { EchoDoor } from '../doors/echo-door.ts';
import { type KeyPairFiles, makeKeyPair } from '../doors/key-pair.ts';

let keys: KeyPairFiles;
let listener: Listener;
let session: http2.ClientHttp2Session;

beforeAll(async () => {
  keys = await makeKeyPair();
});
afterAll(async () => {
  await keys[Symbol.asyncDispose]();
});
beforeEach(async () => {
  const echo = new EchoDoor();
  const door: Door = {
    handleRequest: echo.handleRequest,
    // What is sent to /unread is never looked at, so that its window is never opened again.
    handleStream: (stream) => (stream.head.path === '/unread' ? undefined : echo.handleStream(stream)),
  };
  listener = await startListener(door, {
    port: 0,
    strangerStreamsMax: 256,
    tls: keys,
    drainTimeoutMs: 100,
    log: () => undefined,
  });
  // The client's own memory for what it has not yet sent, in megabytes: 10 would end its streams.
  session = http2.connect(listener.url, { rejectUnauthorized: false, maxSessionMemory: 1_000 });
  await once(session, 'connect');
});
afterEach(async () => {
  session.destroy();
  await listener.drain();
});

const bytes = 10 * 1_048_576;
const body = 'x'.repeat(bytes);

test('two bodies of ten megabytes at once on one connection', async () => {
  for (let round = 0; round < 3; round += 1) {
    const answers = await Promise.all([askHttp2(session, '/one', body), askHttp2(session, '/two', body)]);
    expect(answers.map((answer) => answer.body)).toEqual([`h2 /one ${bytes}`, `h2 /two ${bytes}`]);
  }
});

test('bodies that nobody reads stop their own streams and no other', async () => {
  const unread = Array.from({ length: 100 }, () => {
    const stream = session.request({ ':path': '/unread', ':method': 'POST' });
    return stream.on('error', () => undefined).end(body.slice(0, 1_048_576));
  });
  expect((await askHttp2(session, '/one', body)).body).toBe(`h2 /one ${bytes}`);
  expect(unread.every((stream) => !stream.writableFinished)).toBe(true);
});
