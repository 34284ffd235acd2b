import {
  Code,
  ConnectError,
  type ContextKey,
  createContextKey,
  type Interceptor,
  type StreamResponse,
} from '@connectrpc/connect';
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from '@connectrpc/connect/protocol';
import { knownEncodings, requestEncoding } from '../dialects/compression.ts';

/**
 * So long a stream may think before its first message; then its headers go without one. Where the client streams as
 * well, the handler may wait for its first message before it knows what to say in the headers.
 */
const headWaitMs = 20;
const headWaitBothWaysMs = 1_000;

const nothing = new Uint8Array(0);

type Begun = (header: Headers, waitMs: number) => void;

/** Who waits for a stream to begin: called with the headers of its answer once nothing refuses the call any more. */
const begunKey: ContextKey<Begun> = createContextKey<Begun>(() => undefined, { description: 'stream begun' });

/**
 * Outside of all other interceptors: says when a stream has begun, and never lets one end as if it were done that its
 * deadline or the server ended. Connect tells the handler alone, and most handlers just return.
 */
export const guardStream: Interceptor = (next) => async (req) => {
  const res = await next(req);
  if (!res.stream) return res;
  const waitMs = req.method.methodKind === 'server_streaming' ? headWaitMs : headWaitBothWaysMs;
  const onBegun = (): void => req.contextValues.get(begunKey)(res.header, waitMs);
  return { ...res, message: untilAborted(res.message, req.signal, onBegun) };
};

async function* untilAborted(
  messages: StreamResponse['message'],
  signal: AbortSignal,
  onBegun: () => void,
): StreamResponse['message'] {
  const iterator = messages[Symbol.asyncIterator]();
  let giveUp = (): void => undefined;
  const onAbort = (): void => giveUp();
  signal.addEventListener('abort', onAbort);
  try {
    for (;;) {
      const { done, value } = await new Promise<IteratorResult<unknown>>((resolve, reject) => {
        giveUp = () => reject(reasonOf(signal));
        iterator.next().then(resolve, reject);
        // From here on the handler runs, and has said in its headers what it says before it waits for anything.
        onBegun();
        if (signal.aborted) giveUp();
      });
      if (done !== true) yield value as never;
      else if (signal.aborted) throw reasonOf(signal);
      else return;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Not awaited: a handler that waits for its client is woken when the connection lets go of the stream.
    iterator.return?.().catch(() => undefined);
  }
}

function reasonOf(signal: AbortSignal): ConnectError {
  const { reason }: { reason: unknown } = signal;
  return reason instanceof ConnectError ? reason : new ConnectError('the call was cancelled', Code.Canceled);
}

/**
 * What Connect's handler answers; a stream that has begun and has nothing to say yet is answered with its headers alone,
 * so that neither its client nor a proxy takes the server for dead.
 */
export async function answerInTime(
  handler: UniversalHandler,
  request: UniversalServerRequest,
): Promise<UniversalServerResponse> {
  const begun = Promise.withResolvers<{ readonly header: Headers; readonly waitMs: number }>();
  request.contextValues?.set(begunKey, (header, waitMs) => begun.resolve({ header, waitMs }));
  const encodings = unknownEncodings(request.header);
  const whole = handler(request).then((response) => ({
    ...response,
    header: withPairs(response.header, encodings),
  }));
  let timer: NodeJS.Timeout | undefined;
  const early = begun.promise.then(
    ({ header, waitMs }) =>
      new Promise<UniversalServerResponse>((resolve) => {
        timer = setTimeout(() => resolve(headFirst(header, whole)), waitMs);
      }),
  );
  try {
    return await Promise.race([whole, early]);
  } finally {
    clearTimeout(timer);
  }
}

function headFirst(header: Headers, whole: Promise<UniversalServerResponse>): UniversalServerResponse {
  const isGrpc = /^application\/grpc($|\+)/.test(header.get('content-type') ?? '');
  const trailer = new Headers();
  async function* body(): AsyncGenerator<Uint8Array> {
    // What is empty sends the headers.
    yield nothing;
    const response = await whole;
    if (response.body !== undefined) yield* response.body;
    for (const [name, value] of response.trailer ?? []) trailer.set(name, value);
  }
  return { status: 200, header, body: body(), ...(isGrpc && { trailer }) };
}

/**
 * What an answer says of encodings where the request named one that is not known: the specifications of gRPC and Connect
 * want the known ones named, and Connect's server keeps them out of the answer.
 */
function unknownEncodings(header: Headers): readonly (readonly [name: string, value: string])[] {
  const prefix = /^application\/grpc/i.test(header.get('content-type') ?? '') ? 'grpc-' : 'connect-';
  const named = header.get(prefix === 'grpc-' ? 'grpc-encoding' : 'connect-content-encoding');
  try {
    requestEncoding(named ?? undefined);
    return [];
  } catch {
    return [[`${prefix}accept-encoding`, knownEncodings]];
  }
}

function withPairs(
  header: ConstructorParameters<typeof Headers>[0],
  pairs: readonly (readonly [name: string, value: string])[],
): Headers {
  const all = new Headers(header);
  for (const [name, value] of pairs) all.set(name, value);
  return all;
}
