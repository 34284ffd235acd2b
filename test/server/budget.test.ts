import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { costBytes } from '../../src/server/http/admission.ts';
import { type ListenerOptions, startListener } from '../../src/server/port/listener.ts';
import {
  askBoth,
  askHttp1,
  bothAnswered,
  connectRaw,
  endHeaders,
  endStream,
  frame,
  framesOf,
  frameType,
  goawayCode,
  postHeaders,
  preface,
  type RawConnection,
} from './clients/clients.ts';
import { EchoDoor } from './doors/echo-door.ts';
import { openLane } from './doors/open-lane.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_REFUSED_STREAM } = http2.constants;
const kibibyte = 1_024;

async function start(options: Partial<ListenerOptions> = {}) {
  const door = new EchoDoor();
  const refusals = new Set<string>();
  const listener = await startListener(door, {
    port: 0,
    drainTimeoutMs: 100,
    log: (event, fields) => {
      if (event === 'listener.refused') for (const name of Object.keys(fields)) refusals.add(name);
    },
    ...options,
  });
  return { door, refusals, listener, [Symbol.asyncDispose]: () => listener.drain() };
}

const post = (stream: number): Buffer =>
  frame({ type: frameType.headers, flags: endHeaders, stream, payload: postHeaders });
const posts = (count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_none, nth) => post(nth * 2 + 1)));
const ping = frame({ type: frameType.ping, payload: Buffer.alloc(8) });

/** An HTTP/2 connection that sent this, once all of it is read. */
async function connectHttp2(port: number, bytes: Buffer): Promise<RawConnection> {
  const raw = await connectRaw(port);
  raw.socket.write(Buffer.concat([preface, bytes, ping]));
  const isRead = () =>
    framesOf(raw.received()).some(({ type, flags }) => type === frameType.ping && flags === 1);
  while (!isRead() && raw.socket.readable) await Promise.race([once(raw.socket, 'data'), raw.done]);
  return raw;
}

const refusedStreams = (bytes: Buffer): number =>
  framesOf(bytes).filter(
    ({ type, payload }) => type === frameType.reset && payload.readUInt32BE() === NGHTTP2_REFUSED_STREAM,
  ).length;
const announced = (bytes: Buffer): number | undefined =>
  framesOf(bytes)
    .find(({ type, flags }) => type === frameType.settings && flags === 0)
    ?.payload.readUInt32BE(2);

describe('requests that are not finished', () => {
  test('have one budget over all connections; beyond it streams are refused, and room comes back', async () => {
    // Half of it for strangers, and half of that for one address: a connection and some streams.
    await using server = await start({ requestsBytesMax: 4 * 128 * kibibyte });
    const first = await connectHttp2(server.listener.port, posts(30));
    const second = await connectHttp2(server.listener.port, posts(30));
    // 32 KiB a connection, about 2 KiB a stream: the second one took the place of the first.
    expect([goawayCode(await first.done), refusedStreams(second.received())]).toEqual([
      NGHTTP2_ENHANCE_YOUR_CALM,
      0,
    ]);
    second.socket.destroy();
    await second.done;
    const full = await connectHttp2(server.listener.port, posts(60));
    expect(refusedStreams(full.received())).toBeGreaterThanOrEqual(10);
    expect(server.door.seen).toBeLessThan(30 + 30 + 50);
    full.socket.destroy();
    await full.done;
    expect(await askBoth(server.listener.url)).toEqual(bothAnswered);
  });

  test('count over HTTP/1.1 too: what finds no room is answered 503, and told when to come back', async () => {
    await using server = await start({ requestsBytesMax: 4 * 64 * kibibyte });
    const { socket, done, received } = await connectRaw(server.listener.port);
    // 32 KiB a connection, 8 KiB a request: the fifth finds no room.
    socket.write('GET /held HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(5));
    await server.door.seenAtLeast(4);
    server.door.release();
    const answers = (await done).toString();
    expect(answers.match(/h1 \/held 0/g)).toHaveLength(4);
    expect(answers).toMatch(/HTTP\/1.1 503 Service Unavailable\r\n(.+\r\n)*retry-after: 1\r\n/);
    expect(received().length).toBeGreaterThan(0);
    expect(server.door.seen).toBe(4);
  });

  test('before a token was seen are few in a connection', async () => {
    await using server = await start();
    const raw = await connectHttp2(server.listener.port, Buffer.alloc(0));
    expect(announced(raw.received())).toBe(32);
    raw.socket.write(Buffer.concat([frame({ type: frameType.settings, flags: 1 }), posts(33), ping]));
    while (refusedStreams(raw.received()) === 0) await once(raw.socket, 'data');
    expect([refusedStreams(raw.received()), server.door.seen]).toEqual([1, 32]);
    raw.socket.destroy();
  });

  test('of a client that has not read SETTINGS yet are as many as every client may count on', async () => {
    await using server = await start();
    const raw = await connectHttp2(server.listener.port, posts(101));
    expect([refusedStreams(raw.received()), server.door.seen]).toEqual([1, 100]);
    raw.socket.destroy();
  });

  test('before a token was seen are as many where HTTP/1.1 pipelines; the next is turned away, and what follows not read', async () => {
    await using server = await start();
    const { socket, done } = await connectRaw(server.listener.port);
    socket.write('GET /held HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(103));
    await server.door.seenAtLeast(100);
    server.door.release();
    const answers = (await done).toString();
    expect(
      [answers.match(/h1 \/held 0/g), answers.match(/HTTP\/1.1 503 /g)].map((all) => all?.length),
    ).toEqual([100, 1]);
    expect(server.door.seen).toBe(100);
  });

  test('that come in one write are begun in several turns of the event loop', async () => {
    await using server = await start();
    const { socket } = await connectRaw(server.listener.port);
    socket.write(Buffer.concat([preface, posts(100)]));
    await server.door.seenAtLeast(1);
    expect(server.door.seen).toBeLessThanOrEqual(32);
    await server.door.seenAtLeast(100);
    socket.destroy();
  });

  test('make room for others where their address holds more than its share, whoever came first', async () => {
    await using server = await start({ requestsBytesMax: 4 * 128 * kibibyte });
    const { port } = server.listener;
    const from = async (localAddress: string, bytes: Buffer) => {
      const socket = net.connect({ port, host: '127.0.0.1', localAddress }).on('error', () => undefined);
      socket.write(bytes);
      await once(socket, 'connect');
      return socket;
    };
    const quiet = await from('127.0.0.5', Buffer.from('GET /held HTTP/1.1\r\nhost: x\r\n\r\n'));
    await server.door.seenAtLeast(1);
    // 32 KiB a connection and 2 KiB a stream each: strangers have room for two of them.
    for (const [nth, address] of ['127.0.0.2', '127.0.0.3', '127.0.0.4'].entries()) {
      await from(address, Buffer.concat([preface, posts(40)]));
      await server.door.seenAtLeast(1 + 40 * (nth + 1));
    }
    server.door.release();
    const [answer] = (await once(quiet, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 200 /);
  });
});

test('messages of watches that are never whole count, over many connections: so many are held as there is room for', async () => {
  const messageBytesMax = kibibyte;
  const connections = 10;
  const addressBytesMax = 1_024 * kibibyte;
  await using lane = await openLane(
    { messageBytesMaxOf: () => messageBytesMax },
    { requestsBytesMax: 4 * addressBytesMax },
  );
  const path = '/grpc.health.v1.Health/Watch';
  const type = 'application/grpc';
  const text = (value: string) => Buffer.concat([Buffer.of(value.length), Buffer.from(value)]);
  const head = Buffer.from([0x83, 0x86, 0x44]);
  const host = Buffer.from([0x41, 1, 0x78, 0x5f]);
  const payload = Buffer.concat([head, text(path), host, text(type)]);
  // All but a byte of the message that the prefix tells of.
  const data = Buffer.alloc(5 + messageBytesMax - 1, 10);
  data.writeUInt32BE(messageBytesMax, 1);
  data[0] = 0;
  const watches = Array.from({ length: 20 }, (_none, nth) => {
    const stream = 2 * nth + 1;
    const opens = frame({ type: frameType.headers, flags: endHeaders, stream, payload });
    return Buffer.concat([opens, frame({ type: frameType.data, stream, payload: data })]);
  });
  const all: RawConnection[] = [];
  for (let nth = 0; nth < connections; nth += 1) {
    all.push(await connectHttp2(Number(new URL(lane.url).port), Buffer.concat(watches)));
  }
  const watchBytes = costBytes.stream + costBytes.streamingCall + messageBytesMax;
  const heldBytes = () =>
    all
      .filter(({ socket }) => socket.readable)
      .map(({ received }) => (watches.length - refusedStreams(received())) * watchBytes)
      .reduce((sum, bytes) => sum + bytes, 0);
  // Those that made room hear of it in their own time.
  while (heldBytes() > addressBytesMax) await new Promise(setImmediate);
  expect(heldBytes()).toBeGreaterThan(addressBytesMax / 4);
  expect(lane.contexts).toEqual([]);
  for (const { socket } of all) socket.destroy();
});

describe('connections of one address without a token', () => {
  test('are bounded: the oldest makes room for the newest', async () => {
    await using server = await start({ strangersPerAddressMax: 3 });
    const { port } = server.listener;
    const held = [];
    for (let nth = 0; nth < 3; nth += 1) held.push(await connectHttp2(port, Buffer.alloc(0)));
    const one = await connectRaw(port);
    one.socket.write('GET /held HTTP/1.1\r\nhost: x\r\n\r\n');
    await server.door.seenAtLeast(1);
    expect(goawayCode((await held[0]?.done) ?? Buffer.alloc(0))).toBe(NGHTTP2_ENHANCE_YOUR_CALM);
    // Whoever waits for an answer is told, in HTTP/1.1 too.
    for (let nth = 0; nth < 3; nth += 1) held.push(await connectHttp2(port, Buffer.alloc(0)));
    expect((await one.done).toString()).toMatch(/^HTTP\/1.1 429 /);
    expect(held.filter(({ socket }) => !socket.destroyed)).toHaveLength(3);
    for (const { socket } of held) socket.destroy();
  });

  test('of a trusted proxy are not counted, and have all streams from the start', async () => {
    await using server = await start({ strangersPerAddressMax: 3, trustedProxies: ['127.0.0.0/8'] });
    const held = [];
    for (let nth = 0; nth < 10; nth += 1) {
      held.push(await connectHttp2(server.listener.port, nth === 0 ? posts(256) : Buffer.alloc(0)));
    }
    expect(held.filter(({ socket }) => socket.destroyed)).toEqual([]);
    expect(held[0] && [announced(held[0].received()), refusedStreams(held[0].received())]).toEqual([256, 0]);
    for (const { socket } of held) socket.destroy();
  });
});

describe('a client that takes nothing of its answer', () => {
  const quick = { stallTimeoutMs: 300, drainTimeoutMs: 100 };
  const big = Buffer.concat([
    Buffer.from([0x83, 0x86, 0x44, 4]),
    Buffer.from('/big'),
    Buffer.of(0x41, 1, 0x78),
  ]);
  const windowUpdate = (bytes: number) =>
    frame({ type: 8, stream: 1, payload: Buffer.from([0, 0, 0, bytes]) });

  test.each([
    ['sends PINGs', () => ping],
    ['grants a byte now and then', () => windowUpdate(1)],
  ])('and %s loses the stream', async (_what, sign) => {
    await using server = await start(quick);
    const noWindow = frame({ type: frameType.settings, payload: Buffer.from([0, 4, 0, 0, 0, 0]) });
    const call = frame({ type: frameType.headers, flags: endHeaders | endStream, stream: 1, payload: big });
    const { socket, received } = await connectHttp2(server.listener.port, Buffer.concat([noWindow, call]));
    const alive = setInterval(() => socket.write(sign()), 20);
    while (!framesOf(received()).some(({ type }) => type === frameType.reset)) await once(socket, 'data');
    clearInterval(alive);
    expect(goawayCode(received())).toBeUndefined();
    socket.destroy();
    while (!server.refusals.has('http2Stalled')) await new Promise(setImmediate);
  });

  test('and sends PINGs without reading loses the connection', async () => {
    await using server = await start(quick);
    const window = frame({ type: 8, payload: Buffer.from([0x7f, 0, 0, 0]) });
    const wide = frame({ type: frameType.settings, payload: Buffer.from([0, 4, 0x7f, 0, 0, 0]) });
    const call = frame({ type: frameType.headers, flags: endHeaders | endStream, stream: 1, payload: big });
    const { socket, done } = await connectRaw(server.listener.port);
    socket.pause();
    socket.write(Buffer.concat([preface, window, wide, call]));
    const alive = setInterval(() => socket.write(ping), 20);
    while (!server.refusals.has('http2Stalled')) await new Promise((resolve) => setTimeout(resolve, 20));
    socket.resume();
    await done;
    clearInterval(alive);
  });

  test('and asks on over HTTP/1.1 loses the connection; one who is slow does not', async () => {
    // Long enough for a machine that is slow as well: the slow one takes something ten times in it.
    await using server = await start({ ...quick, stallTimeoutMs: 1_500 });
    const { socket, done } = await connectRaw(server.listener.port);
    socket.pause();
    socket.write('GET /big HTTP/1.1\r\nhost: x\r\n\r\n');
    const alive = setInterval(() => socket.write('GET /a HTTP/1.1\r\nhost: x\r\n\r\n'), 20);
    const slow = await connectRaw(server.listener.port);
    slow.socket.write('GET /big HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    const taking = setInterval(
      () => (slow.socket.isPaused() ? slow.socket.resume() : slow.socket.pause()),
      50,
    );
    while (!server.refusals.has('http1Stalled')) await new Promise((resolve) => setTimeout(resolve, 20));
    socket.resume();
    await done;
    clearInterval(alive);
    clearInterval(taking);
    slow.socket.resume();
    expect((await slow.done).length).toBeGreaterThan(32 * 1_048_576);
    expect((await askHttp1(`${server.listener.url}/a`)).body).toBe('h1 /a 0');
  });
});
