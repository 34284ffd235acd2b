import type { Socket } from 'node:net';
import { frameHeadBytes, type frameType, writeFrameHead } from './frame.ts';

const slabBytes = 65_536;
const spareSlabsMax = 32;

/** Beyond so much that the socket has not taken, no more DATA is made, and beyond the second nothing is read. */
const fullBytes = 262_144;
const stuckBytes = 1_048_576;
/** Both, for strangers. */
const strangerBytes = 65_536;

/** Room that an outbox writes into, and the socket reads from until it is done. */
class Slab {
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(slabBytes);
  owner: Outbox | undefined;
  readonly done = (error?: Error | null): void => {
    const { owner } = this;
    this.owner = undefined;
    // Of a write that failed nobody knows whether the kernel still reads it.
    if (!error && spareSlabs.length < spareSlabsMax) spareSlabs.push(this);
    owner?.taken();
  };
}

// Shared by all connections: one that writes borrows a slab, one that is idle has none.
const spareSlabs: Slab[] = [];

/**
 * Gathers the frames that one turn of the event loop makes, so that they go out in one write. While the socket is still
 * busy with one, it gathers on: a client that does not read holds full slabs, not many that are nearly empty.
 */
export class Outbox {
  readonly #socket: Socket;
  readonly #onTaken: () => void;
  #slab: Slab | undefined;
  #at = 0;
  #isScheduled = false;
  /** Whether the client may be slow: one on whose connection a valid token was seen. */
  isPatient = true;

  /** `onTaken` is called whenever the socket has taken a write. */
  constructor(socket: Socket, onTaken: () => void) {
    this.#socket = socket;
    this.#onTaken = onTaken;
  }

  /** Room for so many bytes, at `at` of what it answers; a slab's length at most. */
  room(bytes: number): Buffer {
    if (this.#at + bytes > slabBytes) this.#write();
    this.#slab ??= spareSlabs.pop() ?? new Slab();
    return this.#slab.bytes;
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

  /** Sends what is left, and closes this half of the socket. */
  end(): void {
    this.#write();
    this.#socket.end();
  }

  /** The socket has taken a write. */
  taken(): void {
    this.#onTaken();
    if (!this.#isScheduled) this.#flush();
  }

  /** What the client has not taken yet. */
  get unsentBytes(): number {
    return this.#socket.writableLength + this.#at;
  }

  get isFull(): boolean {
    return this.unsentBytes >= (this.isPatient ? fullBytes : strangerBytes);
  }

  get isStuck(): boolean {
    return this.unsentBytes >= (this.isPatient ? stuckBytes : strangerBytes);
  }

  #schedule(): void {
    this.#isScheduled = true;
    // Runs once the microtasks under way are done: whatever they answer goes along.
    process.nextTick(this.#flushNow);
  }

  #flush(): void {
    this.#isScheduled = false;
    if (this.#socket.writableLength === 0) this.#write();
  }

  #write(): void {
    const slab = this.#slab;
    if (slab === undefined || this.#at === 0) return;
    const bytes = slab.bytes.subarray(0, this.#at);
    this.#slab = undefined;
    this.#at = 0;
    if (!this.#socket.writable) return;
    slab.owner = this;
    this.#socket.write(bytes, slab.done);
  }

  readonly #flushNow = (): void => this.#flush();
  readonly #afterMicrotasks = (): void => process.nextTick(this.#flushNow);
}
