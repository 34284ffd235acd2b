import {
  ConnectionError,
  errorCode,
  type Frame,
  frameBytesMax,
  frameHeadBytes,
  frameType,
  uint32,
} from './frame.ts';

// RFC 9113 §3.4.
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/**
 * Cuts what a client sends into frames, wherever the socket's chunks end. A frame within one chunk is read where it
 * stands; one that is split is gathered in a buffer of its own size, so that dripped bytes cost no more than their number.
 */
export class FrameReader implements Frame {
  type = 0;
  flags = 0;
  streamId = 0;
  bytes: Buffer = none;
  start = 0;
  end = 0;
  readonly #onFrame: (frame: Frame) => void;
  readonly #head = Buffer.alloc(frameHeadBytes);
  #prefaceAt = 0;
  #headLength = 0;
  #held: Buffer | undefined;
  #heldLength = 0;

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  /** Bytes of a frame that is not whole, or will be. */
  get heldBytes(): number {
    return this.#held?.length ?? 0;
  }

  /** A frame of a header block has begun and is not whole. */
  get holdsHeaders(): boolean {
    return (
      this.#held !== undefined && (this.type === frameType.headers || this.type === frameType.continuation)
    );
  }

  /**
   * Reads a chunk; calls `onFrame` for each frame that is whole, so many at most. Answers how many bytes it has read: all,
   * but where there are more frames. Throws ConnectionError.
   */
  read(chunk: Buffer, framesMax: number): number {
    let at = this.#prefaceAt === preface.length ? 0 : this.#readPreface(chunk);
    at = this.#finishHeld(chunk, at);
    for (let frames = 0; chunk.length - at >= frameHeadBytes; frames++) {
      if (frames === framesMax) return at;
      const length = this.#readHead(chunk, at);
      const start = at + frameHeadBytes;
      const end = start + length;
      if (end > chunk.length) {
        this.#held = Buffer.allocUnsafe(length);
        this.#heldLength = chunk.copy(this.#held, 0, start);
        return chunk.length;
      }
      this.#pass(chunk, start, end);
      at = end;
    }
    if (at < chunk.length) this.#headLength = chunk.copy(this.#head, 0, at);
    return chunk.length;
  }

  #readPreface(chunk: Buffer): number {
    const wanted = Math.min(preface.length - this.#prefaceAt, chunk.length);
    if (chunk.compare(preface, this.#prefaceAt, this.#prefaceAt + wanted, 0, wanted) !== 0) {
      throw new ConnectionError(errorCode.protocolError, 'no HTTP/2 preface');
    }
    this.#prefaceAt += wanted;
    return wanted;
  }

  /** Completes the frame that the chunk before left unfinished; answers where the next one begins. */
  #finishHeld(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#headLength > 0) {
      const copied = chunk.copy(this.#head, this.#headLength, at);
      this.#headLength += copied;
      at += copied;
      if (this.#headLength < frameHeadBytes) return at;
      this.#headLength = 0;
      this.#held = Buffer.allocUnsafe(this.#readHead(this.#head, 0));
      this.#heldLength = 0;
    }
    const held = this.#held;
    if (held === undefined) return at;
    const copied = chunk.copy(held, this.#heldLength, at);
    this.#heldLength += copied;
    at += copied;
    if (this.#heldLength < held.length) return at;
    this.#held = undefined;
    this.#pass(held, 0, held.length);
    return at;
  }

  #readHead(from: Buffer, at: number): number {
    const length = ((from[at] ?? 0) << 16) | ((from[at + 1] ?? 0) << 8) | (from[at + 2] ?? 0);
    if (length > frameBytesMax) throw new ConnectionError(errorCode.frameSizeError, 'a frame is too large');
    this.type = from[at + 3] ?? 0;
    this.flags = from[at + 4] ?? 0;
    // The first bit is reserved: ignored (RFC 9113 §4.1).
    this.streamId = uint32(from, at + 5) & 0x7fffffff;
    return length;
  }

  #pass(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.#onFrame(this);
    this.bytes = none;
  }
}

const none: Buffer = Buffer.alloc(0);
