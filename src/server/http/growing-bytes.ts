const bytesMin = 1_024;

/** Bytes that come in parts and are wanted together. Parts are copied: however small, they hold nothing else in memory. */
export class GrowingBytes {
  #room: Buffer = none;
  length = 0;

  add(part: Uint8Array): void {
    const length = this.length + part.length;
    if (length > this.#room.length) {
      const room = Buffer.allocUnsafeSlow(Math.max(bytesMin, length, 2 * this.#room.length));
      this.#room.copy(room, 0, 0, this.length);
      this.#room = room;
    }
    this.#room.set(part, this.length);
    this.length = length;
  }

  /** All of them, which are let go of here. */
  take(): Buffer {
    const bytes = this.#room.subarray(0, this.length);
    this.#room = none;
    this.length = 0;
    return bytes;
  }
}

const none: Buffer = Buffer.alloc(0);
