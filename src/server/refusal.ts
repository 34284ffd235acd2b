import { Code, ConnectError } from '@connectrpc/connect';
import { errorToJsonBytes } from '@connectrpc/connect/protocol-connect';
import { conditionFalse } from '../rpc/connect-error.ts';
import { percentEncode } from './dialects/error-wire.ts';
import { statusBody } from './dialects/rest-error.ts';
import { type Exchange, type Flaw, headerOf, type Reply } from './http/exchange.ts';

/** Which kind of path is refused: that of a method, or that of a REST resource. */
export type PathKind = 'rpc' | 'rest';

/** Whether a path looks like that of a method: `/package.Service/Method`. */
export function isRpcPath(path: string): boolean {
  return /^\/[\w.]+\/\w+$/.test(path) && path.includes('.');
}

/** The answer to a path that leads nowhere. */
export function notFound(exchange: Exchange, path: string): Reply {
  const kind = isRpcPath(path) ? 'rpc' : 'rest';
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

/** The answer to a stream under a condition that is not met. */
export function preconditionFailed(exchange: Exchange): Reply {
  return refuse(exchange, 'rpc', { status: 412, error: conditionFalse() });
}

/** The answer to a content type that the method does not take. */
export function unsupportedMediaType(acceptPost: string): Reply {
  return { status: 415, headers: ['accept-post', acceptPost], body: undefined, trailers: undefined };
}

/** The answer to what HTTP itself forbids, in no dialect: nothing that the request says of itself is believed. */
export function flawed({ status, text }: Flaw): Reply {
  const headers = ['content-type', 'text/plain; charset=utf-8'];
  return { status, headers, body: Buffer.from(`${text}\n`), trailers: undefined };
}

/** The answer to CONNECT (RFC 9110 §9.3.6): this is no proxy. */
export const notImplemented: Reply = Object.freeze({
  status: 501,
  headers: [],
  body: undefined,
  trailers: undefined,
});

/** The answer to gRPC over HTTP/1.0, which has no trailers: before the call does anything, as its outcome could not be told. */
export function noTrailers(contentType: string): Reply {
  const text =
    'gRPC needs HTTP/2 or HTTP/1.1, and this came over HTTP/1.0: set the version in the proxy before the server';
  return asGrpc(contentType, new ConnectError(text, Code.Unimplemented));
}

interface Refusal {
  readonly status: number;
  readonly error: ConnectError;
}

// A gRPC client reads nothing but the status, and its word for "no such path" is Unimplemented, as is Connect's. A
// client of gRPC-Web reads the HTTP status, and stumbles over a body that is not its own: it gets none.
function refuse(exchange: Exchange, kind: PathKind, { status, error }: Refusal): Reply {
  const contentType = headerOf(exchange.headers, 'content-type')?.toLowerCase() ?? '';
  if (/^application\/grpc($|[+;])/.test(contentType)) return asGrpc(contentType, error);
  const isConnect = kind === 'rpc' && (exchange.verb === 'GET' || connectTypes.test(contentType));
  // A client of Connect makes `unknown` of a bare 405, and the conformance suite holds it to that.
  if (isConnect && status !== 405) return asConnect(status, error);
  const isRest = kind === 'rest' && !/^application\/(grpc|proto|connect)/.test(contentType);
  if (!isRest) return { status, headers: [], body: undefined, trailers: undefined };
  return {
    status,
    headers: ['content-type', 'application/json'],
    body: statusBody(error).body,
    trailers: undefined,
  };
}

const connectTypes = /^application\/(json|proto|connect\+(json|proto))\s*($|;)/;

function asConnect(status: number, { code, rawMessage }: ConnectError): Reply {
  const error = new ConnectError(rawMessage, code === Code.NotFound ? Code.Unimplemented : code);
  const headers = ['content-type', 'application/json'];
  return { status, headers, body: errorToJsonBytes(error, undefined), trailers: undefined };
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
