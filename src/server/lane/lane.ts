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
import { adopt } from './unary-runner.ts';

// What a signal says that outlives its call.
const answered = new ConnectError('the call is answered', Code.Canceled);

/** What the lane needs of its door. */
export interface LaneOptions {
  readonly messageBytesMax: number;
  readonly deadlines: Deadlines;
  /** Hears of every failure that is nobody's business outside. */
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** The one direct path of all unary calls: read, decode, interceptors and handler, encode, answer. */
export class Lane implements CallRunner {
  readonly #options: LaneOptions;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** Takes a call over, from its headers to its answer. Never throws. */
  start(target: CallTarget, match: FoundRoute | undefined, exchange: Exchange): void {
    const call = new Call(target, match, exchange, this);
    const { deadlines, messageBytesMax } = this.#options;
    try {
      const timeoutMs = target.dialect.timeoutMs(exchange.headers);
      deadlines.start(call, timeoutMs);
      if (timeoutMs !== undefined && timeoutMs <= 0) throw deadlineExceeded();
    } catch (error) {
      if (call.deadlineAtMs === 0) deadlines.start(call, undefined);
      this.fail(call, error);
      return;
    }
    exchange.readBody(target.dialect.bodyBytesMax(messageBytesMax), call);
  }

  serve(call: Call, body: Buffer): void {
    if (!call.isOver) void this.#serve(call, body);
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
    this.#end(call, error);
    this.#answer(call, reply);
  }

  drop(call: Call): void {
    this.#end(call, new ConnectError('the client went away', Code.Canceled));
  }

  async #serve(call: Call, body: Buffer): Promise<void> {
    const { dialect } = call;
    try {
      const read = this.#requestBytes(call, body);
      // Awaited only where there is something to wait for: a needless await costs a turn of the microtask queue.
      const bytes = read instanceof Promise ? await read : read;
      const message = dialect.decode(call, bytes);
      if (call.match !== undefined && dialect.protocolName !== 'rest') {
        bindPath(message, call.match.route, call.match.fields);
      }
      call.message = message;
      const response = await call.run(call);
      if (call.isOver) return;
      adopt(call, response);
      const encoded = dialect.encode(call, response.message);
      const encoding = encoded.length < compressBytesMin ? undefined : encodingOf(call);
      const sent = encoding === undefined ? encoded : await encoding.compress(encoded);
      if (call.isOver) return;
      const reply = dialect.success(call, sent, encoding?.name);
      this.#end(call, answered);
      this.#answer(call, reply);
    } catch (error) {
      this.fail(call, error);
    }
  }

  #requestBytes(call: Call, body: Buffer): Uint8Array | Promise<Uint8Array> {
    const { dialect, exchange } = call;
    const { messageBytesMax } = this.#options;
    const { bytes, isCompressed } = dialect.unwrap(body, messageBytesMax);
    const name = headerOf(exchange.headers, dialect.encodingHeader);
    if (name === undefined && !isCompressed) return bytes;
    const encoding = requestEncoding(name);
    if (!isCompressed) return bytes;
    if (encoding !== undefined) return encoding.decompress(bytes, messageBytesMax);
    // An envelope says for itself that it is compressed; a whole body is compressed only where the header says so.
    if (dialect.encodingHeader === 'content-encoding') return bytes;
    throw new ConnectError(`a compressed message needs ${dialect.encodingHeader}`, Code.Internal);
  }

  #end(call: Call, reason: ConnectError): void {
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

function encodingOf(call: Call): Encoding | undefined {
  const { dialect, exchange } = call;
  const { headers } = exchange;
  return responseEncoding(
    headerOf(headers, dialect.acceptEncodingHeader),
    headerOf(headers, dialect.encodingHeader),
  );
}
