import { once } from 'node:events';
import http2 from 'node:http2';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Listener, startListener } from '../../../src/server/port/listener.ts';
import {
  askBoth,
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
} from '../clients/clients.ts';
import { EchoDoor } from '../doors/echo-door.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_REFUSED_STREAM } = http2.constants;
const windowUpdateType = 8;

let door: EchoDoor;
let listener: Listener;
beforeEach(async () => {
  door = new EchoDoor();
  listener = await startListener(door, { port: 0, streamsMax: 32, idleTimeoutMs: 400, log: () => undefined });
});
afterEach(async () => {
  expect(await askBoth(listener.url)).toEqual(bothAnswered);
  await listener.drain();
});

const post = (stream: number, flags = 0): Buffer =>
  frame({ type: frameType.headers, flags: endHeaders | flags, stream, payload: postHeaders });
const windowUpdate = (stream: number, bytes: number): Buffer => {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame({ type: windowUpdateType, stream, payload });
};

async function connect(first: Buffer): Promise<RawConnection> {
  const raw = await connectRaw(listener.port);
  raw.socket.write(Buffer.concat([preface, first]));
  return raw;
}

/** Sends rounds of a hundred until the server ends the connection; the code it gave. */
async function flood(
  next: (nth: number) => Buffer,
  first: Buffer = Buffer.alloc(0),
): Promise<number | undefined> {
  const { socket, done } = await connect(first);
  for (let round = 0; round < 1_000 && socket.writable; round += 1) {
    const batch = Array.from({ length: 100 }, (_none, at) => next(round * 100 + at));
    await new Promise((resolve) => socket.write(Buffer.concat(batch), resolve));
  }
  return goawayCode(await done);
}

// A reset may overtake the GOAWAY of a client that still sends.
const calm = [NGHTTP2_ENHANCE_YOUR_CALM, undefined];

describe('a server that is made to reset its own streams gives up on the client', () => {
  test.each([
    ['a window that grows by nothing', (id: number) => Buffer.concat([post(id), windowUpdate(id, 0)])],
    [
      'a window that grows too large',
      (id: number) => Buffer.concat([post(id), windowUpdate(id, 0x7fffffff)]),
    ],
    [
      'a priority of the wrong size',
      (id: number) => Buffer.concat([post(id), frame({ type: 2, stream: id })]),
    ],
    [
      'DATA after the end',
      (id: number) => Buffer.concat([post(id, endStream), frame({ type: frameType.data, stream: id })]),
    ],
    ['trailers that do not end', (id: number) => Buffer.concat([post(id), post(id)])],
    [
      'a malformed request',
      (id: number) =>
        frame({ type: frameType.headers, flags: 5, stream: id, payload: postHeaders.subarray(1) }),
    ],
  ])('%s', async (_what, attack) => {
    expect(calm).toContain(await flood((nth) => attack(nth * 2 + 1)));
    expect(door.seen).toBeLessThanOrEqual(700);
  });
});

test.each([
  ['empty DATA', frame({ type: frameType.data, stream: 1 }), post(1)],
  [
    'DATA of padding alone',
    frame({ type: frameType.data, flags: 8, stream: 1, payload: Buffer.alloc(9, 8) }),
    post(1),
  ],
  ['unknown frames', frame({ type: 0xbe, payload: Buffer.from('grease') }), undefined],
  ['PRIORITY', frame({ type: 2, stream: 3, payload: Buffer.alloc(5) }), undefined],
  ['answered PINGs', frame({ type: frameType.ping, flags: 1, payload: Buffer.alloc(8) }), undefined],
  ['WINDOW_UPDATE of a stream', windowUpdate(1, 1), post(1)],
  ['WINDOW_UPDATE of the connection', windowUpdate(0, 1), undefined],
  [
    'RST_STREAM on a closed stream',
    frame({ type: frameType.reset, stream: 1, payload: Buffer.alloc(4) }),
    post(1, endStream),
  ],
])('%s without end ends the connection', async (_what, next, first) => {
  expect(calm).toContain(await flood(() => next, first));
});

test('a client may measure the line with a PING for each call', async () => {
  const session = http2.connect(listener.url);
  for (let call = 0; call < 2_000; call += 1) {
    const stream = session.request({ ':path': '/a' });
    session.ping(() => undefined);
    await once(stream.resume(), 'end');
  }
  session.close();
});

test('a small block that names one large field many times is refused, and keeps the tables in step', async () => {
  // A field of 3,000 bytes goes into the table, and is then named once a byte.
  const large = Buffer.concat([Buffer.from([0x40, 1, 0x62, 0x7f, 0xb9, 0x16]), Buffer.alloc(3_000, 'v')]);
  const bomb = Buffer.concat([postHeaders, large, Buffer.alloc(10_000, 0xbe)]);
  // The authority of this block stands before it in the table.
  const named = Buffer.concat([postHeaders, Buffer.from([0xbf])]);
  const { socket, received } = await connect(
    Buffer.concat([
      frame({ type: frameType.headers, flags: endHeaders | endStream, stream: 1, payload: bomb }),
      frame({ type: frameType.headers, flags: endHeaders | endStream, stream: 3, payload: named }),
    ]),
  );
  while (!framesOf(received()).some(({ type, stream }) => type === frameType.data && stream === 3)) {
    await once(socket, 'data');
  }
  const refused = framesOf(received()).filter(({ stream }) => stream === 1);
  expect(refused.at(-1)?.payload.toString()).toContain("the request's headers are larger than 16384 bytes");
  expect(door.seen).toBe(1);
  socket.destroy();
});

test('streams beyond streamsMax are refused in words that let a client send them again', async () => {
  const ids = Array.from({ length: 40 }, (_none, nth) => nth * 2 + 1);
  const { socket, received } = await connect(Buffer.concat(ids.map((id) => post(id))));
  const refused = (): number[] =>
    framesOf(received())
      .filter(
        ({ type, payload }) => type === frameType.reset && payload.readUInt32BE() === NGHTTP2_REFUSED_STREAM,
      )
      .map(({ stream }) => stream);
  while (refused().length < 8) await once(socket, 'data');
  expect(refused()).toEqual(ids.slice(32));
  expect(door.seen).toBe(32);
  socket.destroy();
});

test('a body in frames of one byte takes no more memory than its bytes', async () => {
  const one = frame({ type: frameType.data, stream: 1, payload: Buffer.from('x') });
  const { socket } = await connect(post(1));
  const bytesBefore = process.memoryUsage().rss;
  const batch = Buffer.concat(Array.from({ length: 1_000 }, () => one));
  for (let round = 0; round < 200; round += 1) await new Promise((resolve) => socket.write(batch, resolve));
  expect(process.memoryUsage().rss - bytesBefore).toBeLessThan(64 * 1_048_576);
  socket.destroy();
});

test('a client that grants no window is cut off', async () => {
  const noWindow = frame({ type: frameType.settings, payload: Buffer.from([0, 4, 0, 0, 0, 0]) });
  const { done, received } = await connect(Buffer.concat([noWindow, post(1, endStream)]));
  await done;
  expect(framesOf(received()).map(({ type }) => type)).toContain(frameType.headers);
});

test('a client that calls one by one and takes no answer is read no further, and cut off', async () => {
  const { socket, done } = await connectRaw(listener.port);
  socket.pause();
  socket.write(preface);
  const bytesBefore = process.memoryUsage().arrayBuffers;
  let bytesMost = bytesBefore;
  for (let id = 1; !socket.destroyed; id += 2) {
    // Each in a packet and a turn of its own, so that each answer would be a write of its own.
    await new Promise((resolve) => socket.write(post(id, endStream), resolve));
    if (id % 1_001 === 0) bytesMost = Math.max(bytesMost, process.memoryUsage().arrayBuffers);
  }
  await done;
  expect(bytesMost - bytesBefore).toBeLessThan(16 * 1_048_576);
});
