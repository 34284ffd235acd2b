import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { buffer } from 'node:stream/consumers';

export type HttpVersion = 1 | 2;

export interface WireRequest {
  readonly version: HttpVersion;
  readonly verb: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** An answer as it came: nothing decoded but HTTP itself. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: WireHeaders;
  readonly body: Buffer;
  readonly trailers: WireHeaders;
}

export type WireHeaders = Readonly<Record<string, string>>;

/** HTTP over connections that are kept: HTTP/1.1, and HTTP/2 with prior knowledge or, on a URL of https, by ALPN. */
export interface Wire extends AsyncDisposable {
  readonly url: string;
  send(request: WireRequest): Promise<WireAnswer>;
  /** Ends all that is under way without a word. */
  hangUp(): void;
}

/** Connects when first asked to. */
export function openWire(url: string): Wire {
  const agent = new (url.startsWith('https:') ? https : http).Agent({ keepAlive: true });
  let session: http2.ClientHttp2Session | undefined;
  return {
    url,
    send(request) {
      if (request.version === 1) return sendHttp1(url, agent, request);
      // What ends a session ends its streams, and they tell.
      session ??= http2.connect(url).on('error', () => undefined);
      return sendHttp2(session, request);
    },
    hangUp() {
      agent.destroy();
      session?.destroy();
    },
    async [Symbol.asyncDispose]() {
      agent.destroy();
      if (session === undefined || session.destroyed) return;
      const closed = once(session, 'close');
      session.close();
      await closed;
    },
  };
}

/** The whole answer but for what differs from call to call by design. */
export function bytesOf({ status, headers, body, trailers }: WireAnswer): string {
  const { date, 'x-request-id': requestId, ...rest } = headers;
  if (date === undefined || requestId === undefined) throw new Error('no date or no x-request-id');
  return JSON.stringify({ status, headers: rest, body: body.toString('base64'), trailers });
}

async function sendHttp1(url: string, agent: http.Agent, request: WireRequest): Promise<WireAnswer> {
  const { verb, path, headers, body } = request;
  const length = { 'content-length': body.length };
  const { protocol, hostname, port } = new URL(url);
  const { request: open } = protocol === 'https:' ? https : http;
  const req = open({ hostname, port, path, method: verb, agent, headers: { ...headers, ...length } });
  req.end(body);
  const [res] = (await once(req, 'response')) as [http.IncomingMessage];
  const received = await buffer(res);
  return {
    status: res.statusCode ?? 0,
    headers: flat(res.headers),
    body: received,
    trailers: flat(res.trailers),
  };
}

async function sendHttp2(session: http2.ClientHttp2Session, request: WireRequest): Promise<WireAnswer> {
  const { verb, path, headers, body } = request;
  const endStream = body.length === 0;
  const stream = session.request({ ...headers, ':method': verb, ':path': path }, { endStream });
  let trailers: http2.IncomingHttpHeaders = {};
  stream.on('trailers', (received) => {
    trailers = received;
  });
  if (!endStream) stream.end(body);
  const received = await new Promise<http2.IncomingHttpHeaders>((resolve, reject) => {
    stream.once('response', resolve);
    stream.once('error', reject);
    // A connection that is lost closes its streams without an error.
    stream.once('close', () => reject(new Error(`closed unanswered, code ${stream.rstCode}`)));
  });
  const bytes = await buffer(stream);
  return {
    status: Number(received[':status']),
    headers: flat(received),
    body: bytes,
    trailers: flat(trailers),
  };
}

function flat(headers: http.IncomingHttpHeaders | http2.IncomingHttpHeaders): WireHeaders {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !name.startsWith(':')) plain[name] = String(value);
  }
  return plain;
}
