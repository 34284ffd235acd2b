import { ConnectionError, errorCode, type Frame, flag, uint32 } from './frame.ts';

const framesMax = 64;

/** One header block, gathered from HEADERS and the CONTINUATIONs after it (RFC 9113 §4.3). */
export class HeaderBlock {
  /** Between HEADERS and the frame that ends the block nothing else may come. */
  isOpen = false;
  bytes: Buffer = none;
  start = 0;
  end = 0;
  endsStream = false;
  dependsOnItself = false;
  readonly #bytesMax: number;
  #streamId = 0;
  #frames = 0;

  /** A block that decodes to twice what is taken is still read, for the sake of the tables; a larger one is an attack. */
  constructor(headerBytesMax: number) {
    this.#bytesMax = 2 * headerBytesMax + 16_384;
  }

  /** Bytes of a block that is not whole. */
  get heldBytes(): number {
    return this.isOpen ? this.bytes.length : 0;
  }

  /** Whether the block is whole. Throws ConnectionError. */
  open({ streamId, flags, bytes, start, end }: Frame): boolean {
    if (streamId === 0) throw new ConnectionError(errorCode.protocolError, 'HEADERS on the connection');
    const isPadded = (flags & flag.padded) !== 0;
    const padding = isPadded ? (bytes[start] ?? 0) : 0;
    const hasPriority = (flags & flag.priority) !== 0;
    const priorityAt = isPadded ? start + 1 : start;
    this.start = hasPriority ? priorityAt + 5 : priorityAt;
    this.end = end - padding;
    if (this.start > this.end)
      throw new ConnectionError(errorCode.protocolError, 'a HEADERS frame is too short');
    this.dependsOnItself = hasPriority && (uint32(bytes, priorityAt) & 0x7fffffff) === streamId;
    this.endsStream = (flags & flag.endStream) !== 0;
    this.bytes = bytes;
    if ((flags & flag.endHeaders) !== 0) return true;
    this.isOpen = true;
    this.#streamId = streamId;
    this.#frames = 1;
    this.bytes = Buffer.from(bytes.subarray(this.start, this.end));
    this.start = 0;
    this.end = this.bytes.length;
    return false;
  }

  /** Whether the block is whole now. Throws ConnectionError. */
  append({ streamId, flags, bytes, start, end }: Frame): boolean {
    if (!this.isOpen || streamId !== this.#streamId) {
      throw new ConnectionError(errorCode.protocolError, 'a CONTINUATION of nothing');
    }
    this.#frames++;
    if (this.#frames > framesMax || this.end + end - start > this.#bytesMax) {
      throw new ConnectionError(errorCode.enhanceYourCalm, 'a header block without end');
    }
    this.bytes = Buffer.concat([this.bytes, bytes.subarray(start, end)]);
    this.end = this.bytes.length;
    this.isOpen = (flags & flag.endHeaders) === 0;
    return !this.isOpen;
  }

  /** Lets go of what was gathered. */
  close(): void {
    this.bytes = none;
  }
}

const none: Buffer = Buffer.alloc(0);
