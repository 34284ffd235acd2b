import {
  constants,
  Http2ServerRequest,
  Http2ServerResponse,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import {
  BodyBuffer,
  type BodySink,
  bodyTooLarge,
  corsPairs,
  type ExchangePolicy,
  emptyBody,
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
  #body: BodyBuffer | undefined;
  #bytesMax = 0;
  #sink: BodySink | undefined;
  #isRequestRead = false;
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
    stream[exchangeKey] = this;
    stream.on('close', onClose);
    if (Number(this.headers['content-length'] ?? 0) > bytesMax) {
      sink.onBodyRefused(bodyTooLarge(bytesMax));
      return;
    }
    this.#bytesMax = bytesMax;
    stream.on('data', onData);
    stream.on('end', onEnd);
  }

  answer(reply: Reply): void {
    const { stream } = this;
    if (stream.destroyed || stream.closed) return;
    const headers = [':status', statusText(reply.status), ...reply.headers, ...this.ownPairs()];
    const { body, trailers } = reply;
    if (trailers !== undefined) {
      (stream as KeyedStream)[exchangeKey] = this;
      this.#trailers = trailers;
      stream.on('wantTrailers', onWantTrailers);
      stream.respond(headers, beforeTrailers);
      stream.end(body);
    } else if (body === undefined || body.length === 0) {
      stream.respond(headers, withoutBody);
    } else {
      headers.push('content-length', String(body.length));
      stream.respond(headers);
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
    this.#body ??= new BodyBuffer();
    this.#body.add(chunk);
    if (this.#body.bytes <= this.#bytesMax) return;
    this.stream.off('data', onData);
    this.stream.off('end', onEnd);
    this.#sink?.onBodyRefused(bodyTooLarge(this.#bytesMax));
  }

  takeEnd(): void {
    this.#isRequestRead = true;
    // Node ends the readable side of an aborted stream as if the request were whole.
    if (this.stream.aborted) return;
    this.#sink?.onBody(this.#body === undefined ? emptyBody : this.#body.whole());
  }

  takeClose(): void {
    this.#sink?.onClosed();
  }

  takeWantTrailers(): void {
    if (!this.stream.destroyed) this.stream.sendTrailers(this.#trailers ?? {});
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

function statusText(status: number): string {
  return status === 200 ? '200' : String(status);
}

// session.socket is a proxy, and gone with the session: asked once for each connection.
function peerAddressOf(stream: ServerHttp2Stream): string {
  const session: KeyedSession | undefined = stream.session;
  if (session === undefined || session.destroyed) return '';
  session[peerKey] ??= session.socket.remoteAddress ?? '';
  return session[peerKey];
}
