import { create, type DescMethodUnary, type Message } from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  type HandlerContext,
  type Interceptor,
  type MethodImpl,
  type StreamRequest,
  type UnaryRequest,
  type UnaryResponse,
} from '@connectrpc/connect';
import { hasWaitedKey } from '../../rpc/request-info.ts';
import { Call, CallResponse } from './call.ts';

/** Carries one request through the interceptors and the handler. */
export type UnaryRunner = (request: UnaryRequest) => Promise<UnaryResponse>;

/** What stands between the bytes of a call and its handler; the first of each list is the outermost, as in Connect's router. */
export interface CallSteps {
  /** Run as soon as the headers are here: the body is neither decompressed nor decoded, and the message still empty. */
  readonly headerInterceptors: readonly Interceptor[];
  /** Run once the message is read. */
  readonly interceptors: readonly Interceptor[];
}

/** Composes header interceptors, the reading of the message, interceptors and handler, once for each method. */
export function createUnaryRunner(
  method: DescMethodUnary,
  handler: MethodImpl<DescMethodUnary>,
  { headerInterceptors, interceptors }: CallSteps,
): UnaryRunner {
  let run: ReturnType<Interceptor> = async (request) => {
    const call = callOf(request);
    const message = request.message as Message;
    const output = await handler(message, contextOf(request as UnaryRequest, call));
    return new CallResponse(call, create(method.output, output));
  };
  const steps = [...headerInterceptors, readMessage, ...interceptors];
  for (const step of steps.toReversed()) run = step(run);
  return run as UnaryRunner;
}

// No async function: most messages are here by now, and then there is nothing to wait for.
const readMessage: Interceptor = (next) => (request) => {
  const call = callOf(request);
  const message = call.runner.read(call);
  if (!(message instanceof Promise)) return next(withMessage(request, call, message));
  return message.then((read) => {
    call.values.set(hasWaitedKey, true);
    return next(withMessage(request, call, read));
  });
};

function withMessage(
  request: UnaryRequest | StreamRequest,
  call: Call,
  message: Message,
): UnaryRequest | StreamRequest {
  call.message = message;
  return request === call ? call : ({ ...request, message } as UnaryRequest);
}

/** Takes over what an interceptor answered in the place of the call's own response. */
export function takeOverHeaders(call: Call, response: UnaryResponse): void {
  if (response instanceof CallResponse && response.call === call) return;
  const { header, trailer }: { header?: Headers; trailer?: Headers } = response;
  // Of a copy of the call's own response, what is left out stays as it was.
  if (header !== undefined) call.sentHeader = header;
  if (trailer !== undefined) call.sentTrailer = trailer;
}

function callOf(request: UnaryRequest | StreamRequest): Call {
  if (request instanceof Call) return request;
  if ('call' in request && request.call instanceof Call) return request.call;
  throw new ConnectError(
    'an interceptor passed on a request that is not the one it was given',
    Code.Internal,
  );
}

// Connect lets an interceptor hand a changed copy of the request on; its handler then sees the copy's values.
function contextOf(request: UnaryRequest, call: Call): HandlerContext {
  if (request === call) return call;
  const { header, signal, contextValues }: Partial<UnaryRequest> = request;
  return {
    method: call.method,
    service: call.service,
    protocolName: call.protocolName,
    requestMethod: call.requestMethod,
    url: call.url,
    timeoutMs: () => call.timeoutMs(),
    requestHeader: header ?? call.header,
    responseHeader: call.responseHeader,
    responseTrailer: call.responseTrailer,
    signal: signal ?? call.signal,
    values: contextValues ?? call.values,
  };
}
