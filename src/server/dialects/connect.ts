import type { IncomingHttpHeaders } from 'node:http';
import { Code } from '@connectrpc/connect';
import { errorToJsonBytes, parseTimeout } from '@connectrpc/connect/protocol-connect';
import { headerOf } from '../http/exchange.ts';
import type { Codec } from '../messages/codec.ts';
import { knownEncodings } from './compression.ts';
import type { Dialect } from './dialect.ts';
import { appendMetadata, metadataOf } from './metadata.ts';
import { challenge, httpStatusOf } from './rest-error.ts';

/** Connect's unary protocol: the message is the body, its trailers are headers with a prefix, errors are JSON. */
export function createConnectDialect(codec: Codec): Dialect {
  const contentType = `application/${codec.name}`;
  return {
    protocolName: 'connect',
    contentType,
    encodingHeader: 'content-encoding',
    acceptEncodingHeader: 'accept-encoding',

    bodyBytesMax: (messageBytesMax) => messageBytesMax,

    timeoutMs: connectTimeoutMs,

    unwrap: (body) => ({ bytes: body, isCompressed: true }),

    decode: (call, bytes) => codec.decode(call.method.input, bytes),

    encode: (call, message) => codec.encode(call.method.output, message),

    success(call, bytes, encoding) {
      const headers = ['content-type', contentType];
      if (encoding !== undefined) headers.push('content-encoding', encoding);
      appendMetadata(headers, call.sentHeader);
      appendMetadata(headers, call.sentTrailer, 'trailer-');
      return { status: 200, headers, body: bytes, trailers: undefined };
    },

    failure(call, error) {
      const headers = ['content-type', 'application/json'];
      if (error.code === Code.Unimplemented) headers.push('accept-encoding', knownEncodings);
      // RFC 9110 §11.6.1: 401 says how to sign in.
      if (error.code === Code.Unauthenticated) headers.push('www-authenticate', challenge(error));
      appendMetadata(headers, call.sentHeader);
      appendMetadata(headers, metadataOf(error));
      appendMetadata(headers, call.sentTrailer, 'trailer-');
      return {
        status: httpStatusOf(error.code),
        headers,
        body: errorToJsonBytes(error, undefined),
        trailers: undefined,
      };
    },
  };
}

/** `connect-timeout-ms`: at most ten digits. Throws ConnectError InvalidArgument. */
export function connectTimeoutMs(headers: IncomingHttpHeaders): number | undefined {
  const value = headerOf(headers, 'connect-timeout-ms');
  if (value === undefined) return undefined;
  const { timeoutMs, error } = parseTimeout(value, Number.MAX_SAFE_INTEGER);
  if (error !== undefined) throw error;
  return timeoutMs;
}
