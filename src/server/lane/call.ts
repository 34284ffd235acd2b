import { create, type DescMethodUnary, type DescService, type Message } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import {
  type ConnectError,
  type ContextValues,
  createContextValues,
  type HandlerContext,
  type UnaryRequest,
  type UnaryResponse,
} from '@connectrpc/connect';
import type { Answers } from '../../ops/measures.ts';
import { requestInfoKey } from '../../rpc/request-info.ts';
import type { Dialect, DialectCall, FoundRoute } from '../dialects/dialect.ts';
import { asHeaders, type BodySink, type Exchange } from '../http/exchange.ts';
import { deadlineExceeded, type Timed } from './deadline.ts';

/** What reads a call's message once the interceptors of its headers have let it pass, and ends it. */
export interface CallRunner {
  /** Begins the call: interceptors, handler, answer. */
  serve(call: Call): void;
  /** A promise only where the message is not here yet, or not as it is to be. Throws ConnectError. */
  read(call: Call): Message | Promise<Message>;
  fail(call: Call, error: unknown): void;
  drop(call: Call): void;
}

/** What the path and the content type say about a call. */
export interface CallTarget {
  readonly method: DescMethodUnary;
  readonly run: (request: UnaryRequest) => Promise<UnaryResponse>;
  /** Whether anybody is to see the headers before the body is asked for. */
  readonly asksHeaders: boolean;
  readonly messageBytesMax: number;
  readonly dialect: Dialect;
  readonly answers: Answers;
}

const unread: Message = create(EmptySchema);

/**
 * One unary call: the request that interceptors see and the context that the handler gets, in one object of one shape.
 * Headers, signal and values are made when first asked for; most calls never ask.
 */
export class Call implements UnaryRequest, HandlerContext, DialectCall, Timed, BodySink {
  readonly stream = false;
  /** Itself: an interceptor may pass on a copy, and the lane must find the call again. */
  readonly call: Call;
  readonly method: DescMethodUnary;
  readonly service: DescService;
  readonly run: CallTarget['run'];
  readonly messageBytesMax: number;
  readonly dialect: Dialect;
  readonly answers: Answers;
  /** By performance.now(). */
  readonly startedMs: number = performance.now();
  readonly match: FoundRoute | undefined;
  readonly exchange: Exchange;
  readonly runner: CallRunner;
  /** Nothing before the interceptors of the headers have let the call pass. */
  message: Message = unread;
  body: Buffer | undefined;
  /** What is wrong with the headers; said only to who may call. */
  fault: unknown;
  isServed = false;
  /** Answered, or not worth an answer any more. */
  isOver = false;
  sentHeader: Headers | undefined;
  sentTrailer: Headers | undefined;
  deadlineAtMs = 0;
  timer: NodeJS.Timeout | undefined;
  older: Timed | undefined;
  newer: Timed | undefined;
  #abort: AbortController | undefined;
  #abortReason: (() => ConnectError) | undefined;
  #waiting: PromiseWithResolvers<Buffer> | undefined;
  #header: Headers | undefined;
  #values: ContextValues | undefined;

  constructor(target: CallTarget, match: FoundRoute | undefined, exchange: Exchange, runner: CallRunner) {
    this.call = this;
    this.method = target.method;
    this.service = target.method.parent;
    this.run = target.run;
    this.messageBytesMax = target.messageBytesMax;
    this.dialect = target.dialect;
    this.answers = target.answers;
    this.match = match;
    this.exchange = exchange;
    this.runner = runner;
  }

  get protocolName(): string {
    return this.dialect.protocolName;
  }

  get requestMethod(): string {
    return this.exchange.verb;
  }

  get url(): string {
    const { scheme, authority, target } = this.exchange;
    return `${scheme}://${authority}${target}`;
  }

  get header(): Headers {
    this.#header ??= asHeaders(this.exchange.headers);
    return this.#header;
  }

  get requestHeader(): Headers {
    return this.header;
  }

  get responseHeader(): Headers {
    this.sentHeader ??= new Headers();
    return this.sentHeader;
  }

  get responseTrailer(): Headers {
    this.sentTrailer ??= new Headers();
    return this.sentTrailer;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#abortReason !== undefined) this.#abort.abort(this.#abortReason());
    }
    return this.#abort.signal;
  }

  get contextValues(): ContextValues {
    this.#values ??= createContextValues().set(requestInfoKey, this.exchange);
    return this.#values;
  }

  get values(): ContextValues {
    return this.contextValues;
  }

  /** What is left of the time that the client gave; undefined where it gave none, though the server has its own limit. */
  timeoutMs(): number | undefined {
    return this.timer === undefined ? undefined : this.deadlineAtMs - performance.now();
  }

  /** Tells whoever holds the signal, or will ask for it, that the call is over. The reason is asked for only by then. */
  abort(reason: () => ConnectError): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    if (this.#abort === undefined && this.#waiting === undefined) return;
    const said = reason();
    this.#abort?.abort(said);
    this.#waiting?.reject(said);
  }

  expire(): void {
    this.runner.fail(this, deadlineExceeded());
  }

  /** The body once it is whole. Rejects where it is refused, or the call is over. */
  wholeBody(): Promise<Buffer> {
    if (this.#abortReason !== undefined) return Promise.reject(this.#abortReason());
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  onBody(body: Buffer): void {
    this.body = body;
    if (this.isServed) this.#waiting?.resolve(body);
    else this.runner.serve(this);
  }

  onBodyRefused(error: ConnectError): void {
    this.fault = error;
    if (this.isServed) this.#waiting?.reject(error);
    else this.runner.serve(this);
  }

  onClosed(): void {
    if (!this.isOver) this.runner.drop(this);
  }
}

/** The answer as interceptors see it; headers and trailers are those of the call, made when first asked for. */
export class CallResponse implements UnaryResponse {
  readonly stream = false;
  readonly message: Message;
  readonly call: Call;

  constructor(call: Call, message: Message) {
    this.call = call;
    this.message = message;
  }

  get method(): DescMethodUnary {
    return this.call.method;
  }

  get service(): DescService {
    return this.call.service;
  }

  get header(): Headers {
    return this.call.responseHeader;
  }

  get trailer(): Headers {
    return this.call.responseTrailer;
  }
}
