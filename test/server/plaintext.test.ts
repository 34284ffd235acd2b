import { EventEmitter, once } from 'node:events';
import http2 from 'node:http2';
import https from 'node:https';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ListenerOptions, startListener } from '../../src/server/port/listener.ts';
import {
  askBoth,
  askHttp1,
  askHttp2,
  bothAnswered,
  connectRaw,
  framesOf,
  frameType,
  preface,
} from './clients/clients.ts';
import { EchoDoor } from './doors/echo-door.ts';
import { type KeyPairFiles, makeKeyPair } from './doors/key-pair.ts';

let pair: KeyPairFiles;
beforeAll(async () => {
  pair = await makeKeyPair();
});
afterAll(async () => {
  await pair[Symbol.asyncDispose]();
});

async function start(options: Partial<ListenerOptions> = {}) {
  const door = new EchoDoor();
  const refusals = new EventEmitter();
  const listener = await startListener(door, {
    port: 0,
    tls: pair,
    log: (event, fields) => {
      if (event === 'listener.refused') for (const name of Object.keys(fields)) refusals.emit(name);
    },
    ...options,
  });
  const plainUrl = listener.url.replace('https:', 'http:');
  return { door, refusals, listener, plainUrl, [Symbol.asyncDispose]: () => listener.drain() };
}

const trustNobody = { rejectUnauthorized: false };

/** HTTP/1.1 and HTTP/2 over TLS, on connections of their own. */
async function askBothSecurely(url: string): Promise<string[]> {
  const session = http2.connect(url, trustNobody);
  try {
    const one = once(https.get(`${url}/other`, { ...trustNobody, agent: false }), 'response');
    const [[res], two] = await Promise.all([one, askHttp2(session, '/other')]);
    return [await text(res), two.body];
  } finally {
    session.close();
  }
}

describe('plain text on a port that speaks TLS', () => {
  test('is told in HTTP/1.1 that the port speaks TLS, and reaches no door', async () => {
    await using server = await start();
    const answer = await askHttp1(`${server.plainUrl}/secret`, { body: 'x'.repeat(100_000) });
    expect([answer.status, answer.body]).toEqual([400, 'this port speaks TLS\n']);
    expect(answer.headers).toMatchObject({
      connection: 'close',
      'content-type': 'text/plain; charset=utf-8',
    });
    expect(server.door.seen).toBe(0);
  });

  test('is told in HTTP/2 that the port speaks TLS, and reaches no door', async () => {
    await using server = await start();
    const { socket, done } = await connectRaw(server.listener.port);
    socket.write(preface);
    const [settings, goaway, ...more] = framesOf(await done);
    expect([settings?.type, goaway?.type, more]).toEqual([frameType.settings, frameType.goaway, []]);
    expect(goaway?.payload.readUInt32BE(4)).toBe(http2.constants.NGHTTP2_INADEQUATE_SECURITY);
    expect(goaway?.payload.subarray(8).toString()).toBe('this port speaks TLS');
    const session = http2.connect(server.plainUrl).on('error', () => undefined);
    const [code] = await once(session, 'goaway');
    expect(code).toBe(http2.constants.NGHTTP2_INADEQUATE_SECURITY);
    session.destroy();
    expect(server.door.seen).toBe(0);
  });

  test('is cut off where it does not hang up after its refusal', async () => {
    await using server = await start({ firstBytesTimeoutMs: 150 });
    const { socket, done } = await connectRaw(server.listener.port);
    socket.write('POST / HTTP/1.1\r\n');
    socket.allowHalfOpen = true;
    const dripping = setInterval(() => socket.write('x'), 10);
    expect((await done).toString()).toMatch(/^HTTP\/1.1 400 /);
    clearInterval(dripping);
  });

  test('does not hold up a drain', async () => {
    await using server = await start();
    const { socket, received } = await connectRaw(server.listener.port);
    socket.write('GET / HTTP/1.1\r\n');
    while (received().length === 0) await once(socket, 'data');
    await server.listener.drain();
  });

  test('is served beside TLS where that is allowed', async () => {
    await using server = await start({ plaintext: 'allowed' });
    const rounds = Array.from({ length: 20 }, () => [
      askBoth(server.plainUrl),
      askBothSecurely(server.listener.url),
    ]);
    const answers = await Promise.all(rounds.flat());
    expect(answers).toEqual(Array.from({ length: 40 }, () => bothAnswered));
  });
});

describe('TLS on a port told apart by its first bytes', () => {
  test('is served where its first record comes byte by byte', async () => {
    await using server = await start();
    const { socket } = await connectRaw(server.listener.port);
    socket.removeAllListeners('data');
    const byByte = new Duplex({
      read: () => socket.resume(),
      write(chunk: Buffer, _encoding, done) {
        for (const byte of chunk) socket.write(Buffer.of(byte));
        socket.write('', done);
      },
      final: (done) => socket.end(done),
    });
    socket.on('data', (chunk) => byByte.push(chunk));
    socket.on('end', () => byByte.push(null));
    const secure = tls.connect({ socket: byByte, ...trustNobody });
    secure.end('GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    expect(await text(secure)).toContain('h1 /slow 0');
  });

  test('is cut off where the handshake stops after its first byte', async () => {
    await using server = await start({ firstBytesTimeoutMs: 150 });
    const { socket, done } = await connectRaw(server.listener.port);
    const counted = once(server.refusals, 'tlsHandshake');
    socket.write(Buffer.of(0x16));
    await done;
    await counted;
  });

  test('is answered 400 in HTTP/1.1 on a port without TLS', async () => {
    await using server = await start({ tls: undefined });
    const { socket, done } = await connectRaw(server.listener.port);
    socket.write(Buffer.from('16030100050100000100', 'hex'));
    expect((await done).toString()).toMatch(/^HTTP\/1.1 400 /);
  });
});
