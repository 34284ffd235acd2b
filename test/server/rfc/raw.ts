import net from 'node:net';
import { errorCode } from '../../../src/server/http2/frame.ts';
import { HpackDecoder } from '../../../src/server/http2/hpack/decoder.ts';
import { endHeaders, endStream, frame, framesOf, frameType, preface } from '../clients/clients.ts';

/** One answer, read off the wire by nothing but the rules of its version of HTTP. */
export interface RawAnswer {
  readonly status: number;
  /** Names and values as they came, in order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** All that came back on a connection. */
export interface Received {
  /** Interim ones among them. */
  readonly answers: readonly RawAnswer[];
  /** HTTP/1.1: whether the server closed the connection by itself. */
  readonly closed: boolean;
  /** HTTP/2: how the stream was reset and the connection given up, by the names of the codes. */
  readonly reset?: string;
  readonly goaway?: string;
  /** HTTP/2: every frame, as `type:flags:stream:payload`, the payload in hexadecimal. */
  readonly frames?: readonly string[];
}

const settleMs = 250;
const waitMsMax = 5_000;

/**
 * Sends these bytes and reads until the server closes, or has said nothing for a moment after the first answer. `verbs`
 * are those of the requests, in order: an answer to HEAD has no body.
 */
export async function exchangeHttp1(
  port: number,
  sent: string,
  { verbs, settled, waitMs }: Patience & { readonly verbs: readonly string[] },
): Promise<Received> {
  const isWhole = (received: Buffer): boolean =>
    answersOf(received, verbs).filter(({ status }) => status >= 200).length >= settled;
  const { bytes, closed } = await talk(port, { sent: Buffer.from(sent, 'latin1'), isWhole, waitMs });
  return { answers: answersOf(bytes, verbs), closed };
}

/** How long to read. */
export interface Patience {
  /** After so many answers, until nothing more comes for a moment. */
  readonly settled: number;
  /** In all; default 5 s. */
  readonly waitMs?: number;
}

/** What is sent on a connection of its own, and when enough has come back. */
export interface Saying {
  readonly sent: Buffer;
  readonly isWhole: (received: Buffer) => boolean;
  /** Default 5 s. */
  readonly waitMs: number | undefined;
}

/** What came back, and whether the server closed the connection by itself. */
export interface Talk {
  readonly bytes: Buffer;
  readonly closed: boolean;
}

/** Reads until the connection is closed, or until all is here and nothing more comes. */
export function talk(port: number, { sent, isWhole, waitMs = waitMsMax }: Saying): Promise<Talk> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1' });
    let bytes = Buffer.alloc(0);
    let settling: NodeJS.Timeout | undefined;
    const finish = (closed: boolean): void => {
      clearTimeout(settling);
      clearTimeout(late);
      socket.destroy();
      resolve({ bytes, closed });
    };
    const late = setTimeout(finish, waitMs, false);
    socket.on('error', () => finish(true));
    socket.on('close', () => finish(true));
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      clearTimeout(settling);
      if (isWhole(bytes)) settling = setTimeout(finish, settleMs, false);
    });
    socket.write(sent);
  });
}

function answersOf(bytes: Buffer, verbs: readonly string[]): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let finals = 0;
  for (let at = 0; at < bytes.length; ) {
    const headEnd = bytes.indexOf('\r\n\r\n', at);
    if (headEnd === -1) break;
    const [statusLine = '', ...lines] = bytes.subarray(at, headEnd).toString('latin1').split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) [^\r\n]*$/.exec(statusLine)?.[1] ?? Number.NaN);
    const fields = lines.map((line): [string, string] => {
      const [name = '', value = ''] = line.split(/:[ \t]*(.*)/s);
      return [name, value];
    });
    const isBodiless = status < 200 || status === 204 || status === 304 || verbs[finals] === 'HEAD';
    const body = isBodiless
      ? { length: 0, bytes: Buffer.alloc(0) }
      : bodyOf(bytes.subarray(headEnd + 4), fields);
    if (body === undefined) break;
    if (status >= 200) finals += 1;
    answers.push({ status, fields, body: body.bytes });
    at = headEnd + 4 + body.length;
  }
  return answers;
}

function bodyOf(
  rest: Buffer,
  fields: RawAnswer['fields'],
): { readonly length: number; readonly bytes: Buffer } | undefined {
  const field = (wanted: string) => fields.find(([name]) => name.toLowerCase() === wanted)?.[1];
  const length = Number(field('content-length') ?? Number.NaN);
  if (!Number.isNaN(length))
    return rest.length < length ? undefined : { length, bytes: rest.subarray(0, length) };
  if (field('transfer-encoding') !== 'chunked') return { length: rest.length, bytes: rest };
  const end = rest.indexOf('0\r\n');
  return { length: end === -1 ? rest.length : end + 5, bytes: rest };
}

/** A request on a stream of its own. */
export interface RawStream {
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The body, frame by frame; undefined: the header block ends the stream. */
  readonly data?: readonly string[];
  /** After the body. */
  readonly trailers?: readonly (readonly [name: string, value: string])[];
  /** Frames in the place of all of that. */
  readonly frames?: Buffer;
  /** In the place of the preface and of empty SETTINGS. */
  readonly opening?: Buffer;
}

/** HPACK without tables and without Huffman, so that nothing is made right on the way. */
export function block(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value, 'latin1');
    const length = bytes.length < 127 ? Buffer.of(bytes.length) : integer(bytes.length, 127);
    return Buffer.concat([length, bytes]);
  };
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

function integer(value: number, max: number): Buffer {
  const bytes = [max];
  let rest = value - max;
  for (; rest > 0x7f; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

const codeNames = new Map<number, string>(Object.entries(errorCode).map(([name, code]) => [code, name]));

/** Sends the stream as number 1 of a connection of its own. */
export async function exchangeHttp2(
  port: number,
  stream: RawStream,
  { settled, waitMs }: Patience,
): Promise<Received> {
  const isWhole = (received: Buffer): boolean => {
    const { answers, reset, goaway } = readHttp2(received);
    return reset !== undefined || goaway !== undefined || answers.length >= settled;
  };
  const sent = Buffer.concat([stream.opening ?? preface, framesFor(stream)]);
  const { bytes, closed } = await talk(port, { sent, isWhole, waitMs });
  return { ...readHttp2(bytes), closed };
}

function framesFor({ fields, data, trailers, frames }: RawStream): Buffer {
  if (frames !== undefined) return frames;
  const isBare = data === undefined && trailers === undefined;
  const payload = block(fields);
  const sent = [
    frame({ type: frameType.headers, flags: endHeaders | (isBare ? endStream : 0), stream: 1, payload }),
  ];
  for (const [nth, part] of (data ?? []).entries()) {
    const isLast = nth === (data?.length ?? 0) - 1 && trailers === undefined;
    sent.push(
      frame({ type: frameType.data, flags: isLast ? endStream : 0, stream: 1, payload: Buffer.from(part) }),
    );
  }
  if (trailers !== undefined)
    sent.push(
      frame({
        type: frameType.headers,
        flags: endHeaders | endStream,
        stream: 1,
        payload: block(trailers),
      }),
    );
  return Buffer.concat(sent);
}

function readHttp2(bytes: Buffer): Omit<Received, 'closed'> {
  const decoder = new HpackDecoder();
  const answers: { status: number; fields: [string, string][]; body: Buffer }[] = [];
  let reset: number | undefined;
  let goaway: number | undefined;
  for (const { type, stream, payload } of framesOf(bytes)) {
    if (type === frameType.headers) {
      const fields: [string, string][] = [];
      decoder.decode(payload, 0, payload.length, { add: ({ name, value }) => fields.push([name, value]) });
      const status = Number(fields.find(([name]) => name === ':status')?.[1] ?? Number.NaN);
      if (stream === 1) answers.push({ status, fields, body: Buffer.alloc(0) });
    } else if (type === frameType.data && stream === 1) {
      const last = answers.at(-1);
      if (last !== undefined) last.body = Buffer.concat([last.body, payload]);
    } else if (type === frameType.reset && stream === 1) reset = payload.readUInt32BE(0);
    else if (type === frameType.goaway) goaway = payload.readUInt32BE(4);
  }
  const name = (code: number | undefined) => (code === undefined ? undefined : codeNames.get(code));
  const frames = framesOf(bytes).map(
    ({ type, flags, stream, payload }) => `${type}:${flags}:${stream}:${payload.toString('hex')}`,
  );
  return {
    answers,
    frames,
    ...(reset !== undefined && reset !== 0 && { reset: name(reset) ?? String(reset) }),
    ...(goaway !== undefined && { goaway: name(goaway) ?? String(goaway) }),
  };
}
