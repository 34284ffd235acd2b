import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
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
  postHeaders,
  preface,
} from '../clients/clients.ts';
import { EchoDoor } from '../doors/echo-door.ts';

let listener: Listener;
const bugs: unknown[] = [];
beforeAll(async () => {
  listener = await startListener(new EchoDoor(), {
    port: 0,
    log: (event, fields) => {
      if (event === 'http2.failed') bugs.push(fields);
    },
  });
});
// Whatever a client sends, it ends in a frame that RFC 9113 has for it, not in an exception.
afterEach(async () => {
  expect(await askBoth(listener.url)).toEqual(bothAnswered);
  expect(bugs).toEqual([]);
});
afterAll(() => listener.drain());

const post = (stream: number, flags: number): Buffer =>
  frame({ type: frameType.headers, flags: endHeaders | flags, stream, payload: postHeaders });
const data = (stream: number, flags: number, payload: Buffer): Buffer =>
  frame({ type: frameType.data, flags, stream, payload });
const calls = [1, 3, 5, 7, 9];
/** Calls with bodies, padded and not, with trailers and without, and frames between them. */
const traffic = Buffer.concat([
  preface,
  post(1, endStream),
  post(3, 0),
  data(3, 0, Buffer.alloc(3_000, 'b')),
  frame({ type: frameType.ping, payload: Buffer.from('pingpong') }),
  post(5, 0),
  data(5, endStream | 8, Buffer.from([3, 1, 1, 0, 0, 0])),
  data(3, endStream, Buffer.from('end')),
  frame({ type: 8, payload: Buffer.from([0, 1, 0, 0]) }),
  frame({ type: frameType.headers, stream: 7, payload: postHeaders.subarray(0, 2) }),
  frame({ type: frameType.continuation, flags: endHeaders, stream: 7, payload: postHeaders.subarray(2) }),
  data(7, 0, Buffer.from('x')),
  frame({
    type: frameType.headers,
    flags: endHeaders | endStream,
    stream: 7,
    payload: Buffer.from([0, 1, 0x74, 1, 0x74]),
  }),
  frame({ type: frameType.settings, flags: 1 }),
  post(9, endStream),
]);

async function sendParts(parts: readonly Buffer[]): Promise<Buffer> {
  const { socket, received, done } = await connectRaw(listener.port);
  socket.setNoDelay(true);
  for (const part of parts) await new Promise((resolve) => socket.write(part, resolve));
  while (
    !calls.every((id) =>
      framesOf(received()).some((one) => one.stream === id && (one.flags & endStream) !== 0),
    )
  ) {
    await Promise.race([once(socket, 'data'), done]);
  }
  socket.destroy();
  return received();
}

/** The answer's bytes by stream. */
function bodies(bytes: Buffer): Record<number, string> {
  const found: Record<number, string> = {};
  for (const { type, stream, payload } of framesOf(bytes)) {
    if (type === frameType.data) found[stream] = (found[stream] ?? '') + payload.toString();
  }
  return found;
}

const answers = { 1: 'h2 / 0', 3: 'h2 / 3003', 5: 'h2 / 2', 7: 'h2 / 1', 9: 'h2 / 0' };

test('traffic that is cut at any one byte is answered as if it were whole', async () => {
  for (let at = 1; at < traffic.length; at += at < 200 || at > 3_150 ? 1 : 97) {
    expect(bodies(await sendParts([traffic.subarray(0, at), traffic.subarray(at)]))).toEqual(answers);
  }
});

test('traffic that is cut at many bytes is answered as if it were whole', async () => {
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: traffic.length - 1 }), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(cuts, async (ends) => {
      const sorted = [0, ...ends.toSorted((a, b) => a - b), traffic.length];
      const parts = sorted.slice(1).map((end, nth) => traffic.subarray(sorted[nth], end));
      expect(bodies(await sendParts(parts))).toEqual(answers);
    }),
    { numRuns: 50 },
  );
});

/** Sends it all and hangs up; what matters is that the server is none the worse for it. */
async function sendAndLeave(bytes: Buffer): Promise<void> {
  const { socket, done } = await connectRaw(listener.port);
  socket.end(bytes);
  await done;
}

const anyFrame = fc
  .record({
    type: fc.integer({ min: 0, max: 11 }),
    flags: fc.constantFrom(0, 1, 4, 5, 8, 0x20, 0x2d, 0xff),
    stream: fc.constantFrom(0, 1, 2, 3, 5, 7, 1_001, 0x7fffffff, 0x80000001),
    payload: fc.oneof(
      fc.constant(postHeaders),
      fc.constantFrom(Buffer.alloc(4), Buffer.alloc(5), Buffer.alloc(6), Buffer.alloc(8)),
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    ),
  })
  .map(frame);

test('frames of any kind, in any order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyFrame, { minLength: 1, maxLength: 40 }), (frames) =>
      sendAndLeave(Buffer.concat([preface, ...frames])),
    ),
    { numRuns: 400 },
  );
});

test('valid traffic with bytes changed, lost and doubled', async () => {
  const change = fc.record({
    at: fc.integer({ min: preface.length - 9, max: traffic.length - 1 }),
    byte: fc.integer({ min: 0, max: 255 }),
    kind: fc.constantFrom('change', 'lose', 'double'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      let bytes = traffic;
      for (const { at, byte, kind } of changes) {
        const middle = kind === 'lose' ? [] : kind === 'double' ? [...bytes.subarray(at, at + 20)] : [byte];
        const rest = bytes.subarray(kind === 'double' ? at : at + 1);
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(middle), rest]);
      }
      await sendAndLeave(bytes);
    }),
    { numRuns: 400 },
  );
});
