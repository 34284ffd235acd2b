import type { Socket } from 'node:net';
import { frameHeadBytes, type frameType, writeFrameHead } from './frame.ts';

const slabBytes = 65_536;
const spareSlabsMax = 32;

/** Beyond so much that the socket has not taken, no more DATA is made, and beyond the second nothing is read. */
const fullBytes = 262_144;
const stuckBytes = 1_048_576;

// Shared by all connections: one that writes borrows a slab, one that is idle has none.
const spareSlabs: Buffer[] = [];

/** Gathers the frames that one turn of the event loop makes, so that they go out in one write. */
export class Outbox {
  readonly #socket: Socket;
  #slab: Buffer | undefined;
  #at = 0;
  #isScheduled = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Room for so many bytes, at `at` of what it answers; a slab's length at most. */
  room(bytes: number): Buffer {
    if (this.#slab !== undefined && this.#at + bytes > slabBytes) this.flush();
    this.#slab ??= spareSlabs.pop() ?? Buffer.allocUnsafeSlow(slabBytes);
    return this.#slab;
  }

  get at(): number {
    return this.#at;
  }

  /** What stands before this offset is to be sent. */
  advance(to: number): void {
    this.#at = to;
    if (!this.#isScheduled) this.#schedule();
  }

  /** A whole frame. */
  frame(
    type: (typeof frameType)[keyof typeof frameType],
    flags: number,
    streamId: number,
    payload: Uint8Array,
  ): void {
    const to = this.room(frameHeadBytes + payload.length);
    const at = this.#at;
    writeFrameHead(to, at, { length: payload.length, type, flags, streamId });
    to.set(payload, at + frameHeadBytes);
    this.advance(at + frameHeadBytes + payload.length);
  }

  /** While a chunk is read its answers are held back: those that come in the microtasks after it go along. */
  hold(): void {
    this.#isScheduled = true;
  }

  release(): void {
    queueMicrotask(this.#afterMicrotasks);
  }

  flush(): void {
    const slab = this.#slab;
    this.#isScheduled = false;
    if (slab === undefined || this.#at === 0) return;
    const bytes = slab.subarray(0, this.#at);
    this.#slab = undefined;
    this.#at = 0;
    if (this.#socket.writable) this.#socket.write(bytes);
    // What the kernel has taken whole is nobody's any more; else the socket keeps the slab.
    if (this.#socket.writableLength === 0 && spareSlabs.length < spareSlabsMax) spareSlabs.push(slab);
  }

  /** What the client has not taken yet. */
  get unsentBytes(): number {
    return this.#socket.writableLength + this.#at;
  }

  get isFull(): boolean {
    return this.unsentBytes >= fullBytes;
  }

  get isStuck(): boolean {
    return this.unsentBytes >= stuckBytes;
  }

  #schedule(): void {
    this.#isScheduled = true;
    // Runs once the microtasks under way are done: whatever they answer goes along.
    process.nextTick(this.#flushNow);
  }

  readonly #flushNow = (): void => this.flush();
  readonly #afterMicrotasks = (): void => process.nextTick(this.#flushNow);
}
