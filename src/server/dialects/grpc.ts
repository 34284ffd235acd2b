import type { IncomingHttpHeaders } from 'node:http';
import { Code, type ConnectError } from '@connectrpc/connect';
import { parseTimeout } from '@connectrpc/connect/protocol-grpc';
import { headerOf } from '../http/exchange.ts';
import type { Codec } from '../messages/codec.ts';
import { knownEncodings } from './compression.ts';
import type { Dialect, DialectCall } from './dialect.ts';
import { envelopeBytes, openEnvelope, writeEnvelope } from './envelope.ts';
import { grpcStatusPairs } from './error-wire.ts';
import { appendMetadata, metadataOf } from './metadata.ts';

const okTrailers: readonly string[] = Object.freeze(['grpc-status', '0']);

/** gRPC: one envelope in the body, the status in HTTP trailers. */
export function createGrpcDialect(codec: Codec): Dialect {
  const contentType = `application/grpc+${codec.name}`;
  return {
    protocolName: 'grpc',
    contentType,
    encodingHeader: 'grpc-encoding',
    acceptEncodingHeader: 'grpc-accept-encoding',

    bodyBytesMax: (messageBytesMax) => messageBytesMax + envelopeBytes,

    timeoutMs: grpcTimeoutMs,

    unwrap: openEnvelope,

    decode: (call, bytes) => codec.decode(call.method.input, bytes),

    encode: (call, message) => codec.encode(call.method.output, message),

    success(call, bytes, encoding) {
      const headers = ['content-type', contentType];
      if (encoding !== undefined) headers.push('grpc-encoding', encoding);
      appendMetadata(headers, call.sentHeader);
      const body = Buffer.allocUnsafe(envelopeBytes + bytes.length);
      writeEnvelope(body, encoding === undefined ? 0 : 1, bytes);
      if (call.sentTrailer === undefined) return { status: 200, headers, body, trailers: okTrailers };
      return { status: 200, headers, body, trailers: grpcTrailerPairs(call, undefined) };
    },

    failure(call, error) {
      const headers = ['content-type', contentType];
      const pairs = grpcTrailerPairs(call, error);
      if (call.sentHeader === undefined) {
        // Trailers-Only: the one block of headers is the trailer.
        if (error.code === Code.Unimplemented) headers.push('grpc-accept-encoding', knownEncodings);
        headers.push(...pairs);
        return { status: 200, headers, body: undefined, trailers: undefined };
      }
      appendMetadata(headers, call.sentHeader);
      return { status: 200, headers, body: undefined, trailers: pairs };
    },
  };
}

/** `grpc-timeout`: at most eight digits and a unit. Throws ConnectError InvalidArgument. */
export function grpcTimeoutMs(headers: IncomingHttpHeaders): number | undefined {
  const value = headerOf(headers, 'grpc-timeout');
  if (value === undefined) return undefined;
  const { timeoutMs, error } = parseTimeout(value, Number.MAX_SAFE_INTEGER);
  if (error !== undefined) throw error;
  return timeoutMs;
}

/** The trailer of a call, status and metadata, names and values in turn. */
export function grpcTrailerPairs(call: DialectCall, error: ConnectError | undefined): string[] {
  const pairs = error === undefined ? ['grpc-status', '0'] : grpcStatusPairs(error);
  appendMetadata(pairs, call.sentTrailer);
  if (error !== undefined) appendMetadata(pairs, metadataOf(error));
  return pairs;
}
