import { HpackDecoder } from '../../../src/server/http2/hpack/decoder.ts';
import { pick } from '../../support/random.ts';
import {
  endHeaders,
  endStream,
  type Frame,
  frame,
  framesOf,
  frameType,
  preface,
} from '../clients/clients.ts';
import { block, type Talk } from '../rfc/raw.ts';
import type { Generated } from './generate.ts';

/** The frames of a connection, and what an answer to all of them needs. */
export interface SentFrames {
  readonly bytes: Buffer;
  /** Streams with a whole request that the client waits for. */
  readonly asked: readonly number[];
  /** Streams that it resets. */
  readonly left: ReadonlySet<number>;
}

// `passed` is below the first stream that is opened, `open` lacks the end of its body until the end, `done` is whole.
const [passed, open, done, firstFree, idle] = [1, 3, 5, 7, 1_001];
const [priority, pushPromise, windowUpdate, unknown] = [2, 5, 8, 0x42];
const padded = 0x8;
const prioritized = 0x20;

const bytes = (length: number, fill = 0): Buffer => Buffer.alloc(length, fill);
const number = (value: number): Buffer => {
  const four = bytes(4);
  four.writeUInt32BE(value);
  return four;
};
const setting = (id: number, value: number): Buffer => Buffer.concat([Buffer.of(0, id), number(value)]);
const look = block([
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/healthz'],
  [':authority', 'x.example'],
]);

/** What a step is told: the next stream that nobody has used yet, where it asks for one. */
interface Turn {
  /** A stream of its own with a whole request on it. */
  readonly request: () => number;
}

type Step = (turn: Turn) => readonly Frame[];
type Steps = Readonly<Record<string, Step>>;

const one =
  (type: number, stream: number, payload: Buffer, flags = 0): Step =>
  () => [{ type, stream, payload, flags }];

/** A whole GET on a stream of its own, put together in this way. */
const asking =
  (framesFor: (stream: number) => readonly Frame[]): Step =>
  ({ request }) =>
    framesFor(request());
const { continuation, data, goaway, headers, ping, reset, settings } = frameType;
const whole = endHeaders | endStream;
const head = (stream: number, flags = whole, payload = look): Frame => ({
  type: headers,
  stream,
  flags,
  payload,
});
const rest = (stream: number, flags: number, payload: Buffer): Frame => ({
  type: continuation,
  stream,
  flags,
  payload,
});

// biome-ignore format: a line a step
const valid: Steps = {
  'settings empty': one(settings, 0, bytes(0)),
  'settings of tables': one(settings, 0, setting(1, 0)),
  'settings of windows': one(settings, 0, setting(4, 70_000)),
  'settings of frames': one(settings, 0, setting(5, 20_000)),
  'settings unknown': one(settings, 0, setting(0x99, 1)),
  'settings twice the same': one(settings, 0, Buffer.concat([setting(1, 0), setting(1, 100)])),
  'settings no push': one(settings, 0, setting(2, 0)),
  'ping': one(ping, 0, bytes(8, 1)),
  'ping with other flags': one(ping, 0, bytes(8, 2), 0xfe),
  'ping answered that nobody sent': one(ping, 0, bytes(8, 3), 1),
  'window of the connection': one(windowUpdate, 0, number(1)),
  'window of an open stream': one(windowUpdate, open, number(1)),
  'window of a stream that is done': one(windowUpdate, done, number(1)),
  'window with the reserved bit': one(windowUpdate, 0, number(0x8000_0001)),
  'priority of an open stream': one(priority, open, Buffer.concat([number(0), Buffer.of(9)])),
  'priority of a stream that is done': one(priority, done, Buffer.concat([number(0), Buffer.of(9)])),
  'priority of an idle stream': one(priority, idle, Buffer.concat([number(0), Buffer.of(9)])),
  'reset of a stream that is done': one(reset, done, number(8)),
  'reset with an unknown code': one(reset, done, number(0x1234_5678)),
  'unknown on the connection': one(unknown, 0, bytes(10)),
  'unknown on an open stream': one(unknown, open, bytes(10), 0xff),
  'unknown on an idle stream': one(unknown, idle, bytes(0)),
  'unknown that is long': one(unknown, 0, bytes(16_384)),
  'data without bytes': one(data, open, bytes(0)),
  'data of padding alone': one(data, open, Buffer.of(2, 0, 0), padded),
  'request': asking((stream) => [head(stream)]),
  'request in two parts': asking((stream) => [head(stream, endStream, look.subarray(0, 9)), rest(stream, endHeaders, look.subarray(9))]),
  'request in three parts': asking((stream) => [head(stream, endStream, look.subarray(0, 9)), rest(stream, 0, look.subarray(9, 20)), rest(stream, endHeaders, look.subarray(20))]),
  'request of parts without bytes': asking((stream) => [head(stream, endStream, bytes(0)), rest(stream, 0, bytes(0)), rest(stream, endHeaders, look)]),
  'request with padding': asking((stream) => [head(stream, whole | padded, Buffer.concat([Buffer.of(3), look, bytes(3)]))]),
  'request with priority': asking((stream) => [head(stream, whole | prioritized, Buffer.concat([number(open), Buffer.of(7), look]))]),
  'request with an end apart': asking((stream) => [head(stream, endHeaders), { type: data, stream, flags: endStream }]),
};

// biome-ignore format: a line a step
const wrong: Steps = {
  'settings of five bytes': one(settings, 0, bytes(5)),
  'settings on a stream': one(settings, open, bytes(0)),
  'settings acknowledged with more': one(settings, 0, setting(1, 0), 1),
  'settings push two': one(settings, 0, setting(2, 2)),
  'settings window too large': one(settings, 0, setting(4, 0x8000_0000)),
  'settings frames too small': one(settings, 0, setting(5, 16_383)),
  'settings frames too large': one(settings, 0, setting(5, 0x0100_0000)),
  'ping of seven bytes': one(ping, 0, bytes(7)),
  'ping of nine bytes': one(ping, 0, bytes(9)),
  'ping on a stream': one(ping, open, bytes(8)),
  'window of the connection by none': one(windowUpdate, 0, number(0)),
  'window of a stream by none': one(windowUpdate, open, number(0)),
  'window of the connection too large': one(windowUpdate, 0, number(0x7fff_ffff)),
  'window of a stream too large': one(windowUpdate, open, number(0x7fff_ffff)),
  'window in three bytes': one(windowUpdate, 0, bytes(3, 1)),
  'window of an idle stream': one(windowUpdate, idle, number(1)),
  'window of a stream passed over': one(windowUpdate, passed, number(1)),
  'priority of four bytes': one(priority, open, bytes(4)),
  'priority of the connection': one(priority, 0, bytes(5)),
  'priority of itself': one(priority, open, Buffer.concat([number(open), Buffer.of(9)])),
  'reset of three bytes': one(reset, done, bytes(3)),
  'reset of the connection': one(reset, 0, number(8)),
  'reset of an idle stream': one(reset, idle, number(8)),
  'reset of a stream passed over': one(reset, passed, number(8)),
  'continuation of nothing': one(continuation, open, bytes(0), endHeaders),
  'continuation of the connection': one(continuation, 0, bytes(0), endHeaders),
  'continuation of a whole block': asking((stream) => [head(stream), rest(stream, endHeaders, bytes(0))]),
  'continuation of another stream': asking((stream) => [head(stream, endStream, look.subarray(0, 9)), rest(stream + 2, endHeaders, look.subarray(9))]),
  'ping within a block': asking((stream) => [head(stream, endStream, look.subarray(0, 9)), { type: ping, payload: bytes(8) }, rest(stream, endHeaders, look.subarray(9))]),
  'unknown within a block': asking((stream) => [head(stream, endStream, look.subarray(0, 9)), { type: unknown, stream, payload: bytes(1) }, rest(stream, endHeaders, look.subarray(9))]),
  'block that is cut short': asking((stream) => [head(stream, whole, look.subarray(0, -3))]),
  'block with an index of nothing': asking((stream) => [head(stream, whole, Buffer.concat([look, Buffer.of(0xff, 0x7f)]))]),
  'request on the connection': one(headers, 0, look, whole),
  'request on an even stream': one(headers, 2, look, whole),
  'request on a stream passed over': one(headers, passed, look, whole),
  'request on a stream that is done': one(headers, done, look, whole),
  'request with too much padding': asking((stream) => [head(stream, whole | padded, Buffer.concat([Buffer.of(250), look]))]),
  'request that depends on itself': asking((stream) => [head(stream, whole | prioritized, Buffer.concat([number(stream), Buffer.of(7), look]))]),
  'request without room for its priority': asking((stream) => [head(stream, whole | prioritized, bytes(4))]),
  'trailers without an end': one(headers, open, block([['x-tail', 'y']]), endHeaders),
  'data of the connection': one(data, 0, bytes(1)),
  'data of an idle stream': one(data, idle, bytes(1)),
  'data of a stream passed over': one(data, passed, bytes(1)),
  'data of a stream that is done': one(data, done, bytes(1)),
  'data with too much padding': one(data, open, Buffer.of(3, 0, 0), padded),
  'data without room for its padding': one(data, open, bytes(0), padded),
  'data that is too long': one(data, open, bytes(16_385)),
  'promise of a client': one(pushPromise, open, Buffer.concat([number(2), look]), endHeaders),
  'unknown that is too long': one(unknown, 0, bytes(16_385)),
  'farewell of seven bytes': one(goaway, 0, bytes(7)),
  'farewell on a stream': one(goaway, open, bytes(8)),
};

/** Acknowledged when all before it was read. */
const lastPing = Buffer.from('the last');
const stepsMax = 6;
const wrongPart = 0.7;

/** A connection with a request that is whole at its end, one that is done, and valid frames between, mostly one wrong among them. */
export function generateFrames(random: () => number, token: string): Generated<SentFrames> {
  const asked = [open, done];
  const request = (): number => {
    const stream = firstFree + 2 * (asked.length - 2);
    asked.push(stream);
    return stream;
  };
  const features: string[] = [];
  const frames: Frame[] = [];
  const count = 1 + Math.floor(random() * stepsMax);
  const wrongAt = random() < wrongPart ? Math.floor(random() * count) : -1;
  for (let nth = 0; nth < count; nth += 1) {
    const kind = nth === wrongAt ? 'wrong' : 'valid';
    const [name, step] = pick(random, Object.entries(kind === 'wrong' ? wrong : valid));
    features.push(`${kind} ${name}`);
    frames.push(...step({ request }));
  }
  const sent = [
    ...opening(token),
    ...frames,
    { type: data, stream: open, flags: endStream, payload: Buffer.from('{}') },
    { type: ping, payload: lastPing },
  ];
  // Whether one is answered that its client has left is a matter of time (RFC 9113 §6.4).
  const left = new Set(frames.filter(({ type }) => type === reset).map(({ stream }) => stream ?? 0));
  const awaited = asked.filter((stream) => !left.has(stream));
  return { features, sent: { bytes: Buffer.concat([preface, ...sent.map(frame)]), asked: awaited, left } };
}

function opening(token: string): readonly Frame[] {
  const call = block([
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', '/v2/users'],
    [':authority', 'x.example'],
    ['authorization', `Bearer ${token}`],
  ]);
  return [head(open, endHeaders, call), head(done)];
}

/** Whether the server has read all of it and answered, or given the connection up. */
export function isAnswered(received: Buffer, asked: readonly number[]): boolean {
  const frames = framesOf(received);
  if (frames.some(({ type }) => type === goaway)) return true;
  const ended = new Set(
    frames
      .filter(
        ({ type, flags }) =>
          type === reset || ((flags & endStream) !== 0 && (type === data || type === headers)),
      )
      .map(({ stream }) => stream),
  );
  return isAcknowledged(received) && asked.every((stream) => ended.has(stream));
}

/** Whether the frame at the end was reached. */
function isAcknowledged(received: Buffer): boolean {
  return framesOf(received).some(
    ({ type, flags, payload }) => type === ping && flags === 1 && payload.equals(lastPing),
  );
}

/** What a server made of the frames. */
export interface Verdict {
  /** Streams that it served; -1 where it gave the connection up. */
  readonly rank: number;
  readonly said: string;
}

/**
 * Which streams were served (how the others were refused is each server's own, see the test), and how many PINGs were
 * acknowledged (SETTINGS are not counted: Go acknowledges several at once). Of a connection that was given up, that
 * alone: what was answered before is a matter of time.
 */
export function verdictOnFrames({ bytes: received, closed }: Talk, left: ReadonlySet<number>): Verdict {
  const frames = framesOf(received);
  const isGivenUp = frames.some(({ type, payload }) => type === goaway && payload.readUInt32BE(4) !== 0);
  if (isGivenUp || closed) return { rank: -1, said: 'gave the connection up' };
  if (!isAcknowledged(received)) return { rank: -1, said: 'read no further' };
  const decoder = new HpackDecoder();
  const served: number[] = [];
  for (const { type, stream, payload } of frames) {
    if (type !== headers) continue;
    decoder.decode(payload, 0, payload.length, {
      add: ({ name, value }) => name === ':status' && value === '200' && served.push(stream),
    });
  }
  const broken = new Set(
    frames
      .filter(({ type, payload }) => type === reset && payload.readUInt32BE() !== 0)
      .map(({ stream }) => stream),
  );
  const whole = served
    .filter((stream) => !broken.has(stream) && !left.has(stream))
    .toSorted((left, right) => left - right);
  const pings = frames.filter(({ type, flags }) => type === ping && (flags & 1) !== 0).length;
  return { rank: whole.length, said: `served ${whole.join(' ')}, acknowledged ${pings} PINGs` };
}
