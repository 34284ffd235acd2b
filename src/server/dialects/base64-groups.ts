import type { ConnectError } from '@connectrpc/connect';
import { invalid } from '../messages/invalid.ts';

const onePiece = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Base64 that may be several padded pieces one after the other, as gRPC-Web's text form sends it.
 * Throws ConnectError InvalidArgument for anything else, where Buffer would skip it in silence.
 */
export function decodeBase64Groups(text: Buffer): Buffer {
  return decode(text.toString('latin1').trim());
}

/** The same for a body that comes in chunks, cut anywhere. */
export async function* bytesOfBase64Chunks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let carry = '';
  for await (const chunk of chunks) {
    const text = carry + Buffer.from(chunk).toString('latin1').replace(/\s+/g, '');
    const usable = text.length - (text.length % 4);
    carry = text.slice(usable);
    if (usable > 0) yield decode(text.slice(0, usable));
  }
  if (carry !== '') throw notBase64();
}

/** Each chunk as a padded piece of base64. */
export async function* base64Chunks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield Buffer.from(Buffer.from(chunk).toString('base64'), 'latin1');
  }
}

function decode(text: string): Buffer {
  if (text.length % 4 !== 0) throw notBase64();
  if (onePiece.test(text)) return Buffer.from(text, 'base64');
  const bytes = Buffer.allocUnsafe((text.length / 4) * 3);
  let length = 0;
  for (let at = 0; at < text.length; at += 4) length = decodeGroup(text, at, { to: bytes, length });
  return bytes.subarray(0, length);
}

// A call of Buffer for each would cost a hundred times as much as the group.
function decodeGroup(text: string, at: number, { to, length }: { to: Buffer; length: number }): number {
  const c = sextet(text, at + 2);
  const d = sextet(text, at + 3);
  if (c === padding && d !== padding) throw notBase64();
  const bits = (digit(text, at) << 18) | (digit(text, at + 1) << 12) | ((c & 63) << 6) | (d & 63);
  let next = length;
  to[next++] = bits >> 16;
  if (c !== padding) to[next++] = bits >> 8;
  if (d !== padding) to[next++] = bits;
  return next;
}

const padding = 64;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=';
const sextets: Readonly<Uint8Array> = Uint8Array.from({ length: 256 }, (_, code) => {
  const at = alphabet.indexOf(String.fromCharCode(code));
  return at === -1 ? 255 : at;
});

function sextet(text: string, at: number): number {
  const value = sextets[text.charCodeAt(at)] ?? 255;
  if (value === 255) throw notBase64();
  return value;
}

/** One that may not be padding. */
function digit(text: string, at: number): number {
  const value = sextet(text, at);
  if (value === padding) throw notBase64();
  return value;
}

function notBase64(): ConnectError {
  return invalid('the body is not base64');
}
