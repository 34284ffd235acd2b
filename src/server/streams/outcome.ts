import { Code, ConnectError, type ContextKey, createContextKey, type Interceptor } from '@connectrpc/connect';
import type { UniversalServerResponse } from '@connectrpc/connect/protocol';

/** How a call of Connect's own server ended; 0 is OK, undefined: it never came to the interceptors. */
export interface Outcome {
  code: Code | 0 | undefined;
}

/** Set on every call that is to be counted. */
export const outcomeKey: ContextKey<Outcome> = createContextKey<Outcome>(
  { code: undefined },
  { description: 'outcome' },
);

/** The outermost interceptor: notes how the call, or the stream that it answers with, ended. */
export const noteOutcome: Interceptor = (next) => async (req) => {
  const outcome = req.contextValues.get(outcomeKey);
  try {
    const res = await next(req);
    outcome.code = 0;
    return res.stream ? { ...res, message: noting(res.message, outcome) } : res;
  } catch (error) {
    outcome.code = ConnectError.from(error).code;
    throw error;
  }
};

async function* noting<Message>(messages: AsyncIterable<Message>, outcome: Outcome): AsyncIterable<Message> {
  // Who leaves a stream without reading its end has cancelled it.
  outcome.code = Code.Canceled;
  try {
    yield* messages;
    outcome.code = 0;
  } catch (error) {
    outcome.code = ConnectError.from(error).code;
    throw error;
  }
}

/** The code of a call: what its interceptors saw, else what Connect's server answered before them. */
export function codeOf(outcome: Outcome, { status, header, trailer }: UniversalServerResponse): number {
  if (outcome.code !== undefined) return outcome.code;
  const grpcStatus = new Headers(trailer).get('grpc-status') ?? new Headers(header).get('grpc-status');
  if (grpcStatus !== null) return Number(grpcStatus);
  if (status === 200) return 0;
  return status === 400 ? Code.InvalidArgument : Code.Unimplemented;
}
