import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants, gunzip, gzip } from 'node:zlib';
import { Code, ConnectError } from '@connectrpc/connect';
import { bodyTooLarge } from '../http/body-buffer.ts';
import { invalid } from '../messages/invalid.ts';

/** A named way to make bytes fewer. */
export interface Encoding {
  readonly name: 'gzip' | 'br';
  compress(bytes: Uint8Array): Promise<Buffer>;
  /** Stops at `bytesMax`, and beyond 16 KiB at 100 times what came: a small body may not become a large one. Throws ConnectError. */
  decompress(bytes: Uint8Array, bytesMax: number): Promise<Buffer>;
}

/**
 * What nobody writes by hand compresses better than this; beyond `expandedBytesFree`, a request may not. So much the
 * limit on a message allows anyway, and what is allowed may be sent compressed, however well: the specification of
 * Connect counts a message as it is without its compression.
 */
const ratioMax = 100;
const expandedBytesFree: number = 256 * 1_024;

/** Answers smaller than this are cheaper to send than to compress. */
export const compressBytesMin = 1_024;

const gzipAsync = promisify(gzip);
const gunzipAsync = promisify(gunzip);
const brotliAsync = promisify(brotliCompress);
const unbrotliAsync = promisify(brotliDecompress);
// Brotli's default, 11, is for files that are compressed once.
const brotliParams = { [constants.BROTLI_PARAM_QUALITY]: 4 };

const encodings: ReadonlyMap<string, Encoding> = new Map<string, Encoding>([
  [
    'gzip',
    {
      name: 'gzip',
      compress: (bytes) => gzipAsync(bytes),
      decompress: (bytes, bytesMax) =>
        bounded(bytes, bytesMax, (maxOutputLength) => gunzipAsync(bytes, { maxOutputLength })),
    },
  ],
  [
    'br',
    {
      name: 'br',
      compress: (bytes) => brotliAsync(bytes, { params: brotliParams }),
      decompress: (bytes, bytesMax) =>
        bounded(bytes, bytesMax, (maxOutputLength) => unbrotliAsync(bytes, { maxOutputLength })),
    },
  ],
]);

/** What `accept-encoding` and its like answer to an encoding that is not known. */
export const knownEncodings = 'gzip,br';

/** The encoding that a request names; undefined for none or `identity`. Throws Unimplemented for an unknown one. */
export function requestEncoding(name: string | undefined): Encoding | undefined {
  if (name === undefined || name === '' || name === 'identity') return undefined;
  // RFC 9110 §8.4.1: letter case is nothing, and "x-gzip" is gzip (§8.4.1.3).
  const found = encodings.get(name) ?? encodings.get(plainName(name));
  if (found !== undefined) return found;
  if (plainName(name) === 'identity') return undefined;
  throw new ConnectError(
    `unknown compression "${name}": supported encodings are ${knownEncodings}`,
    Code.Unimplemented,
  );
}

/**
 * The encoding to answer in: the first known one that the client accepts; where it says nothing, that of its request.
 * RFC 9110 §12.5.3: a quality of zero means never.
 */
export function responseEncoding(
  accepted: string | undefined,
  requested: string | undefined,
): Encoding | undefined {
  if (accepted === undefined || accepted === '')
    return requested === undefined ? undefined : encodings.get(plainName(requested));
  for (const item of accepted.split(',')) {
    const [name = '', ...params] = item.split(';').map((part) => part.trim());
    const isRefused = params.some((param) => /^q=0(\.0*)?$/i.test(param));
    const found = encodings.get(plainName(name));
    if (found !== undefined && !isRefused) return found;
  }
  return undefined;
}

function plainName(name: string): string {
  const plain = name.trim().toLowerCase();
  return plain === 'x-gzip' ? 'gzip' : plain;
}

async function bounded(
  bytes: Uint8Array,
  bytesMax: number,
  decompress: (bytesMax: number) => Promise<Buffer>,
): Promise<Buffer> {
  if (bytes.length === 0) return Buffer.alloc(0);
  const expandedMax = Math.min(bytesMax, Math.max(expandedBytesFree, ratioMax * bytes.length));
  try {
    return await decompress(expandedMax);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw bodyTooLarge(expandedMax);
    throw invalid('decompression failed', cause);
  }
}
