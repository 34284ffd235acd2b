import type { DescMethod, Registry } from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  createConnectRouter,
  createContextValues,
  type Interceptor,
} from '@connectrpc/connect';
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from '@connectrpc/connect/protocol';
import { parseTimeout as parseConnectTimeout } from '@connectrpc/connect/protocol-connect';
import { parseTimeout as parseGrpcTimeout } from '@connectrpc/connect/protocol-grpc';
import { compressionBrotli, compressionGzip } from '@connectrpc/connect-node';
import type { Answers, DoorMeasures } from '../../ops/measures.ts';
import type { DeskService } from '../../rpc/desk.ts';
import { addressKey } from '../../rpc/limits/call-limits.ts';
import { createTokenBuckets } from '../../rpc/limits/token-buckets.ts';
import { requestInfoKey } from '../../rpc/request-info.ts';
import { base64Chunks, bytesOfBase64Chunks } from '../dialects/base64-groups.ts';
import { costBytes } from '../http/admission.ts';
import type { Log, UniversalExchange } from '../http/exchange.ts';
import { ignoresUnknown } from '../messages/unknown-json.ts';
import { answerInTime, guardStream } from './guard.ts';
import { codeOf, noteOutcome, type Outcome, outcomeKey } from './outcome.ts';

/** What the adapter needs of its door. */
export interface AdapterOptions {
  readonly services: readonly DeskService[];
  readonly interceptors: readonly Interceptor[];
  messageBytesMaxOf(method: DescMethod): number;
  readonly timeoutMsMax: number;
  /** Ends all streams. */
  readonly shutdownSignal: AbortSignal;
  readonly jsonRegistry: Registry | undefined;
  readonly measures: DoorMeasures;
  readonly log: Log;
}

/**
 * Streaming calls of one address on connections without a valid token: what Connect's own server makes of one costs as
 * much as forty that are refused before it.
 */
const strangerCalls = { perSecond: 20, burst: 512, bucketsMax: 65_536 };

/** Hands a call to Connect's own server. */
export type Adapter = (path: string, exchange: UniversalExchange) => void;

/** All that the lane does not take: streams. Same services, same interceptors. */
export function createAdapter(options: AdapterOptions): Adapter {
  let opened: Streams | undefined;
  const strangers = createTokenBuckets(strangerCalls, performance.now());
  const isBeyond = (exchange: UniversalExchange): boolean =>
    !exchange.isProven && strangers.take(addressKey(exchange.remoteAddress), performance.now()) > 0;
  return (path, exchange) => {
    opened ??= openStreams(options);
    const handler = opened.handlers.get(path);
    if (handler === undefined) throw new Error(`no handler for ${path}`);
    // Counted as it opens, with the message that it may hold half read: nobody knows when the rest comes.
    const bytes = costBytes.streamingCall + (opened.bytesOf.get(handler.service.typeName) ?? 0);
    if (!isBeyond(exchange) && exchange.reserve(bytes)) void carry(handler, exchange, options);
    else exchange.refuse();
  };
}

interface Streams {
  /** By path. */
  readonly handlers: ReadonlyMap<string, UniversalHandler>;
  /** How long a message may be, by service. */
  readonly bytesOf: ReadonlyMap<string, number>;
}

/** Opened by the first stream: a start is measured, and waits for none. */
function openStreams(options: AdapterOptions): Streams {
  const router = createConnectRouter({
    interceptors: [noteOutcome, guardStream, ...options.interceptors],
    acceptCompression: [compressionGzip, compressionBrotli],
    shutdownSignal: options.shutdownSignal,
  });
  const bytesOf = new Map<string, number>();
  for (const { desc, implementation } of options.services) {
    const streams = desc.methods.filter(({ methodKind }) => methodKind !== 'unary');
    if (streams.length === 0) continue;
    // Connect has one limit a service; streams of one service ask alike.
    const readMaxBytes = Math.min(...streams.map(options.messageBytesMaxOf));
    const ignoreUnknownFields = streams.every(({ input }) => ignoresUnknown(input));
    const jsonOptions = {
      ...(options.jsonRegistry && { registry: options.jsonRegistry }),
      ignoreUnknownFields,
    };
    // As in the lane: what nobody reads is not kept.
    const binaryOptions = { readUnknownFields: false };
    router.service(desc, implementation, { readMaxBytes, jsonOptions, binaryOptions });
    bytesOf.set(desc.typeName, readMaxBytes);
  }
  return { handlers: new Map(router.handlers.map((handler) => [handler.requestPath, handler])), bytesOf };
}

async function carry(
  handler: UniversalHandler,
  exchange: UniversalExchange,
  options: AdapterOptions,
): Promise<void> {
  const startedMs = performance.now();
  const outcome: Outcome = { code: undefined };
  const answers = answersOf(handler, exchange, options.measures);
  try {
    const values = createContextValues().set(requestInfoKey, exchange).set(outcomeKey, outcome);
    const whole = exchange.universalRequest(values);
    shortenTimeout(whole.header, options.timeoutMsMax);
    const response = await translate(handler, whole);
    await exchange.answerUniversal(response);
    answers.answered(codeOf(outcome, response), response.status, startedMs);
  } catch (cause) {
    // Aborted is how the exchange says that the client is gone.
    const isGone = cause instanceof ConnectError && cause.code === Code.Aborted;
    answers.answered(isGone ? (outcome.code ?? Code.Canceled) : Code.Internal, 500, startedMs);
    if (isGone) return;
    options.log('answer.failed', { method: handler.method.name, requestId: exchange.requestId, cause });
    exchange.abandon();
  }
}

// GET is Connect's alone; what is no content type of a dialect it refuses as well.
function answersOf(
  { requestPath }: UniversalHandler,
  { verb, headers }: UniversalExchange,
  measures: DoorMeasures,
): Answers {
  const isGrpc = verb !== 'GET' && /^application\/grpc/i.test(headers['content-type'] ?? '');
  return measures.rpcAnswers(isGrpc ? 'grpc' : 'connectrpc', requestPath.slice(1));
}

// Connect would refuse a timeout beyond a maximum; Latchkey shortens it, in the lane and here alike. What is malformed
// is for Connect to refuse, in the dress of the dialect.
function shortenTimeout(header: Headers, timeoutMsMax: number): void {
  const isGrpc = /^application\/grpc/i.test(header.get('content-type') ?? '');
  const name = isGrpc ? 'grpc-timeout' : 'connect-timeout-ms';
  const parse = isGrpc ? parseGrpcTimeout : parseConnectTimeout;
  const { timeoutMs = 0, error } = parse(header.get(name), Number.MAX_SAFE_INTEGER);
  if (error === undefined && timeoutMs > timeoutMsMax)
    header.set(name, `${timeoutMsMax}${isGrpc ? 'm' : ''}`);
}

// connect-node knows gRPC-Web's binary form alone; the text form is base64 around it.
async function translate(
  handler: UniversalHandler,
  request: UniversalServerRequest,
): Promise<UniversalServerResponse> {
  const contentType = request.header.get('content-type') ?? '';
  if (!/^application\/grpc-web-text/i.test(contentType)) return answerInTime(handler, request);
  request.header.set('content-type', contentType.replace(/-text/i, ''));
  const body = request.body as AsyncIterable<Uint8Array>;
  const response = await answerInTime(handler, { ...request, body: bytesOfBase64Chunks(body) });
  const header = new Headers(response.header);
  header.set('content-type', (header.get('content-type') ?? '').replace('grpc-web', 'grpc-web-text'));
  return { ...response, header, ...(response.body && { body: base64Chunks(response.body) }) };
}
