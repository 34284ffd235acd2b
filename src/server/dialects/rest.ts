import type { IncomingHttpHeaders } from 'node:http';
import { Code, ConnectError } from '@connectrpc/connect';
import { bindRequest, encodeResponse } from '../routes/rest-binding.ts';
import { knownEncodings } from './compression.ts';
import { connectTimeoutMs } from './connect.ts';
import type { Dialect, DialectCall, FoundRoute } from './dialect.ts';
import { grpcTimeoutMs } from './grpc.ts';
import { appendMetadata, metadataOf } from './metadata.ts';
import { statusBody } from './rest-error.ts';

/** REST: path, query and JSON body as the method's `google.api.http` option says; errors are `google.rpc.Status`. */
export const restDialect: Dialect = {
  protocolName: 'rest',
  contentType: 'application/json',
  encodingHeader: 'content-encoding',
  acceptEncodingHeader: 'accept-encoding',

  bodyBytesMax: (messageBytesMax) => messageBytesMax,

  timeoutMs: restTimeoutMs,

  unwrap: (body) => ({ bytes: body, isCompressed: true }),

  decode(call, bytes) {
    const { target } = call.exchange;
    const queryAt = target.indexOf('?');
    const { route, fields } = matchOf(call);
    return bindRequest(route, {
      fields,
      query: queryAt === -1 ? '' : target.slice(queryAt + 1),
      body: bytes,
    });
  },

  encode: (call, message) => encodeResponse(matchOf(call).route, message),

  success(call, bytes, encoding) {
    const headers = ['content-type', 'application/json'];
    if (encoding !== undefined) headers.push('content-encoding', encoding);
    appendMetadata(headers, call.sentHeader);
    appendMetadata(headers, call.sentTrailer, 'trailer-');
    return { status: matchOf(call).route.status, headers, body: bytes, trailers: undefined };
  },

  failure(call, error) {
    const answer = statusBody(error);
    const headers = error.code === Code.Unimplemented ? ['accept-encoding', knownEncodings] : [];
    for (const [name, value] of Object.entries(answer.headers)) headers.push(name, value);
    appendMetadata(headers, call.sentHeader);
    appendMetadata(headers, metadataOf(error));
    appendMetadata(headers, call.sentTrailer, 'trailer-');
    return { status: answer.status, headers, body: answer.body, trailers: undefined };
  },
};

// Gateways in front of gRPC servers speak of grpc-timeout on REST paths too.
function restTimeoutMs(headers: IncomingHttpHeaders): number | undefined {
  return connectTimeoutMs(headers) ?? grpcTimeoutMs(headers);
}

function matchOf({ match }: DialectCall): FoundRoute {
  if (match === undefined) throw new ConnectError('no route', Code.Internal);
  return match;
}
