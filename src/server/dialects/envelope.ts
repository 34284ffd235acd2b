import { Code, ConnectError } from '@connectrpc/connect';
import { bodyTooLarge } from '../http/body-buffer.ts';
import { invalid } from '../messages/invalid.ts';
import type { Payload } from './dialect.ts';

/** One byte of flags and four of length stand before each message. */
export const envelopeBytes = 5;

const compressedFlag = 1;

/** The one message of a unary call's body. Throws ConnectError where there is none, more than one, or a broken one. */
export function openEnvelope(body: Buffer, messageBytesMax: number): Payload {
  if (body.length === 0) throw new ConnectError('the request holds no message', Code.Unimplemented);
  if (body.length < envelopeBytes) throw incomplete();
  const flags = body.readUInt8(0);
  const length = body.readUInt32BE(1);
  if (flags > compressedFlag) {
    throw invalid(`the request's message has unknown flags ${flags}`);
  }
  if (length > messageBytesMax) throw bodyTooLarge(messageBytesMax);
  const end = envelopeBytes + length;
  if (body.length < end) throw incomplete();
  if (body.length > end)
    throw new ConnectError('the request holds more than one message', Code.Unimplemented);
  return { bytes: body.subarray(envelopeBytes), isCompressed: flags === compressedFlag };
}

/** Writes an envelope at `offset`; answers the offset after it. */
export function writeEnvelope(to: Buffer, flags: number, bytes: Uint8Array, offset = 0): number {
  to[offset] = flags;
  to.writeUInt32BE(bytes.length, offset + 1);
  to.set(bytes, offset + envelopeBytes);
  return offset + envelopeBytes + bytes.length;
}

function incomplete(): ConnectError {
  return invalid('the request ends within a message');
}
