import {
  constants,
  Http2ServerRequest,
  Http2ServerResponse,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
  sensitiveHeaders,
} from 'node:http2';
import type { ConnectError } from '@connectrpc/connect';
import { BodyBuffer, bodyTooLarge, emptyBody, smallBytesMax } from './body-buffer.ts';
import {
  type BodySink,
  corsPairs,
  type ExchangePolicy,
  headerOf,
  type NodeExchange,
  type NodePair,
  type Reply,
  type Trailers,
} from './exchange.ts';

const exchangeKey = Symbol('exchange');
const peerKey = Symbol('peer address');

// The exchange hangs on its stream, so that one set of listeners serves all streams: no closures for each call.
type KeyedStream = ServerHttp2Stream & { [exchangeKey]: Http2Exchange };
type KeyedSession = Http2Session & { [peerKey]?: string };

const beforeTrailers = Object.freeze({ waitForTrailers: true });
const withoutBody = Object.freeze({ endStream: true });

/** One HTTP/2 stream. Whoever accepted the stream listens to its errors. */
export class Http2Exchange implements NodeExchange {
  readonly httpVersion = '2';
  readonly verb: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly requestId: string;
  readonly stream: ServerHttp2Stream;
  readonly #policy: ExchangePolicy;
  readonly #peerAddress: string;
  /** The body while it is one small chunk, as most are. */
  #only: Buffer = emptyBody;
  #body: BodyBuffer | undefined;
  #bytesMax = 0;
  #sink: BodySink | undefined;
  #isRequestRead = false;
  #isWatched = false;
  #trailers: Trailers | undefined;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, policy: ExchangePolicy) {
    this.stream = stream;
    this.headers = headers;
    this.verb = headers[':method'] ?? '';
    this.target = headers[':path'] ?? '';
    this.requestId = policy.requestId(headerOf(headers, 'x-request-id'));
    this.#policy = policy;
    this.#peerAddress = peerAddressOf(stream);
  }

  get scheme(): string {
    return this.headers[':scheme'] === 'https' ? 'https' : 'http';
  }

  get authority(): string {
    return this.headers[':authority'] ?? this.headers.host ?? '';
  }

  get remoteAddress(): string {
    const { clientAddress, forwardingHeader } = this.#policy;
    return clientAddress(this.#peerAddress, headerOf(this.headers, forwardingHeader));
  }

  header(name: string): string | undefined {
    return headerOf(this.headers, name);
  }

  readBody(bytesMax: number, sink: BodySink): void {
    const stream = this.stream as KeyedStream;
    this.#sink = sink;
    if (Number(this.headers['content-length'] ?? 0) > bytesMax) {
      sink.onBodyRefused(bodyTooLarge(bytesMax));
      return;
    }
    this.#bytesMax = bytesMax;
    this.watch(sink);
    stream.on('data', onData);
    stream.on('end', onEnd);
  }

  watch(sink: BodySink): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.#sink = sink;
    const stream = this.stream as KeyedStream;
    stream[exchangeKey] = this;
    if (stream.closed) sink.onClosed();
    else stream.on('close', onClose);
  }

  answer({ status, headers, body, trailers }: Reply): void {
    const { stream } = this;
    if (stream.destroyed || stream.closed) return;
    const sent = [':status', status === 200 ? '200' : String(status), 'x-request-id', this.requestId];
    markUnique(sent);
    for (const item of headers) sent.push(item);
    if (this.headers.origin !== undefined) sent.push(...corsPairs(this.#policy.cors, this));
    if (trailers !== undefined) {
      (stream as KeyedStream)[exchangeKey] = this;
      this.#trailers = trailers;
      stream.on('wantTrailers', onWantTrailers);
      stream.respond(sent, beforeTrailers);
      stream.end(body);
    } else if (body === undefined || body.length === 0) {
      stream.respond(sent, withoutBody);
    } else {
      sent.push('content-length', String(body.length));
      stream.respond(sent);
      stream.end(body);
    }
    if (!this.#isRequestRead) this.#discardBody();
  }

  nodePair(): NodePair {
    const options = {};
    const req = new Http2ServerRequest(this.stream, this.headers, options, []);
    return { req, res: new Http2ServerResponse(this.stream) };
  }

  discardBodyAfterAnswer(): void {
    // Node writes trailers in a turn of their own, after the event that asks for them.
    this.stream.once('wantTrailers', () => setImmediate(() => this.#discardBody()));
  }

  // RFC 9113 8.1: a complete answer to a request that is still coming is followed by RST_STREAM(NO_ERROR).
  #discardBody(): void {
    const { stream } = this;
    if (stream.destroyed || stream.endAfterHeaders || stream.readableEnded) return;
    // Node keeps a closed stream for as long as bytes of it wait to be read.
    stream.removeAllListeners('data');
    stream.resume();
    stream.close(constants.NGHTTP2_NO_ERROR);
  }

  ownPairs(): string[] {
    const pairs = ['x-request-id', this.requestId];
    if (this.headers.origin !== undefined) pairs.push(...corsPairs(this.#policy.cors, this));
    return pairs;
  }

  takeChunk(chunk: Buffer): void {
    if (this.#only === emptyBody && chunk.length <= Math.min(smallBytesMax, this.#bytesMax)) {
      this.#only = chunk;
      return;
    }
    const refusal = this.#gather(chunk);
    if (refusal === undefined) return;
    this.stream.off('data', onData);
    this.stream.off('end', onEnd);
    this.#sink?.onBodyRefused(refusal);
  }

  takeEnd(): void {
    this.#isRequestRead = true;
    // Node ends the readable side of an aborted stream as if the request were whole.
    if (this.stream.aborted) return;
    this.#sink?.onBody(this.#body === undefined ? this.#only : this.#body.whole());
  }

  takeClose(): void {
    this.#body?.release();
    this.#sink?.onClosed();
  }

  takeWantTrailers(): void {
    if (!this.stream.destroyed) this.stream.sendTrailers(this.#trailers ?? {});
  }

  /** Why the body is refused, where it is. */
  #gather(chunk: Buffer): ConnectError | undefined {
    if (this.#body === undefined) {
      this.#body = new BodyBuffer(this.#bytesMax, this.#policy.bodies);
      if (this.#only !== emptyBody) this.#body.add(this.#only);
    }
    return this.#body.add(chunk);
  }
}

function onData(this: KeyedStream, chunk: Buffer): void {
  this[exchangeKey].takeChunk(chunk);
}

function onEnd(this: KeyedStream): void {
  this[exchangeKey].takeEnd();
}

function onClose(this: KeyedStream): void {
  this[exchangeKey].takeClose();
}

function onWantTrailers(this: KeyedStream): void {
  this[exchangeKey].takeWantTrailers();
}

const uniqueHeaders = ['x-request-id'];

// An id that no other answer has would only push useful entries out of HPACK's table, at a cost in every answer.
function markUnique(headers: string[]): void {
  (headers as unknown as Record<symbol, string[]>)[sensitiveHeaders] = uniqueHeaders;
}

// session.socket is a proxy, and gone with the session: asked once for each connection.
function peerAddressOf(stream: ServerHttp2Stream): string {
  const session: KeyedSession | undefined = stream.session;
  if (session === undefined || session.destroyed) return '';
  session[peerKey] ??= session.socket.remoteAddress ?? '';
  return session[peerKey];
}
