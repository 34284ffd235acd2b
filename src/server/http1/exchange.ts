import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { ConnectError, ContextValues } from '@connectrpc/connect';
import type { UniversalServerRequest, UniversalServerResponse } from '@connectrpc/connect/protocol';
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from '@connectrpc/connect-node';
import { BodyBuffer, bodyTooLarge, emptyBody, smallBytesMax } from '../http/body-buffer.ts';
import {
  type BodySink,
  corsPairs,
  discardBytesMax,
  type ExchangePolicy,
  headerOf,
  type Reply,
  type UniversalExchange,
} from '../http/exchange.ts';

const exchangeKey = Symbol('exchange');

type KeyedRequest = IncomingMessage & { [exchangeKey]: Http1Exchange };
type KeyedResponse = ServerResponse & { [exchangeKey]: Http1Exchange };

/** One HTTP/1.1 request and its response. */
export class Http1Exchange implements UniversalExchange {
  readonly httpVersion = '1.1';
  readonly verb: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly requestId: string;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly #policy: ExchangePolicy;
  /** The body while it is one chunk, as most are. */
  #only: Buffer | undefined;
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
    const headers = [...reply.headers, ...this.#ownPairs()];
    if (trailers !== undefined)
      headers.push('trailer', [...new Set(pairsOf(trailers).map(([name]) => name))].join(', '));
    else if (reply.status !== 204) headers.push('content-length', String(body?.length ?? 0));
    res.writeHead(reply.status, headers);
    if (trailers !== undefined) res.addTrailers(pairsOf(trailers));
    if (body === undefined || trailers !== undefined || body.length > oneWriteBytesMax) res.end(body);
    else res.end(asLatin1(body), 'latin1');
  }

  universalRequest(contextValues: ContextValues): UniversalServerRequest {
    const { req, res } = this;
    for (const [name, value] of pairsOf(this.#ownPairs())) res.setHeader(name, value);
    const request = universalRequestFromNodeRequest(req, res, undefined, contextValues);
    res.once('finish', () => this.#discardBody());
    // Connect leaves a body unread that it refuses; destroying it then would destroy the connection before the answer.
    return { ...request, body: req.iterator({ destroyOnReturn: false }) };
  }

  answerUniversal(response: UniversalServerResponse): Promise<void> {
    return universalResponseToNodeResponse(response, this.res);
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

  #ownPairs(): string[] {
    const pairs = ['x-request-id', this.requestId];
    if (this.headers.origin !== undefined) pairs.push(...corsPairs(this.#policy.cors, this));
    return pairs;
  }

  takeChunk(chunk: Buffer): void {
    const isFirst = this.#only === undefined && this.#body === undefined;
    if (isFirst && chunk.length <= Math.min(smallBytesMax, this.#bytesMax)) {
      this.#only = chunk;
      return;
    }
    const refusal = this.#gather(chunk);
    if (refusal === undefined) return;
    this.req.off('data', onData);
    this.req.off('end', onEnd);
    this.#refuse(refusal);
  }

  takeEnd(): void {
    this.#sink?.onBody(this.#body === undefined ? (this.#only ?? emptyBody) : this.#body.whole());
  }

  takeClose(): void {
    this.#body?.release();
    this.#sink?.onClosed();
  }

  /** Why the body is refused, where it is. */
  #gather(chunk: Buffer): ConnectError | undefined {
    if (this.#body === undefined) {
      this.#body = new BodyBuffer(this.#bytesMax, this.#policy.bodies);
      if (this.#only !== undefined) this.#body.add(this.#only);
    }
    return this.#body.add(chunk);
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

function pairsOf(flat: readonly string[]): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) pairs.push([flat[at] ?? '', flat[at + 1] ?? '']);
  return pairs;
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
