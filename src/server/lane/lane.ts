import type { Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import {
  compressBytesMin,
  type Encoding,
  requestEncoding,
  responseEncoding,
} from '../dialects/compression.ts';
import type { FoundRoute } from '../dialects/dialect.ts';
import { type Exchange, headerOf, type Reply } from '../http/exchange.ts';
import { bindPath } from '../routes/rest-binding.ts';
import { Call, type CallRunner, type CallTarget } from './call.ts';
import { type Deadlines, deadlineExceeded } from './deadline.ts';
import { takeOverHeaders } from './unary-runner.ts';

let whatAnsweredSays: ConnectError | undefined;

/** What a signal says that outlives its call. Made when first said: an error holds headers, and those are slow to load. */
function answered(): ConnectError {
  whatAnsweredSays ??= new ConnectError('the call is answered', Code.Canceled);
  return whatAnsweredSays;
}

/** What is counted where nobody is left to be answered. */
const clientLeftStatus = 499;

/** What the lane needs of its door. */
export interface LaneOptions {
  readonly deadlines: Deadlines;
  /** Hears of every failure that is nobody's business outside. */
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/**
 * The one direct path of all unary calls: interceptors of the headers, read, decode, interceptors of the message,
 * handler, encode, answer.
 */
export class Lane implements CallRunner {
  readonly #options: LaneOptions;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** Takes a call over, from its headers to its answer. Never throws. */
  start(target: CallTarget, match: FoundRoute | undefined, exchange: Exchange): void {
    const call = new Call(target, match, exchange, this);
    let timeoutMs: number | undefined;
    try {
      timeoutMs = target.dialect.timeoutMs(exchange.headers);
      if (timeoutMs !== undefined && timeoutMs <= 0) throw deadlineExceeded();
    } catch (error) {
      call.fault = error;
      timeoutMs = undefined;
    }
    this.#options.deadlines.start(call, timeoutMs);
    exchange.hold(call);
    // Where nobody asks about the headers, the call begins with its body, and waits for nothing.
    if (target.asksHeaders || call.fault !== undefined) this.serve(call);
    else this.#readBody(call);
  }

  serve(call: Call): void {
    if (call.isOver || call.isServed) return;
    call.isServed = true;
    void this.#serve(call);
  }

  read(call: Call): Message | Promise<Message> {
    const { dialect, exchange } = call;
    // Its time was over while the caller was asked for: what is answered is not done any more.
    if (call.isOver) throw answered();
    if (call.fault !== undefined) throw call.fault;
    if (dialect.readQuery !== undefined) {
      const { bytes, encoding } = dialect.readQuery(exchange.target);
      return this.#decode(call, bytes, requestEncoding(encoding));
    }
    const encoding = requestEncoding(headerOf(exchange.headers, dialect.encodingHeader));
    if (call.body === undefined) this.#readBody(call);
    if (call.fault !== undefined) throw call.fault;
    if (call.body !== undefined) return this.#decode(call, call.body, encoding);
    return call.wholeBody().then((body) => this.#decode(call, body, encoding));
  }

  #readBody({ dialect, exchange, messageBytesMax }: Call): void {
    exchange.readBody(dialect.bodyBytesMax(messageBytesMax));
  }

  fail(call: Call, reason: unknown): void {
    if (call.isOver) return;
    const error = this.#asConnectError(call, reason);
    let reply: Reply;
    try {
      reply = call.dialect.failure(call, error);
    } catch (cause) {
      reply = call.dialect.failure(call, this.#asConnectError(call, cause));
    }
    this.#end(call, () => error);
    call.answers.answered(error.code, reply.status, call.startedMs);
    this.#answer(call, reply);
  }

  drop(call: Call): void {
    this.#end(call, clientLeft);
    call.answers.answered(Code.Canceled, clientLeftStatus, call.startedMs);
  }

  async #serve(call: Call): Promise<void> {
    const { dialect } = call;
    try {
      const response = await call.run(call);
      if (call.isOver) return;
      takeOverHeaders(call, response);
      const encoded = dialect.encode(call, response.message);
      const encoding = encoded.length < compressBytesMin ? undefined : encodingOf(call);
      const sent = encoding === undefined ? encoded : await encoding.compress(encoded);
      if (call.isOver) return;
      const reply = dialect.success(call, sent, encoding?.name);
      this.#end(call, answered);
      call.answers.answered(0, reply.status, call.startedMs);
      this.#answer(call, reply);
    } catch (error) {
      this.fail(call, error);
    }
  }

  #decode(call: Call, body: Buffer, encoding: Encoding | undefined): Message | Promise<Message> {
    const { dialect, messageBytesMax } = call;
    const { bytes, isCompressed } = dialect.unwrap(body, messageBytesMax);
    if (isCompressed && encoding !== undefined) {
      return encoding.decompress(bytes, messageBytesMax).then((whole) => messageOf(call, whole));
    }
    // An envelope says for itself that it is compressed; a whole body is compressed only where the header says so.
    if (isCompressed && dialect.encodingHeader !== 'content-encoding') {
      throw new ConnectError(`a compressed message needs ${dialect.encodingHeader}`, Code.Internal);
    }
    return messageOf(call, bytes);
  }

  #end(call: Call, reason: () => ConnectError): void {
    call.isOver = true;
    this.#options.deadlines.stop(call);
    call.abort(reason);
  }

  #answer(call: Call, reply: Reply): void {
    try {
      call.exchange.answer(reply);
    } catch (cause) {
      this.#options.log('answer.failed', { method: call.method.name, cause });
      call.exchange.abandon();
    }
  }

  #asConnectError(call: Call, reason: unknown): ConnectError {
    if (reason instanceof ConnectError) return reason;
    const { requestId } = call.exchange;
    this.#options.log('call.failed', { method: call.method.name, requestId, cause: reason });
    return new ConnectError('internal error', Code.Internal);
  }
}

let whatLeavingSays: ConnectError | undefined;

/** Made once, too: many leave at a time, and the trace of an error, which nobody reads, takes longer than all else of their end. */
function clientLeft(): ConnectError {
  whatLeavingSays ??= new ConnectError('the client went away', Code.Canceled);
  return whatLeavingSays;
}

function messageOf(call: Call, bytes: Uint8Array): Message {
  const { dialect, match } = call;
  const message = dialect.decode(call, bytes);
  if (match !== undefined && dialect.protocolName !== 'rest') bindPath(message, match.route, match.fields);
  return message;
}

function encodingOf(call: Call): Encoding | undefined {
  const { dialect, exchange } = call;
  const { headers } = exchange;
  return responseEncoding(
    headerOf(headers, dialect.acceptEncodingHeader),
    headerOf(headers, dialect.encodingHeader),
  );
}
