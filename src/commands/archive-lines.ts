/** Whole lines as they stand one after another in a file. */
export interface Lines {
  /** With the line feeds. */
  readonly bytes: Uint8Array;
  /** Of the first one, from 1. */
  readonly number: number;
  readonly texts: readonly string[];
}

/** The file is not what export writes; the message names the line. */
export class ArchiveInvalid extends Error {
  override readonly name = 'ArchiveInvalid';
}

const lineBytesMax = 16 * 1024 * 1024;
const lineFeed = 0x0a;

/** Bytes as they come → whole lines, a chunk's worth at a time. Throws ArchiveInvalid. */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Lines> {
  let rest = Buffer.alloc(0);
  let number = 1;
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf(lineFeed) + 1;
    rest = bytes.subarray(end);
    if (rest.length > lineBytesMax) throw new ArchiveInvalid(`longer than ${lineBytesMax} bytes: no archive`);
    if (end === 0) continue;
    const lines = decode(bytes.subarray(0, end), number);
    yield lines;
    number += lines.texts.length;
  }
  if (rest.length > 0) throw new ArchiveInvalid(`line ${number} is cut off: the file is not whole`);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: Buffer, number: number): Lines {
  try {
    return { bytes, number, texts: utf8.decode(bytes.subarray(0, -1)).split('\n') };
  } catch (error) {
    throw new ArchiveInvalid(`line ${number + lineOfBadText(bytes)} is not UTF-8`, { cause: error });
  }
}

function lineOfBadText(bytes: Buffer): number {
  let line = 0;
  for (let start = 0; start < bytes.length; line += 1) {
    const end = bytes.indexOf(lineFeed, start) + 1;
    const one = bytes.subarray(start, end);
    if (!Buffer.from(one.toString('utf8'), 'utf8').equals(one)) return line;
    start = end;
  }
  return line;
}
