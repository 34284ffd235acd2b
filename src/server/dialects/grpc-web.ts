import type { ConnectError } from '@connectrpc/connect';
import type { Codec } from '../messages/codec.ts';
import { decodeBase64Groups } from './base64-groups.ts';
import type { Dialect, DialectCall } from './dialect.ts';
import { envelopeBytes, openEnvelope, writeEnvelope } from './envelope.ts';
import { grpcTimeoutMs, grpcTrailerPairs } from './grpc.ts';
import { appendMetadata } from './metadata.ts';

const trailerFlag = 0x80;
const okTrailer = Buffer.from('grpc-status: 0\r\n');

/** gRPC-Web: as gRPC, but the trailer is a last envelope of the body; in text, the whole body is base64. */
export function createGrpcWebDialect(codec: Codec, form: 'binary' | 'text'): Dialect {
  const isText = form === 'text';
  const contentType = `application/grpc-web${isText ? '-text' : ''}+${codec.name}`;
  return {
    protocolName: 'grpc-web',
    contentType,
    encodingHeader: 'grpc-encoding',
    acceptEncodingHeader: 'grpc-accept-encoding',

    bodyBytesMax(messageBytesMax) {
      const bytes = messageBytesMax + envelopeBytes;
      return isText ? Math.ceil(bytes / 3) * 4 + base64SlackBytes : bytes;
    },

    timeoutMs: grpcTimeoutMs,

    unwrap: (body, messageBytesMax) =>
      openEnvelope(isText ? decodeBase64Groups(body) : body, messageBytesMax),

    decode: (call, bytes) => codec.decode(call.method.input, bytes),

    encode: (call, message) => codec.encode(call.method.output, message),

    success(call, bytes, encoding) {
      const headers = ['content-type', contentType];
      if (encoding !== undefined) headers.push('grpc-encoding', encoding);
      appendMetadata(headers, call.sentHeader);
      const trailer = call.sentTrailer === undefined ? okTrailer : trailerText(call, undefined);
      const body = Buffer.allocUnsafe(envelopeBytes + bytes.length + envelopeBytes + trailer.length);
      const next = writeEnvelope(body, encoding === undefined ? 0 : 1, bytes);
      writeEnvelope(body, trailerFlag, trailer, next);
      return { status: 200, headers, body: isText ? asBase64(body) : body, trailers: undefined };
    },

    failure(call, error) {
      const headers = ['content-type', contentType];
      appendMetadata(headers, call.sentHeader);
      const trailer = trailerText(call, error);
      const body = Buffer.allocUnsafe(envelopeBytes + trailer.length);
      writeEnvelope(body, trailerFlag, trailer);
      return { status: 200, headers, body: isText ? asBase64(body) : body, trailers: undefined };
    },
  };
}

// A client may send every frame as its own padded group.
const base64SlackBytes = 1_024;

function asBase64(body: Buffer): Buffer {
  return Buffer.from(body.toString('base64'), 'latin1');
}

function trailerText(call: DialectCall, error: ConnectError | undefined): Buffer {
  const pairs = grpcTrailerPairs(call, error);
  let text = '';
  for (let i = 0; i + 1 < pairs.length; i += 2) text += `${pairs[i]}: ${pairs[i + 1]}\r\n`;
  return Buffer.from(text, 'utf8');
}
