import { isUtf8 } from 'node:buffer';
import {
  type DescMessage,
  fromBinary,
  fromJsonString,
  type Message,
  type Registry,
  toBinary,
  toJsonString,
} from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { encodeJson } from './json-encoder.ts';

/** Messages to bytes and back, in one of the two encodings of protobuf. */
export interface Codec {
  readonly name: 'proto' | 'json';
  /** Throws ConnectError InvalidArgument where the bytes are no such message. */
  decode(desc: DescMessage, bytes: Uint8Array): Message;
  encode(desc: DescMessage, message: Message): Uint8Array;
}

/** The binary encoding. */
export const protoCodec: Codec = {
  name: 'proto',
  decode(desc, bytes) {
    try {
      return fromBinary(desc, bytes);
    } catch (cause) {
      throw malformed('protobuf', cause);
    }
  },
  encode: (desc, message) => toBinary(desc, message),
};

/** The JSON encoding; unknown fields are ignored. The registry is for `google.protobuf.Any` alone. */
export function createJsonCodec(registry?: Registry): Codec {
  const options = { ignoreUnknownFields: true, ...(registry && { registry }) };
  return {
    name: 'json',
    decode(desc, bytes) {
      if (!isUtf8(bytes)) throw malformed('JSON', new Error('not UTF-8'));
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
      try {
        return fromJsonString(desc, text, options);
      } catch (cause) {
        throw malformed('JSON', cause);
      }
    },
    encode: (desc, message) =>
      Buffer.from(registry ? toJsonString(desc, message, options) : encodeJson(desc, message), 'utf8'),
  };
}

function malformed(what: string, cause: unknown): ConnectError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ConnectError(`malformed ${what}: ${reason}`, Code.InvalidArgument, undefined, undefined, cause);
}
