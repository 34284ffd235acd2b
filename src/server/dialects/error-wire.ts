import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { ConnectError } from '@connectrpc/connect';

/** `grpc-status`, `grpc-message` and `grpc-status-details-bin` of a failed call, names and values in turn. */
export function grpcStatusPairs(error: ConnectError): string[] {
  const pairs = ['grpc-status', String(error.code), 'grpc-message', percentEncode(error.rawMessage)];
  if (error.details.length > 0) pairs.push('grpc-status-details-bin', statusDetailsBin(error));
  return pairs;
}

/** Percent-encodes as gRPC's HTTP/2 mapping says: every byte of UTF-8 outside printable ASCII, and the percent sign. */
export function percentEncode(text: string): string {
  if (/^[ -$&-~]*$/.test(text)) return text;
  let encoded = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

// google.rpc.Status: int32 code = 1, string message = 2, repeated google.protobuf.Any details = 3.
function statusDetailsBin(error: ConnectError): string {
  const writer = new BinaryWriter();
  writer.uint32(8).int32(error.code);
  if (error.rawMessage !== '') writer.uint32(18).string(error.rawMessage);
  for (const detail of error.details) {
    const isOutgoing = 'desc' in detail;
    const typeName = isOutgoing ? detail.desc.typeName : detail.type;
    const value = isOutgoing ? toBinary(detail.desc, create(detail.desc, detail.value)) : detail.value;
    writer.uint32(26).fork();
    writer.uint32(10).string(`type.googleapis.com/${typeName}`);
    if (value.length > 0) writer.uint32(18).bytes(value);
    writer.join();
  }
  const bytes = writer.finish();
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  return base64.replace(/=+$/, '');
}
