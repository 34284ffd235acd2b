import { Code, ConnectError } from '@connectrpc/connect';

const onePiece = /^[A-Za-z0-9+/]*={0,2}$/;
const allPieces = /[A-Za-z0-9+/]+={0,2}/g;

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
  const pieces = text.match(allPieces) ?? [];
  if (pieces.join('') !== text) throw notBase64();
  return Buffer.concat(pieces.map(decodePiece));
}

function decodePiece(piece: string): Buffer {
  if (piece.length % 4 !== 0) throw notBase64();
  return Buffer.from(piece, 'base64');
}

function notBase64(): ConnectError {
  return new ConnectError('the body is not base64', Code.InvalidArgument);
}
