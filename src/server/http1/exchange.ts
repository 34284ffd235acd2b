import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { ConnectError, ContextValues } from '@connectrpc/connect';
import type { UniversalServerRequest, UniversalServerResponse } from '@connectrpc/connect/protocol';
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from '@connectrpc/connect-node';
import { accountOf } from '../http/admission.ts';
import { absoluteForm } from '../http/authority.ts';
import { BodyBuffer, bodyTooLarge, emptyBody, smallBytesMax, tooManyBodies } from '../http/body-buffer.ts';
import { isConditional } from '../http/condition.ts';
import {
  type BodySink,
  corsPairs,
  discardBytesMax,
  type ExchangePolicy,
  type Flaw,
  headerOf,
  type Reply,
  type UniversalExchange,
} from '../http/exchange.ts';
import { asLatin1, oneWriteBytesMax, pairsOf } from './answer-form.ts';
import { closeInStages, discardBody, ignore } from './discard.ts';
import { refuseRequest } from './refuse-request.ts';
import { flawOf } from './request-flaw.ts';

const exchangeKey = Symbol('exchange');

type KeyedRequest = IncomingMessage & { [exchangeKey]: Http1Exchange };
type KeyedResponse = ServerResponse & { [exchangeKey]: Http1Exchange };

/** One HTTP/1.1 request and its response. */
export class Http1Exchange implements UniversalExchange {
  readonly verb: string;
  readonly target: string;
  readonly authority: string;
  readonly flaw: Flaw | undefined;
  readonly isConditional: boolean;
  readonly headers: IncomingHttpHeaders;
  readonly requestId: string;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly #policy: ExchangePolicy;
  /** The body while it is one chunk, as most are. */
  #only: Buffer = emptyBody;
  #body: BodyBuffer | undefined;
  #bytesMax = smallBytesMax;
  #sink: BodySink | undefined;
  #isContinued = false;
  #isFlowing = false;
  #isWanted = false;
  #isWhole = false;
  #isDiscarding = false;

  constructor(req: IncomingMessage, res: ServerResponse, policy: ExchangePolicy) {
    this.req = req;
    this.res = res;
    this.headers = req.headers;
    this.verb = req.method ?? '';
    const target = req.url ?? '';
    const absolute = target.startsWith('/') ? undefined : absoluteForm(target);
    this.target = absolute?.path ?? target;
    // RFC 9112 §3.2.2: what the target names beats the Host line.
    this.authority = absolute?.authority ?? req.headers.host ?? '';
    this.flaw = flawOf(req, { authority: this.authority, scheme: this.scheme, named: absolute?.scheme });
    this.isConditional = isConditional(req.headers);
    this.requestId = policy.requestId(headerOf(req.headers, 'x-request-id'));
    this.#policy = policy;
  }

  get scheme(): 'http' | 'https' {
    return 'encrypted' in this.req.socket ? 'https' : 'http';
  }

  get httpVersion(): '1.0' | '1.1' {
    return this.req.httpVersionMinor === 0 ? '1.0' : '1.1';
  }

  get remoteAddress(): string {
    const { clientAddress, forwardingHeader } = this.#policy;
    return clientAddress(this.req.socket.remoteAddress, headerOf(this.headers, forwardingHeader));
  }

  header(name: string): string | undefined {
    return headerOf(this.headers, name);
  }

  prove(owner: string): void {
    accountOf(this.req.socket)?.prove(owner);
  }

  doubt(): void {
    accountOf(this.req.socket)?.doubt();
  }

  get isProven(): boolean {
    return accountOf(this.req.socket)?.isProven === true;
  }

  reserve(bytes: number): boolean {
    const account = accountOf(this.req.socket);
    if (account?.take(bytes) !== true) return false;
    this.res.once('close', () => account.give(bytes));
    return true;
  }

  end(): void {
    this.req.socket.destroy();
  }

  refuse(): void {
    refuseRequest(this.res, 503, 'too many streams at once, please try again');
  }

  hold(sink: BodySink): void {
    this.#sink = sink;
    const res = this.res as KeyedResponse;
    res[exchangeKey] = this;
    if (res.destroyed) sink.onClosed();
    else res.on('close', onClose);
    // What does not say how long it is may be long.
    if (this.headers['transfer-encoding'] === undefined && this.#declaredBytes <= smallBytesMax) this.#flow();
  }

  readBody(bytesMax: number): void {
    this.#isWanted = true;
    this.#bytesMax = bytesMax;
    const bytes = this.#body?.length ?? this.#only.length;
    if (Math.max(this.#declaredBytes, bytes) > bytesMax) this.#refuse(bodyTooLarge(bytesMax));
    else if (this.#isWhole) this.#deliver();
    else {
      this.#continue();
      this.#flow();
    }
  }

  answer(reply: Reply): void {
    const { res } = this;
    if (res.destroyed || res.headersSent) return;
    if (!this.req.complete && this.#hasBody) {
      this.#stopReading();
      this.#closeUnlessShort();
    }
    const { body, trailers } = reply;
    // The client may leave it here as long as it likes; what is small, its request has paid for.
    if (body !== undefined && body.length > oneWriteBytesMax && !this.reserve(body.length)) {
      refuseRequest(res, 503, 'too much waits to be taken, please try again');
      return;
    }
    const headers = [...reply.headers, ...this.#ownPairs()];
    // Whether the body that was not asked for follows all the same, nobody can tell.
    if (this.flaw !== undefined || this.#isContinueOwed()) res.shouldKeepAlive = false;
    if (trailers !== undefined)
      headers.push('trailer', [...new Set(pairsOf(trailers).map(([name]) => name))].join(', '));
    else if (reply.status !== 204 && reply.status !== 304)
      headers.push('content-length', String(body?.length ?? 0));
    res.writeHead(reply.status, headers);
    if (trailers !== undefined) res.addTrailers(pairsOf(trailers));
    if (body === undefined || trailers !== undefined || body.length > oneWriteBytesMax) res.end(body);
    else res.end(asLatin1(body), 'latin1');
  }

  abandon(): void {
    const { res } = this;
    if (res.headersSent || res.destroyed) {
      res.destroy();
      return;
    }
    res.shouldKeepAlive = false;
    for (const name of res.getHeaderNames()) res.removeHeader(name);
    res.writeHead(500, { 'content-length': 0 }).end();
  }

  universalRequest(contextValues: ContextValues): UniversalServerRequest {
    const { req, res } = this;
    // HTTP/1.0 may leave it out, and Connect builds a URL of it.
    req.headers.host ||= 'localhost';
    this.#continue();
    for (const [name, value] of pairsOf(this.#ownPairs())) res.setHeader(name, value);
    const request = universalRequestFromNodeRequest(req, res, undefined, contextValues);
    res.once('finish', () => this.#discardBody());
    // Connect leaves a body unread that it refuses; destroying it then would destroy the connection before the answer.
    return { ...request, body: req.iterator({ destroyOnReturn: false }) };
  }

  answerUniversal(response: UniversalServerResponse): Promise<void> {
    if (!this.req.complete && this.#hasBody) this.#closeUnlessShort();
    return universalResponseToNodeResponse(response, this.res);
  }

  // RFC 9110 §10.1.1: whoever is about to read says so; a refusal by the headers alone is answered without.
  #continue(): void {
    if (!this.#isContinueOwed()) return;
    this.#isContinued = true;
    this.res.writeContinue();
  }

  #isContinueOwed(): boolean {
    return this.headers.expect !== undefined && !this.#isContinued && this.httpVersion === '1.1';
  }

  #discardBody(): void {
    if (this.req.complete || this.req.destroyed || this.#isDiscarding) return;
    this.#isDiscarding = true;
    discardBody(this.req);
  }

  /** RFC 9112 §9.3: who is not told that the body is not read sends the next request into a connection that nobody reads. */
  #closeUnlessShort(): void {
    const isShort = this.headers['transfer-encoding'] === undefined && this.#declaredBytes <= discardBytesMax;
    if (!isShort && !this.res.headersSent) closeInStages(this.req, this.res);
  }

  #ownPairs(): string[] {
    const pairs = ['x-request-id', this.requestId];
    if (this.headers.origin !== undefined) pairs.push(...corsPairs(this.#policy.cors, this));
    return pairs;
  }

  takeChunk(chunk: Buffer): void {
    const refusal = this.#gather(chunk);
    if (refusal !== undefined) this.#refuse(refusal);
  }

  takeEnd(): void {
    this.#isWhole = true;
    if (this.#isWanted) this.#deliver();
  }

  takeClose(): void {
    this.#policy.bodies.give(this.#only.length);
    this.#only = emptyBody;
    this.#body?.release();
    this.#sink?.onClosed();
  }

  /** Why the body is refused, where it is. */
  #gather(chunk: Buffer): ConnectError | undefined {
    const { length } = chunk;
    // One that is not all would keep the whole read alive that it is a part of, for as long as the rest takes.
    const isWhole = this.#body === undefined && length === this.#declaredBytes;
    if (isWhole && length <= Math.min(smallBytesMax, this.#bytesMax)) {
      if (!this.#policy.bodies.take(length, length)) return tooManyBodies();
      this.#only = chunk;
      return undefined;
    }
    this.#body ??= new BodyBuffer(this.#policy.bodies);
    return this.#body.add(chunk, this.#bytesMax);
  }

  get #declaredBytes(): number {
    return Number(this.headers['content-length'] ?? 0);
  }

  get #hasBody(): boolean {
    return this.headers['transfer-encoding'] !== undefined || this.#declaredBytes > 0;
  }

  #flow(): void {
    if (this.#isFlowing) return;
    this.#isFlowing = true;
    const req = this.req as KeyedRequest;
    req[exchangeKey] = this;
    req.on('data', onData);
    req.on('end', onEnd);
    // A client that hangs up in the middle of its body; 'close' of the response tells the rest.
    req.on('error', ignore);
  }

  #deliver(): void {
    this.#sink?.onBody(this.#body === undefined ? this.#only : this.#body.whole());
  }

  #refuse(refusal: ConnectError): void {
    this.#stopReading();
    this.#sink?.onBodyRefused(refusal);
  }

  /** What is left of the body is of no use; the client is still to see the answer. */
  #stopReading(): void {
    this.req.off('data', onData);
    this.req.off('end', onEnd);
    this.#discardBody();
  }
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
