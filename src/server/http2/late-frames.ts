import { streamWindowBytes } from './frame.ts';

// What a client may still send of a body before it hears that its stream is over: the stream's window, and the frames' heads.
const bytesAReset: number = streamWindowBytes + 65_536;
const bytesMax: number = 32 * bytesAReset;
/** From the last reset on; a client that has not heard by then hears nothing. */
const momentMs = 5_000;
// So many bytes or fields cost as much as a frame.
const bytesAFrame = 1_024;
const blockBytesAFrame = 256;
const fieldsAFrame = 64;
const idsMax = 512;

/**
 * What comes on streams that this server has reset, or not begun because it is leaving: for a moment the client cannot
 * know, and what is on its way of a body is dropped for nothing. All else is noise, by what it costs to read.
 */
export class LateFrames {
  /** The last streams that this server has reset. */
  #ids: Set<number> | undefined;
  #freeBytes = 0;
  #resetAtMs = 0;

  /** This server has reset the stream. */
  add(streamId: number, nowMs: number): void {
    this.#ids ??= new Set();
    this.#ids.add(streamId);
    if (this.#ids.size > idsMax) {
      const [oldest = 0] = this.#ids;
      this.#ids.delete(oldest);
    }
    if (nowMs - this.#resetAtMs > momentMs) this.#freeBytes = 0;
    this.#resetAtMs = nowMs;
    this.#freeBytes = Math.min(bytesMax, this.#freeBytes + bytesAReset);
  }

  has(streamId: number): boolean {
    return this.#ids?.has(streamId) === true;
  }

  /** What a DATA frame of so many bytes counts as, in frames of noise. */
  dataNoise(bytes: number, nowMs: number): number {
    // A small frame costs as much to read as one of a few hundred bytes.
    const cost = Math.max(bytes, bytesAFrame / 4);
    if (bytes === 0 || cost > this.#freeBytes || nowMs - this.#resetAtMs > momentMs) {
      return 1 + bytes / bytesAFrame;
    }
    this.#freeBytes -= cost;
    return 0;
  }

  /** What a header block counts as: it has to be decoded, or the tables part. */
  blockNoise(bytes: number, fields: number): number {
    return 1 + bytes / blockBytesAFrame + fields / fieldsAFrame;
  }
}
