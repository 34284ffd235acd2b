import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import { type ListenerOptions, startListener } from '../../src/server/port/listener.ts';
import {
  askBoth,
  askHttp2,
  bothAnswered,
  connectRaw,
  endHeaders,
  endStream,
  frame,
  frameType,
  goawayCode,
  postHeaders,
  preface,
} from './clients/clients.ts';
import { holdConnections } from './clients/hold-connections.ts';
import { EchoDoor } from './doors/echo-door.ts';

const { constants } = http2;

async function start(options: Partial<ListenerOptions> = {}) {
  const door = new EchoDoor();
  const refusals = new EventEmitter();
  const listener = await startListener(door, {
    port: 0,
    log: (event, fields) => {
      if (event === 'listener.refused') for (const name of Object.keys(fields)) refusals.emit(name);
    },
    ...options,
  });
  return { door, refusals, listener, [Symbol.asyncDispose]: () => listener.drain() };
}

/** Sends a byte at a time, for as long as the connection lives. */
function drip(socket: Socket, byte: () => Buffer | string): void {
  const dripping = setInterval(() => socket.write(byte()), 10);
  socket.once('close', () => clearInterval(dripping));
}

const quick = { headersTimeoutMs: 150, requestTimeoutMs: 300, firstBytesTimeoutMs: 150 };

// First, while this process has grown for nothing else.
test('thousands of silent connections: others are answered, memory is bounded', async () => {
  await using server = await start({ firstBytesTimeoutMs: 60_000, strangersPerAddressMax: 10_002 });
  const bytesBefore = process.memoryUsage().rss;
  await using held = await holdConnections(server.listener.port, 10_000);
  expect(await askBoth(server.listener.url)).toEqual(bothAnswered);
  const bytesEach = (process.memoryUsage().rss - bytesBefore) / held.count;
  process.stdout.write(`${held.count} silent connections, ${Math.round(bytesEach)} bytes each\n`);
  expect(held.count).toBeGreaterThanOrEqual(1_000);
  expect(bytesEach).toBeLessThan(32 * 1024);
});

describe('a client that is slow on purpose', () => {
  test.each([
    ['says nothing', ''],
    ['stops within what could be the HTTP/2 preface', 'PR'],
  ])('and %s is cut off', async (_what, said) => {
    await using server = await start(quick);
    const { socket, done } = await connectRaw(server.listener.port);
    socket.write(said);
    expect(await askBoth(server.listener.url)).toEqual(bothAnswered);
    expect((await done).length).toBe(0);
    await server.listener.drain();
    expect(server.door.seen).toBe(2);
  });

  test('and drips the headers of HTTP/1.1 gets 408', async () => {
    await using server = await start(quick);
    const { socket, done } = await connectRaw(server.listener.port);
    socket.write('GET / HTTP/1.1\r\nhost: x\r\nx-slow: ');
    drip(socket, () => 'x');
    expect(await askBoth(server.listener.url)).toEqual(bothAnswered);
    expect((await done).toString()).toMatch(/^HTTP\/1.1 408 /);
  });

  test('and drips the body of HTTP/1.1 gets 408', async () => {
    await using server = await start(quick);
    const { socket, done } = await connectRaw(server.listener.port);
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n');
    drip(socket, () => 'x');
    expect(await askBoth(server.listener.url)).toEqual(bothAnswered);
    expect((await done).toString()).toMatch(/^HTTP\/1.1 408 /);
  });

  test('and drips the body of an HTTP/2 stream loses the stream, not the session', async () => {
    await using server = await start(quick);
    const session = http2.connect(server.listener.url);
    const stream = session.request({ ':method': 'POST', ':path': '/' });
    const dripping = setInterval(() => stream.write('x'), 10);
    await server.door.seenAtLeast(1);
    expect(await askBoth(server.listener.url)).toEqual(bothAnswered);
    await once(stream, 'close');
    clearInterval(dripping);
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
    expect((await askHttp2(session, '/next')).body).toBe('h2 /next 0');
    session.close();
  });

  test.each([
    // HEADERS that announce a kilobyte, which never comes whole.
    [
      'within a frame',
      frame({ type: frameType.headers, stream: 3, payload: Buffer.alloc(1_024) }).subarray(0, 9),
    ],
    ['frame by frame', frame({ type: frameType.headers, stream: 3, payload: Buffer.of(0x82) })],
  ])('and drips the headers of an HTTP/2 stream %s is cut off, whatever call is under way', async (how, first) => {
    await using server = await start(quick);
    const timedOut = once(server.refusals, 'http2RequestTimeout');
    const { socket, done } = await connectRaw(server.listener.port);
    socket.write(preface);
    socket.write(frame({ type: frameType.headers, flags: endHeaders, stream: 1, payload: postHeaders }));
    socket.write(first);
    let dripped = 0;
    drip(socket, () => {
      if (how === 'within a frame') return Buffer.of(0x82);
      // Fewer frames than a block may have.
      dripped += 1;
      const payload = Buffer.of(0x82);
      return dripped > 40 ? '' : frame({ type: frameType.continuation, stream: 3, payload });
    });
    expect(await askBoth(server.listener.url)).toEqual(bothAnswered);
    await Promise.all([done, timedOut]);
  });

  test('and never takes its answer is cut off', async () => {
    await using server = await start({ ...quick, idleTimeoutMs: 200 });
    const stalled = [once(server.refusals, 'http1Stalled'), once(server.refusals, 'http2Stalled')];
    const [res] = await once(http.get(`${server.listener.url}/big`), 'response');
    const session = http2.connect(server.listener.url);
    const stream = session.request({ ':path': '/big' });
    await once(stream, 'response');
    expect(await askBoth(server.listener.url)).toEqual(bothAnswered);
    await Promise.all([...stalled, once(session, 'close')]);
    res.resume();
    await expect(once(res, 'end')).rejects.toThrow('aborted');
  });
});

describe('bytes that are no request', () => {
  test('end in 400 or a closed connection', async () => {
    await using server = await start(quick);
    const endings = Array.from({ length: 50 }, async (_none, seed) => {
      const { socket, done } = await connectRaw(server.listener.port);
      socket.write(
        Buffer.from(Array.from({ length: 4_096 }, (_zero, at) => (at * at * 31 + at * 7 + seed * 97) % 256)),
      );
      return (await done).toString();
    });
    expect(await askBoth(server.listener.url)).toEqual(bothAnswered);
    for (const ending of await Promise.all(endings)) expect(ending).toMatch(/^(HTTP\/1.1 400 |$)/);
    expect(server.door.seen).toBe(2);
  });

  test.each([
    [
      'a broken preface',
      Buffer.from(`PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n${'x'.repeat(64)}`),
      constants.NGHTTP2_PROTOCOL_ERROR,
    ],
    [
      'broken header compression',
      Buffer.concat([
        preface,
        frame({
          type: frameType.headers,
          flags: endHeaders,
          stream: 1,
          payload: Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        }),
      ]),
      constants.NGHTTP2_COMPRESSION_ERROR,
    ],
    [
      'DATA on a stream that is idle',
      Buffer.concat([preface, frame({ type: frameType.data, stream: 7, payload: Buffer.from('x') })]),
      constants.NGHTTP2_PROTOCOL_ERROR,
    ],
    [
      'a frame that is too large',
      Buffer.concat([preface, frame({ type: frameType.data, stream: 1, payload: Buffer.alloc(100_000) })]),
      constants.NGHTTP2_FRAME_SIZE_ERROR,
    ],
  ])('%s ends in GOAWAY', async (_what, bytes, code) => {
    await using server = await start();
    const { socket, done } = await connectRaw(server.listener.port);
    socket.write(bytes);
    expect(await askBoth(server.listener.url)).toEqual(bothAnswered);
    expect(goawayCode(await done)).toBe(code);
    expect(server.door.seen).toBe(2);
  });

  test('headers beyond 16 KiB are refused on both, before the door', async () => {
    await using server = await start();
    const big = 'x'.repeat(17 * 1024);
    const told = once(server.refusals, 'headersTooLarge');
    const { socket, done } = await connectRaw(server.listener.port);
    socket.write(`GET / HTTP/1.1\r\nhost: x\r\nx-big: ${big}\r\n\r\n`);
    expect((await done).toString()).toMatch(/^HTTP\/1.1 431 /);
    await told;
    const session = http2.connect(server.listener.url);
    await once(session, 'remoteSettings');
    const stream = session.request({ ':path': '/', 'x-big': big });
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
    expect([headers[':status'], await text(stream)]).toEqual([431, expect.stringContaining('16384')]);
    expect(await askBoth(server.listener.url)).toEqual(bothAnswered);
    expect(server.door.seen).toBe(2);
    session.close();
  });
});

describe('floods', () => {
  /** Sends what `next` makes until the server ends the connection; what it answered. */
  async function flood(port: number, next: (round: number) => Buffer, roundsMax: number): Promise<Buffer> {
    const { socket, done } = await connectRaw(port);
    socket.write(preface);
    for (let round = 0; round < roundsMax && socket.writable; round += 1) {
      const batch = Array.from({ length: 100 }, (_none, at) => next(round * 100 + at));
      await new Promise((resolve) => socket.write(Buffer.concat(batch), resolve));
    }
    return done;
  }

  const headers = (stream: number, flags: number): Buffer =>
    frame({ type: frameType.headers, flags, stream, payload: postHeaders });

  test('rapid reset: the session ends after its burst, others are answered', async () => {
    await using server = await start();
    const cancel = Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL]);
    const flooded = flood(
      server.listener.port,
      (at) =>
        Buffer.concat([
          headers(at * 2 + 1, endHeaders),
          frame({ type: frameType.reset, stream: at * 2 + 1, payload: cancel }),
        ]),
      1_000,
    );
    expect(await askBoth(server.listener.url)).toEqual(bothAnswered);
    // The client still writes when the server closes, so that a reset may overtake the GOAWAY.
    expect([constants.NGHTTP2_ENHANCE_YOUR_CALM, undefined]).toContain(goawayCode(await flooded));
    await server.listener.drain();
    // The burst, and what one read of the socket had brought along beyond it.
    expect(server.door.seen).toBeLessThan(4_000);
    expect(server.door.closed).toBe(server.door.seen - 1);
  });

  test('streams without end: no more than streamsMax reach the door', async () => {
    await using server = await start({ streamsMax: 64 });
    const flooded = flood(server.listener.port, (at) => headers(at * 2 + 1, endHeaders), 100);
    expect(await askBoth(server.listener.url)).toEqual(bothAnswered);
    await flooded;
    expect(server.door.seen).toBeLessThanOrEqual(64 + 2);
  });

  test.each([
    ['CONTINUATION', frame({ type: frameType.continuation, stream: 1, payload: Buffer.alloc(1_000, 0x80) })],
    ['empty CONTINUATION', frame({ type: frameType.continuation, stream: 1 })],
    ['SETTINGS', frame({ type: frameType.settings })],
    ['PING', frame({ type: frameType.ping, payload: Buffer.alloc(8) })],
  ])('%s frames without end, from a client that reads nothing, end the connection', async (name, next) => {
    await using server = await start();
    const { socket, done } = await connectRaw(server.listener.port);
    socket.pause();
    socket.write(preface);
    if (name.includes('CONTINUATION')) socket.write(headers(1, endStream));
    const batch = Buffer.concat(Array.from({ length: 500 }, () => next));
    const bytesBefore = process.memoryUsage().rss;
    while (!socket.destroyed) await new Promise((resolve) => socket.write(batch, resolve));
    await done;
    expect(await askBoth(server.listener.url)).toEqual(bothAnswered);
    expect(process.memoryUsage().rss - bytesBefore).toBeLessThan(100 * 1024 * 1024);
  });

  test('beyond connectionsMax the oldest connection of a stranger makes room', async () => {
    await using server = await start({ connectionsMax: 3 });
    const oldest = await connectRaw(server.listener.port);
    const session = http2.connect(server.listener.url);
    await askHttp2(session, '/a');
    const third = await connectRaw(server.listener.port);
    expect(oldest.socket.readable).toBe(true);
    const newcomer = http2.connect(server.listener.url);
    expect((await askHttp2(newcomer, '/c')).body).toBe('h2 /c 0');
    expect((await oldest.done).length).toBe(0);
    expect((await askHttp2(session, '/b')).body).toBe('h2 /b 0');
    third.socket.destroy();
    await third.done;
    for (const one of [session, newcomer]) {
      one.close();
      await once(one, 'close');
    }
    expect(await askBoth(server.listener.url)).toEqual(bothAnswered);
  });
});
