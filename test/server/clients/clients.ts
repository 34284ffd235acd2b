import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { text } from 'node:stream/consumers';

/** One request over HTTP/1.1 on a connection of its own, or on the agent's. */
export async function askHttp1(
  url: string,
  options: http.RequestOptions & { body?: string } = {},
): Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }> {
  const method = options.body === undefined ? 'GET' : 'POST';
  const req = http.request(url, { method, ...options }).end(options.body);
  const [res] = (await once(req, 'response')) as [http.IncomingMessage];
  return { status: res.statusCode ?? 0, headers: res.headers, body: await text(res) };
}

/** One request on an open HTTP/2 session. */
export async function askHttp2(
  session: http2.ClientHttp2Session,
  path: string,
  body?: string,
): Promise<{ status: number; body: string }> {
  const stream = session.request({ ':path': path, ':method': body === undefined ? 'GET' : 'POST' });
  stream.end(body);
  const headers = await new Promise<http2.IncomingHttpHeaders>((resolve, reject) => {
    stream.once('response', resolve);
    stream.once('error', reject);
    stream.once('close', () => reject(new Error(`closed unanswered with code ${stream.rstCode}`)));
  });
  return { status: Number(headers[':status']), body: await text(stream) };
}

/** A client of each version on connections of their own: what abuse by others must not disturb. */
export async function askBoth(url: string): Promise<string[]> {
  const session = http2.connect(url);
  try {
    const [one, two] = await Promise.all([askHttp1(`${url}/other`), askHttp2(session, '/other')]);
    return [one.body, two.body];
  } finally {
    session.close();
  }
}

export const bothAnswered = ['h1 /other 0', 'h2 /other 0'];

/** A plain TCP connection that collects what it is sent; `done` resolves when it is closed, however it is closed. */
export interface RawConnection {
  readonly socket: net.Socket;
  readonly done: Promise<Buffer>;
  received(): Buffer;
}

export async function connectRaw(port: number): Promise<RawConnection> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  // A reset is one of the ways in which a server ends an abusive connection.
  socket.on('error', () => socket.destroy());
  const received = (): Buffer => Buffer.concat(chunks);
  const done = new Promise<Buffer>((resolve) => socket.on('close', () => resolve(received())));
  await once(socket, 'connect');
  return { socket, done, received };
}

export const frameType = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  continuation: 9,
} as const;
export const endStream = 0x1;
export const endHeaders = 0x4;

export interface Frame {
  readonly type: number;
  readonly flags?: number;
  readonly stream?: number;
  readonly payload?: Buffer;
}

export function frame({ type, flags = 0, stream = 0, payload = Buffer.alloc(0) }: Frame): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const preface = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame({ type: frameType.settings }),
]);

/** HPACK: :method POST, :scheme http, :path / from the static table, :authority x as a literal. */
export const postHeaders = Buffer.from([0x83, 0x86, 0x84, 0x41, 0x01, 0x78]);

export function framesOf(bytes: Buffer): Required<Frame>[] {
  const frames: Required<Frame>[] = [];
  for (let at = 0; at + 9 <= bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    // The rest of it has not come: it is none yet.
    if (at + 9 + length > bytes.length) break;
    const payload = bytes.subarray(at + 9, at + 9 + length);
    frames.push({
      type: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      stream: bytes.readUInt32BE(at + 5),
      payload,
    });
    at += 9 + length;
  }
  return frames;
}

/** The error code of the last GOAWAY among these bytes. */
export function goawayCode(bytes: Buffer): number | undefined {
  return framesOf(bytes)
    .findLast(({ type }) => type === frameType.goaway)
    ?.payload.readUInt32BE(4);
}

/** How many descriptors a process of this user may open. */
export function openFilesMax(): number {
  const limit = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
  return limit === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(limit);
}
