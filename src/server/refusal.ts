import { Code, ConnectError } from '@connectrpc/connect';
import { percentEncode } from './error-wire.ts';
import { type Exchange, headerOf, type Reply } from './exchange.ts';
import { statusBody } from './rest-error.ts';

/** The answer to a path that leads nowhere. */
export function notFound(exchange: Exchange): Reply {
  return dressed(exchange, 404, new ConnectError('not found', Code.NotFound));
}

/** The answer to a known path with the wrong verb. */
export function wrongVerb(exchange: Exchange, allow: readonly string[]): Reply {
  const reply = dressed(exchange, 405, new ConnectError('method not allowed', Code.Unimplemented));
  reply.headers.push('allow', allow.join(', '));
  return reply;
}

/** The answer to a path that cannot be read. */
export function badPath(exchange: Exchange, reason: string): Reply {
  return dressed(exchange, 400, new ConnectError(reason, Code.InvalidArgument));
}

/** The answer to a content type that the method does not take. */
export function unsupportedMediaType(exchange: Exchange, acceptPost: string): Reply {
  const error = new ConnectError('unsupported content type', Code.Unimplemented);
  const reply = plain(exchange, 415, error);
  reply.headers.push('accept-post', acceptPost);
  return reply;
}

// A gRPC client reads nothing but the status; where nothing was found, there is no method, and gRPC's word for it is
// Unimplemented.
function dressed(exchange: Exchange, status: number, error: ConnectError): Reply {
  const contentType = headerOf(exchange.headers, 'content-type')?.toLowerCase() ?? '';
  const isGrpc =
    contentType.startsWith('application/grpc') && !contentType.startsWith('application/grpc-web');
  if (!isGrpc) return plain(exchange, status, error);
  const code = error.code === Code.NotFound ? Code.Unimplemented : error.code;
  return {
    status: 200,
    headers: [
      'content-type',
      contentType,
      'grpc-status',
      String(code),
      'grpc-message',
      percentEncode(error.rawMessage),
    ],
    body: undefined,
    trailers: undefined,
  };
}

// HEAD has no body; whoever else comes gets google.rpc.Status, which says more than nothing in any dialect.
function plain(exchange: Exchange, status: number, error: ConnectError): Reply {
  const { body } = statusBody(error);
  return {
    status,
    headers: ['content-type', 'application/json'],
    body: exchange.verb === 'HEAD' ? undefined : body,
    trailers: undefined,
  };
}
