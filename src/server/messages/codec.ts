import { type DescMessage, fromBinary, type Message, type Registry, toJsonString } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { boundProto } from './bounds-of-proto.ts';
import { invalid } from './invalid.ts';
import { parseJsonMessage } from './json-decoder.ts';
import { encodeJson } from './json-encoder.ts';
import { encodeProto } from './proto-encoder.ts';

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
      boundProto(desc, bytes);
      // Nobody reads what a request holds beyond its type.
      return fromBinary(desc, bytes, { readUnknownFields: false });
    } catch (cause) {
      if (cause instanceof ConnectError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw invalid(`malformed protobuf: ${reason}`, cause);
    }
  },
  encode: encodeProto,
};

/** The JSON encoding. The registry is for `google.protobuf.Any` alone. */
export function createJsonCodec(registry?: Registry): Codec {
  const options = { ignoreUnknownFields: true, ...(registry && { registry }) };
  return {
    name: 'json',
    decode: (desc, bytes) => parseJsonMessage(desc, bytes, registry),
    encode: (desc, message) =>
      Buffer.from(registry ? toJsonString(desc, message, options) : encodeJson(desc, message), 'utf8'),
  };
}
