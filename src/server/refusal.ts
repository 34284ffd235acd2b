import { Code, ConnectError } from '@connectrpc/connect';
import { percentEncode } from './dialects/error-wire.ts';
import { statusBody } from './dialects/rest-error.ts';
import { type Exchange, headerOf, type Reply } from './http/exchange.ts';

/** Which kind of path is refused: that of a method, or that of a REST resource. */
export type PathKind = 'rpc' | 'rest';

/** The answer to a path that leads nowhere. */
export function notFound(exchange: Exchange, path: string): Reply {
  const kind = /^\/[\w.]+\/\w+$/.test(path) && path.includes('.') ? 'rpc' : 'rest';
  return refuse(exchange, kind, { status: 404, error: new ConnectError('not found', Code.NotFound) });
}

/** The answer to a known path with the wrong verb. */
export function wrongVerb(exchange: Exchange, kind: PathKind, allow: readonly string[]): Reply {
  const error = new ConnectError('method not allowed', Code.Unimplemented);
  const reply = refuse(exchange, kind, { status: 405, error });
  return { ...reply, headers: [...reply.headers, 'allow', allow.join(', ')] };
}

/** The answer to a path that cannot be read. */
export function badPath(exchange: Exchange, reason: string): Reply {
  return refuse(exchange, 'rest', { status: 400, error: new ConnectError(reason, Code.InvalidArgument) });
}

/** The answer to a content type that the method does not take. */
export function unsupportedMediaType(acceptPost: string): Reply {
  return { status: 415, headers: ['accept-post', acceptPost], body: undefined, trailers: undefined };
}

interface Refusal {
  readonly status: number;
  readonly error: ConnectError;
}

// A gRPC client reads nothing but the status, and its word for "no such path" is Unimplemented. Clients of Connect and
// gRPC-Web read the HTTP status, and stumble over a body that is not theirs: they get none.
function refuse(exchange: Exchange, kind: PathKind, { status, error }: Refusal): Reply {
  const contentType = headerOf(exchange.headers, 'content-type')?.toLowerCase() ?? '';
  if (/^application\/grpc($|[+;])/.test(contentType)) return asGrpc(contentType, error);
  const isRest = kind === 'rest' && !/^application\/(grpc|proto|connect)/.test(contentType);
  if (!isRest) return { status, headers: [], body: undefined, trailers: undefined };
  return {
    status,
    headers: ['content-type', 'application/json'],
    body: exchange.verb === 'HEAD' ? undefined : statusBody(error).body,
    trailers: undefined,
  };
}

function asGrpc(contentType: string, { code, rawMessage }: ConnectError): Reply {
  const status = String(code === Code.NotFound ? Code.Unimplemented : code);
  const headers = [
    'content-type',
    contentType,
    'grpc-status',
    status,
    'grpc-message',
    percentEncode(rawMessage),
  ];
  return { status: 200, headers, body: undefined, trailers: undefined };
}
