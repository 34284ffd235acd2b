import type { IncomingHttpHeaders } from 'node:http';
import type { ConnectError, ContextValues } from '@connectrpc/connect';
import type { UniversalServerRequest, UniversalServerResponse } from '@connectrpc/connect/protocol';
import { BodyBuffer, bodyTooLarge, emptyBody, smallBytesMax, tooManyBodies } from '../http/body-buffer.ts';
import {
  type BodySink,
  corsPairs,
  type ExchangePolicy,
  type Flaw,
  headerOf,
  type Reply,
  type UniversalExchange,
} from '../http/exchange.ts';
import { errorCode, streamWindowBytes } from './frame.ts';
import type { Http2Stream, StreamReceiver } from './stream.ts';
import { UniversalStream } from './universal-stream.ts';

/** One HTTP/2 stream: the request that came on it, and the answer that goes out. */
export class Http2Exchange implements UniversalExchange, StreamReceiver {
  readonly httpVersion = '2';
  readonly headers: IncomingHttpHeaders;
  readonly requestId: string;
  readonly stream: Http2Stream;
  readonly #policy: ExchangePolicy;
  /** The body while it is one frame, as most are. */
  #only: Buffer = emptyBody;
  #body: BodyBuffer | undefined;
  /** Until the body is asked for, flow control alone bounds what comes of it. */
  #bytesMax = streamWindowBytes;
  #sink: BodySink | undefined;
  #isHeld = false;
  #isWanted = false;
  #isWhole = false;
  #universal: UniversalStream | undefined;

  constructor(stream: Http2Stream, policy: ExchangePolicy) {
    this.stream = stream;
    this.headers = stream.head.headers;
    this.requestId = policy.requestId(headerOf(this.headers, 'x-request-id'));
    this.#policy = policy;
  }

  get flaw(): Flaw | undefined {
    return this.stream.head.flaw;
  }

  get isConditional(): boolean {
    return this.stream.head.isConditional;
  }

  get verb(): string {
    return this.stream.head.method;
  }

  get target(): string {
    return this.stream.head.path;
  }

  get scheme(): string {
    return this.stream.head.scheme === 'https' ? 'https' : 'http';
  }

  get authority(): string {
    return this.stream.head.authority || (this.headers.host ?? '');
  }

  get remoteAddress(): string {
    const { clientAddress, forwardingHeader } = this.#policy;
    return clientAddress(this.stream.peerAddress, headerOf(this.headers, forwardingHeader));
  }

  header(name: string): string | undefined {
    return headerOf(this.headers, name);
  }

  prove(owner: string): void {
    this.stream.prove(owner);
  }

  doubt(): void {
    this.stream.doubt();
  }

  get isProven(): boolean {
    return this.stream.isProven;
  }

  reserve(bytes: number): boolean {
    return this.stream.hold(bytes);
  }

  end(): void {
    this.stream.reset(errorCode.enhanceYourCalm);
  }

  refuse(): void {
    this.stream.reset(errorCode.refusedStream);
  }

  hold(sink: BodySink): void {
    this.#sink = sink;
    this.#isHeld = true;
    this.stream.read(this);
    if (this.stream.isClosed) sink.onClosed();
  }

  readBody(bytesMax: number): void {
    this.#isWanted = true;
    this.#bytesMax = bytesMax;
    const heldBytes = this.#body?.length ?? this.#only.length;
    if (Math.max(this.stream.head.contentLength ?? 0, heldBytes) > bytesMax)
      this.#refuse(bodyTooLarge(bytesMax));
    else if (this.#isWhole) this.#deliver();
    else {
      this.#continue();
      if (heldBytes > 0) this.stream.giveBack(heldBytes);
    }
  }

  answer(reply: Reply): void {
    const { stream } = this;
    if (stream.isHeadSent) {
      // Half an answer cannot be taken back.
      stream.reset(errorCode.internalError);
      return;
    }
    const own = this.#ownPairs();
    const { body, trailers } = reply;
    if (trailers === undefined && body !== undefined && body.length > 0) {
      own.push('content-length', String(body.length));
    }
    stream.answer(this.verb === 'HEAD' ? { ...reply, body: undefined } : reply, own);
  }

  abandon(): void {
    const { stream } = this;
    if (stream.isHeadSent) stream.reset(errorCode.internalError);
    else stream.answer({ status: 500, headers: [], body: undefined, trailers: undefined });
  }

  universalRequest(contextValues: ContextValues): UniversalServerRequest {
    this.#continue();
    this.#universal = new UniversalStream(this.stream);
    const { headers, verb, scheme, authority, target } = this;
    return this.#universal.request({
      headers,
      verb,
      url: `${scheme}://${authority}${target}`,
      contextValues,
    });
  }

  async answerUniversal(response: UniversalServerResponse): Promise<void> {
    await this.#universal?.answer(response, this.#ownPairs());
  }

  onData(chunk: Buffer, isLast: boolean): void {
    if (!this.#isHeld) return;
    if (isLast && this.#body === undefined && chunk.length <= Math.min(smallBytesMax, this.#bytesMax)) {
      if (this.#policy.bodies.take(chunk.length, chunk.length)) this.#only = chunk;
      else this.#refuse(tooManyBodies());
      return;
    }
    this.#body ??= new BodyBuffer(this.#policy.bodies);
    const refusal = this.#body.add(chunk, this.#bytesMax);
    if (refusal !== undefined) this.#refuse(refusal);
    else if (this.#isWanted) this.stream.giveBack(chunk.length);
  }

  onEnd(): void {
    if (!this.#isHeld) return;
    this.#isWhole = true;
    if (this.#isWanted) this.#deliver();
  }

  onDrained(): void {
    // The answer of a unary call is handed over whole.
  }

  onClosed(): void {
    this.#isHeld = false;
    this.#policy.bodies.give(this.#only.length);
    this.#only = emptyBody;
    this.#body?.release();
    this.#sink?.onClosed();
  }

  // RFC 9110 §10.1.1: whoever is about to read says so; a refusal by the headers alone is answered without.
  #continue(): void {
    const { expect } = this.headers;
    if (expect !== undefined && /^100-continue$/i.test(expect)) this.stream.continue();
  }

  #deliver(): void {
    this.#isHeld = false;
    this.#sink?.onBody(this.#body === undefined ? this.#only : this.#body.whole());
  }

  #refuse(refusal: ConnectError): void {
    this.#isHeld = false;
    this.#sink?.onBodyRefused(refusal);
  }

  #ownPairs(): string[] {
    const pairs = ['x-request-id', this.requestId];
    if (this.headers.origin !== undefined) pairs.push(...corsPairs(this.#policy.cors, this));
    return pairs;
  }
}
