import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { ConnectError } from '@connectrpc/connect';
import { BodyBuffer, bodyTooLarge, emptyBody } from './body-buffer.ts';
import {
  type BodySink,
  corsPairs,
  discardBytesMax,
  type ExchangePolicy,
  headerOf,
  type NodeExchange,
  type NodePair,
  type Reply,
} from './exchange.ts';

const exchangeKey = Symbol('exchange');

type KeyedRequest = IncomingMessage & { [exchangeKey]: Http1Exchange };
type KeyedResponse = ServerResponse & { [exchangeKey]: Http1Exchange };

/** One HTTP/1.1 request and its response. */
export class Http1Exchange implements NodeExchange {
  readonly httpVersion = '1.1';
  readonly verb: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly requestId: string;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly #policy: ExchangePolicy;
  #body: BodyBuffer | undefined;
  #bytesMax = 0;
  #sink: BodySink | undefined;
  #isWatched = false;

  constructor(req: IncomingMessage, res: ServerResponse, policy: ExchangePolicy) {
    this.req = req;
    this.res = res;
    this.headers = req.headers;
    this.verb = req.method ?? '';
    this.target = req.url ?? '';
    this.requestId = policy.requestId(headerOf(req.headers, 'x-request-id'));
    this.#policy = policy;
  }

  get scheme(): string {
    return 'encrypted' in this.req.socket ? 'https' : 'http';
  }

  get authority(): string {
    return this.headers.host ?? '';
  }

  get remoteAddress(): string {
    const { clientAddress, forwardingHeader } = this.#policy;
    return clientAddress(this.req.socket.remoteAddress, headerOf(this.headers, forwardingHeader));
  }

  header(name: string): string | undefined {
    return headerOf(this.headers, name);
  }

  readBody(bytesMax: number, sink: BodySink): void {
    const req = this.req as KeyedRequest;
    this.#sink = sink;
    this.#bytesMax = bytesMax;
    req[exchangeKey] = this;
    this.watch(sink);
    if (Number(this.headers['content-length'] ?? 0) > bytesMax) {
      this.#refuse(bodyTooLarge(bytesMax));
      return;
    }
    req.on('data', onData);
    req.on('end', onEnd);
    // A client that hangs up in the middle of its body; 'close' of the response tells the rest.
    req.on('error', ignore);
  }

  watch(sink: BodySink): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.#sink = sink;
    const res = this.res as KeyedResponse;
    res[exchangeKey] = this;
    if (res.destroyed) sink.onClosed();
    else res.on('close', onClose);
  }

  answer(reply: Reply): void {
    const { res } = this;
    if (res.destroyed || res.headersSent) return;
    const { body, trailers } = reply;
    const headers = [...reply.headers, ...this.ownPairs()];
    if (trailers !== undefined) headers.push('trailer', Object.keys(trailers).join(', '));
    else if (reply.status !== 204) headers.push('content-length', String(body?.length ?? 0));
    res.writeHead(reply.status, headers);
    if (trailers !== undefined) res.addTrailers(trailers);
    if (body === undefined || trailers !== undefined || body.length > oneWriteBytesMax) res.end(body);
    else res.end(asLatin1(body), 'latin1');
  }

  nodePair(): NodePair {
    return { req: this.req, res: this.res };
  }

  discardBodyAfterAnswer(): void {
    this.res.once('finish', () => this.#discardBody());
  }

  #discardBody(): void {
    const { req } = this;
    if (req.complete || req.destroyed) return;
    let discardedBytes = 0;
    req.on('error', ignore);
    req.on('data', (chunk: Buffer) => {
      discardedBytes += chunk.length;
      if (discardedBytes > discardBytesMax) req.destroy();
    });
  }

  ownPairs(): string[] {
    const pairs = ['x-request-id', this.requestId];
    if (this.headers.origin !== undefined) pairs.push(...corsPairs(this.#policy.cors, this));
    return pairs;
  }

  takeChunk(chunk: Buffer): void {
    this.#body ??= new BodyBuffer(this.#bytesMax, this.#policy.bodies);
    const refusal = this.#body.add(chunk);
    if (refusal === undefined) return;
    this.req.off('data', onData);
    this.req.off('end', onEnd);
    this.#refuse(refusal);
  }

  takeEnd(): void {
    this.#sink?.onBody(this.#body === undefined ? emptyBody : this.#body.whole());
  }

  takeClose(): void {
    this.#body?.release();
    this.#sink?.onClosed();
  }

  #refuse(refusal: ConnectError): void {
    if (Number(this.headers['content-length'] ?? 0) > discardBytesMax) this.res.shouldKeepAlive = false;
    this.#discardBody();
    this.#sink?.onBodyRefused(refusal);
  }
}

// Node writes a string and the headers before it at once; bytes it writes beside them, in a slower call.
const oneWriteBytesMax = 8_192;

function asLatin1(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
}

function onData(this: KeyedRequest, chunk: Buffer): void {
  this[exchangeKey].takeChunk(chunk);
}

function onEnd(this: KeyedRequest): void {
  this[exchangeKey].takeEnd();
}

function onClose(this: KeyedResponse): void {
  this[exchangeKey].takeClose();
}

function ignore(): void {
  // The response's 'close' says all that matters.
}
