import { once } from 'node:events';
import http2 from 'node:http2';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { startListener } from '../../../src/server/port/listener.ts';
import { startServer } from '../../support/start-server.ts';
import { openWire } from '../../support/wire.ts';
import {
  askBoth,
  bothAnswered,
  connectRaw,
  endHeaders,
  frame,
  framesOf,
  frameType,
  goawayCode,
  postHeaders,
  preface,
} from '../clients/clients.ts';
import { EchoDoor } from '../doors/echo-door.ts';

// A reset may overtake the GOAWAY of a client that still sends.
const calm = [http2.constants.NGHTTP2_ENHANCE_YOUR_CALM, undefined];
const one = { stream: 1 } as const;
const bodyBytes = 256 * 1_024;

/** HPACK: a content-length that is no number, so that the server resets the stream. */
const badLength = Buffer.concat([postHeaders, Buffer.from([0x0f, 0x0d, 1, 0x78])]);
/** HPACK: one field of 16,255 bytes, without an index. */
const largeField = Buffer.concat([Buffer.from([0, 1, 0x78, 0x7f, 0x80, 0x7e]), Buffer.alloc(16_255, 'v')]);
const ping = frame({ type: frameType.ping, payload: Buffer.alloc(8) });
const headers = (payload: Buffer) => frame({ type: frameType.headers, flags: endHeaders, ...one, payload });
const data = (bytes: number) => frame({ type: frameType.data, ...one, payload: Buffer.alloc(bytes) });

/** A connection whose only stream the server has just reset. */
async function connectReset(port: number) {
  const raw = await connectRaw(port);
  raw.socket.write(Buffer.concat([preface, headers(badLength)]));
  while (!framesOf(raw.received()).some(({ type }) => type === frameType.reset))
    await once(raw.socket, 'data');
  return raw;
}

/** A server to be flooded, and whether it answers others in both versions of HTTP. */
interface Flooded extends AsyncDisposable {
  readonly port: number;
  answersBoth(): Promise<boolean>;
}

async function openListener(): Promise<Flooded> {
  const listener = await startListener(new EchoDoor(), { port: 0, log: () => undefined });
  return {
    port: listener.port,
    answersBoth: async () => isDeepStrictEqual(await askBoth(listener.url), bothAnswered),
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
}

async function openWhole(): Promise<Flooded> {
  const { url, port, ...server } = await startServer();
  return {
    port,
    async answersBoth() {
      await using wire = openWire(url);
      const ask = { verb: 'GET', path: '/healthz', headers: {}, body: new Uint8Array() };
      const answers = await Promise.all(([1, 2] as const).map((version) => wire.send({ version, ...ask })));
      return answers.every(({ status }) => status === 200);
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe.each([
  ['of a listener', openListener],
  ['of the whole server', openWhole],
])('on a connection %s,', (_of, open) => {
  test.each([
    ['empty DATA', data(0), 100],
    ['DATA of a byte', data(1), 100],
    ['a body that was on its way', data(16_384), bodyBytes / 16_384],
    ['WINDOW_UPDATE', frame({ type: 8, ...one, payload: Buffer.from([0, 0, 0, 1]) }), 100],
    ['RST_STREAM', frame({ type: frameType.reset, ...one, payload: Buffer.alloc(4) }), 100],
    ['a header block of many fields', headers(Buffer.alloc(16_384, 0x90)), 1],
    ['a large header block', headers(largeField), 4],
  ])('%s on a stream that the server has reset is borne for a moment, not for ever', async (_what, late, borne) => {
    await using flooded = await open();
    const { socket, received, done } = await connectReset(flooded.port);
    for (let nth = 0; nth < borne; nth += 1) socket.write(late);
    socket.write(ping);
    const isPingAnswered = () =>
      framesOf(received()).some(({ type, flags }) => type === frameType.ping && flags === 1);
    while (!isPingAnswered() && socket.readable) await Promise.race([once(socket, 'data'), done]);
    expect([isPingAnswered(), goawayCode(received())]).toEqual([true, undefined]);

    const before = socket.bytesWritten;
    const batch = Buffer.concat(Array.from({ length: 64 }, () => late));
    while (socket.writable && socket.bytesWritten - before < 256 * 1_048_576) {
      await new Promise((resolve) => socket.write(batch, resolve));
    }
    expect(socket.writable).toBe(false);
    expect(calm).toContain(goawayCode(await done));
    expect(await flooded.answersBoth()).toBe(true);
  });
});

test('calls that cross a GOAWAY are dropped for a moment, not for ever', async () => {
  const door = new EchoDoor();
  const listener = await startListener(door, { port: 0, log: () => undefined });
  const { socket, done, received } = await connectRaw(listener.port);
  // A call under way, which keeps the connection open while the listener drains.
  socket.write(Buffer.concat([preface, headers(postHeaders)]));
  await door.seenAtLeast(1);
  const drained = listener.drain();
  while (goawayCode(received()) === undefined) await once(socket, 'data');
  const batch = (first: number) =>
    Buffer.concat(
      Array.from({ length: 100 }, (_none, nth) =>
        frame({ type: frameType.headers, flags: endHeaders, stream: first + 2 * nth, payload: postHeaders }),
      ),
    );
  for (let round = 0; round < 1_000 && socket.writable; round += 1) {
    await new Promise((resolve) => socket.write(batch(1_001 + 200 * round), resolve));
  }
  expect(calm).toContain(goawayCode(await done));
  await drained;
});
