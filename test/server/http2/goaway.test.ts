import { once } from 'node:events';
import http2 from 'node:http2';
import type net from 'node:net';
import { expect, test } from '@jest/globals';
import { startListener } from '../../../src/server/port/listener.ts';
import {
  connectRaw,
  endHeaders,
  endStream,
  frame,
  framesOf,
  frameType,
  goawayCode,
  postHeaders,
  preface,
} from '../clients/clients.ts';
import { EchoDoor } from '../doors/echo-door.ts';

/** HPACK: as `postHeaders`, with :path /held as a literal. */
const heldHeaders = Buffer.concat([
  Buffer.from([0x83, 0x86, 0x44, 5]),
  Buffer.from('/held'),
  Buffer.of(0x41, 1, 0x78),
]);
const number = (value: number): Buffer => Buffer.from([0, 0, 0, value]);
const data = (stream: number): Buffer => frame({ type: frameType.data, stream, payload: Buffer.from('x') });
const reset = (stream: number): Buffer => frame({ type: frameType.reset, stream, payload: number(8) });
const windowUpdate = (stream: number): Buffer => frame({ type: 8, stream, payload: number(1) });

/** A connection with one call under way, after the server has said that it takes no more. */
async function leave() {
  const door = new EchoDoor();
  const listener = await startListener(door, { port: 0, log: () => undefined });
  const { socket, done, received } = await connectRaw(listener.port);
  const flags = endHeaders | endStream;
  socket.write(
    Buffer.concat([preface, frame({ type: frameType.headers, flags, stream: 1, payload: heldHeaders })]),
  );
  await door.seenAtLeast(1);
  const drained = listener.drain();
  await hear(socket, received);
  return { door, socket, done, drained };
}

const goaways = (bytes: Buffer): number[] =>
  framesOf(bytes)
    .filter(({ type }) => type === frameType.goaway)
    .map(({ payload }) => payload.readUInt32BE());

/** Answers the PING between the two GOAWAYs, once it has come; resolves with the second. */
async function hear(socket: net.Socket, received: () => Buffer): Promise<void> {
  const ping = () => framesOf(received()).find(({ type, flags }) => type === frameType.ping && flags === 0);
  for (let answered = false; goaways(received()).length < 2; ) {
    const { payload } = ping() ?? {};
    if (payload !== undefined && !answered) {
      answered = socket.write(frame({ type: frameType.ping, flags: 1, payload }));
    }
    await once(socket, 'data');
  }
}

test('a call on its way when the server leaves is still taken; then the server says which was the last', async () => {
  const door = new EchoDoor();
  const listener = await startListener(door, { port: 0, log: () => undefined });
  const { socket, done, received } = await connectRaw(listener.port);
  socket.write(preface);
  while (!framesOf(received()).some(({ type }) => type === frameType.settings)) await once(socket, 'data');
  const drained = listener.drain();
  while (goaways(received()).length === 0) await once(socket, 'data');
  // The client has not read what came: it calls as if nothing had happened.
  const flags = endHeaders | endStream;
  socket.write(frame({ type: frameType.headers, flags, stream: 1, payload: postHeaders }));
  await hear(socket, received);
  const answer = await done;
  expect(goaways(answer)).toEqual([2 ** 31 - 1, 1]);
  expect(goawayCode(answer)).toBe(http2.constants.NGHTTP2_NO_ERROR);
  expect(
    framesOf(answer)
      .find(({ type }) => type === frameType.data)
      ?.payload.toString(),
  ).toBe('h2 / 0');
  await drained;
});

test('a client that never answers the PING is not waited for', async () => {
  const listener = await startListener(new EchoDoor(), { port: 0, log: () => undefined });
  const { socket, done } = await connectRaw(listener.port);
  socket.write(preface);
  await once(socket, 'data');
  await listener.drain();
  expect(goaways(await done)).toEqual([2 ** 31 - 1, 0]);
});

test.each([
  ['DATA on the connection', data(0)],
  ['RST_STREAM on the connection', reset(0)],
  ['DATA on a stream that no client opens', data(2)],
  ['RST_STREAM on a stream that no client opens', reset(2)],
  ['WINDOW_UPDATE on a stream that no client opens', windowUpdate(2)],
])('after GOAWAY too, %s is an error of the connection', async (_what, bytes) => {
  const { socket, done, drained } = await leave();
  socket.write(bytes);
  const answer = await done;
  expect(goawayCode(answer)).toBe(http2.constants.NGHTTP2_PROTOCOL_ERROR);
  expect(framesOf(answer).map(({ type }) => type)).not.toContain(frameType.reset);
  await drained;
});

test('a call that crossed the GOAWAY is dropped, and the one under way answered', async () => {
  const { door, socket, done, drained } = await leave();
  const crossed = frame({ type: frameType.headers, flags: endHeaders, stream: 3, payload: postHeaders });
  socket.write(Buffer.concat([crossed, data(3), windowUpdate(3), reset(3)]));
  socket.write(frame({ type: frameType.ping, payload: Buffer.alloc(8) }));
  await once(socket, 'data');
  door.release();
  const answer = await done;
  expect(goawayCode(answer)).toBe(http2.constants.NGHTTP2_NO_ERROR);
  expect(framesOf(answer).findLast(({ type }) => type === frameType.data)).toMatchObject({ stream: 1 });
  expect(door.seen).toBe(1);
  await drained;
});
