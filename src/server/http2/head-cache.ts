import { HpackDecoder } from './hpack/decoder.ts';
import { RequestHead } from './request-head.ts';

interface KnownBlock {
  readonly bytes: Buffer;
  readonly head: RequestHead;
}

const blocksMax = 4;
const blockBytesMax = 512;
const headBytesMax = 4_096;

/**
 * Reads the header blocks of one connection. A client that calls the same method again sends the same bytes again, since
 * its table knows every field by then: such a block is known without being decoded.
 */
export class HeadCache {
  readonly #decoder = new HpackDecoder();
  readonly #headerBytesMax: number;
  #known: KnownBlock[] = [];
  #version = -1;
  #oldest = 0;

  constructor(headerBytesMax: number) {
    this.#headerBytesMax = headerBytesMax;
  }

  /** The head of a request. Throws ConnectionError. */
  read(block: Buffer, start: number, end: number): RequestHead {
    if (this.#version === this.#decoder.version) {
      for (const { bytes, head } of this.#known) if (isEqual(bytes, block, start, end)) return head;
    }
    const head = new RequestHead(this.#headerBytesMax);
    const before = this.#decoder.version;
    this.#decoder.decode(block, start, end, head);
    head.finish();
    if (before === this.#decoder.version) this.#remember(block, start, end, head);
    return head;
  }

  /** Trailers are read for the sake of the tables, and held to their rules. Throws ConnectionError. */
  readTrailers(block: Buffer, start: number, end: number): RequestHead {
    const head = new RequestHead(this.#headerBytesMax);
    this.#decoder.decode(block, start, end, head);
    head.finishTrailers();
    return head;
  }

  #remember(block: Buffer, start: number, end: number, head: RequestHead): void {
    if (end - start > blockBytesMax || head.bytes > headBytesMax) return;
    if (head.isMalformed || head.isTooLarge) return;
    if (this.#version !== this.#decoder.version) {
      this.#version = this.#decoder.version;
      this.#known = [];
      this.#oldest = 0;
    }
    this.#known[this.#oldest] = { bytes: Buffer.from(block.subarray(start, end)), head };
    this.#oldest = (this.#oldest + 1) % blocksMax;
  }
}

function isEqual(bytes: Buffer, block: Buffer, start: number, end: number): boolean {
  if (bytes.length !== end - start) return false;
  for (let at = 0; at < bytes.length; at++) if (bytes[at] !== block[start + at]) return false;
  return true;
}
