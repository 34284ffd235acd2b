import { setTimeout as delay } from 'node:timers/promises';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Any, AnySchema, anyPack } from '@bufbuild/protobuf/wkt';
import { type Code, ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import {
  BidiStreamRequestSchema,
  ClientStreamRequestSchema,
  type ConformancePayload_RequestInfo,
  ConformancePayload_RequestInfoSchema,
  type ConformancePayloadSchema,
  type ConformanceService,
  type Error as DefinedError,
  IdempotentUnaryRequestSchema,
  ServerStreamRequestSchema,
  type StreamResponseDefinition,
  UnaryRequestSchema,
  type UnaryResponseDefinition,
} from './gen/connectrpc/conformance/v1/service_pb.js';

type Payload = { readonly payload: MessageInitShape<typeof ConformancePayloadSchema> };

/** Answers each request as it asks to be answered. `unimplemented` has no handler: that is what the runner expects. */
export const conformanceService: Partial<ServiceImpl<typeof ConformanceService>> = {
  unary: (request, context) =>
    answerOnce(request.responseDefinition, [anyPack(UnaryRequestSchema, request)], context),

  idempotentUnary: (request, context) =>
    answerOnce(request.responseDefinition, [anyPack(IdempotentUnaryRequestSchema, request)], context),

  async clientStream(requests, context) {
    const received: Any[] = [];
    let definition: UnaryResponseDefinition | undefined;
    for await (const request of requests) {
      if (received.length === 0) definition = request.responseDefinition;
      received.push(anyPack(ClientStreamRequestSchema, request));
    }
    return answerOnce(definition, received, context);
  },

  async *serverStream(request, context) {
    const received = [anyPack(ServerStreamRequestSchema, request)];
    const definition = request.responseDefinition;
    setMetadata(definition, context);
    yield* answersFrom(0, definition, received, context);
    throwDefined(definition, received, context);
  },

  async *bidiStream(requests, context) {
    let definition: StreamResponseDefinition | undefined;
    let received: Any[] = [];
    let isFirst = true;
    let isFullDuplex = false;
    let sent = 0;
    for await (const request of requests) {
      if (isFirst) {
        definition = request.responseDefinition;
        isFullDuplex = request.fullDuplex;
        setMetadata(definition, context);
        isFirst = false;
      }
      received.push(anyPack(BidiStreamRequestSchema, request));
      if (!isFullDuplex) continue;
      if (sent >= (definition?.responseData.length ?? 0)) break;
      yield await oneOf(sent, definition, received, context);
      received = [];
      sent += 1;
    }
    yield* answersFrom(sent, definition, received, context);
    throwDefined(definition, received, context);
  },
};

async function answerOnce(
  definition: UnaryResponseDefinition | undefined,
  received: Any[],
  context: HandlerContext,
): Promise<Payload> {
  setMetadata(definition, context);
  await delay(definition?.responseDelayMs ?? 0);
  context.signal.throwIfAborted();
  const info = requestInfo(received, context);
  if (definition?.response.case === 'error') throw asConnectError(definition.response.value, info);
  const data = definition?.response.case === 'responseData' ? definition.response.value : new Uint8Array();
  return { payload: { data, requestInfo: info } };
}

async function* answersFrom(
  sent: number,
  definition: StreamResponseDefinition | undefined,
  received: Any[],
  context: HandlerContext,
): AsyncGenerator<Payload> {
  const count = definition?.responseData.length ?? 0;
  for (let i = sent; i < count; i++) yield await oneOf(i, definition, i === 0 ? received : [], context);
}

/** The first answer of a stream tells all of the request; each later one of a full-duplex stream what came since. */
async function oneOf(
  index: number,
  definition: StreamResponseDefinition | undefined,
  received: Any[],
  context: HandlerContext,
): Promise<Payload> {
  await delay(definition?.responseDelayMs ?? 0);
  context.signal.throwIfAborted();
  const data = definition?.responseData[index] ?? new Uint8Array();
  if (index === 0) return { payload: { data, requestInfo: requestInfo(received, context) } };
  if (received.length === 0) return { payload: { data } };
  return { payload: { data, requestInfo: { requests: received } } };
}

function throwDefined(
  definition: StreamResponseDefinition | undefined,
  received: Any[],
  context: HandlerContext,
): void {
  if (definition?.error === undefined) return;
  const isUntold = definition.responseData.length === 0;
  throw asConnectError(definition.error, isUntold ? requestInfo(received, context) : undefined);
}

function setMetadata(
  definition: UnaryResponseDefinition | StreamResponseDefinition | undefined,
  { responseHeader, responseTrailer }: HandlerContext,
): void {
  for (const { name, value } of definition?.responseHeaders ?? []) {
    for (const item of value) responseHeader.append(name, item);
  }
  for (const { name, value } of definition?.responseTrailers ?? []) {
    for (const item of value) responseTrailer.append(name, item);
  }
}

function requestInfo(requests: Any[], context: HandlerContext): ConformancePayload_RequestInfo {
  const queryAt = context.requestMethod === 'GET' ? context.url.indexOf('?') : -1;
  const query = queryAt === -1 ? [] : [...new URLSearchParams(context.url.slice(queryAt))];
  const timeoutMs = context.timeoutMs();
  return create(ConformancePayload_RequestInfoSchema, {
    requestHeaders: [...context.requestHeader].map(([name, value]) => ({ name, value: value.split(', ') })),
    requests: requests.map((request) => create(AnySchema, request)),
    ...(timeoutMs !== undefined && { timeoutMs: BigInt(Math.trunc(timeoutMs)) }),
    ...(query.length > 0 && {
      connectGetInfo: { queryParams: query.map(([name, value]) => ({ name, value: [value] })) },
    }),
  });
}

function asConnectError(
  { code, message, details }: DefinedError,
  info: ConformancePayload_RequestInfo | undefined,
): ConnectError {
  const error = new ConnectError(message ?? '', code as number as Code);
  error.details = details.map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1),
    value,
  }));
  if (info !== undefined) {
    error.details.push({ desc: ConformancePayload_RequestInfoSchema, value: info });
  }
  return error;
}
