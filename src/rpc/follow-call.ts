import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import type { Tracer } from '../ops/measures.ts';
import { requestInfoKey } from './request-info.ts';

type Next = ReturnType<Interceptor>;

/**
 * The outermost interceptor of a server that sends spans: a call that is sampled is one, any other passes as if this were
 * not here. Streams are not followed: they last, and what they wait for is their own business.
 */
export function followCall(tracer: Tracer): Interceptor {
  return (next) => (req) => {
    if (req.stream) return next(req);
    const info = req.contextValues.get(requestInfoKey);
    const traceparent = info.header('traceparent');
    return tracer.samples(traceparent) ? follow(tracer, req, next) : next(req);
  };
}

// A function of its own: what it captures is made for calls that are followed alone.
function follow(tracer: Tracer, req: Parameters<Next>[0], next: Next): ReturnType<Next> {
  const info = req.contextValues.get(requestInfoKey);
  const method = `${req.service.typeName}/${req.method.name}`;
  const isGrpc = /^application\/grpc/i.test(info.header('content-type') ?? '');
  const isConnect = !isGrpc && req.url.includes(`/${method}`);
  const call = {
    method,
    system: isGrpc ? ('grpc' as const) : isConnect ? ('connectrpc' as const) : undefined,
    requestId: info.requestId,
    traceparent: info.header('traceparent'),
    codeOf: (error: unknown) => (error instanceof ConnectError ? error.code : Code.Unknown),
  };
  return tracer.follow(call, () => next(req));
}
