const bytesMin = 4_096;
/** Beyond it the room is given back after use, so that one large answer does not stay in memory for ever. */
const bytesKept = 1_048_576;

const shortText = 40;

/** Room to write one protobuf message in, used again for the next. Grows as needed. */
export class ProtoScratch {
  #room = Buffer.allocUnsafeSlow(bytesMin);
  #at = 0;

  clear(): void {
    this.#at = 0;
    if (this.#room.length > bytesKept) this.#room = Buffer.allocUnsafeSlow(bytesMin);
  }

  /** What was written, in memory of its own. */
  copy(): Buffer {
    const copy = Buffer.allocUnsafe(this.#at);
    this.#room.copy(copy, 0, 0, this.#at);
    return copy;
  }

  /** Leaves room for a length; answers where what it measures begins. */
  open(): number {
    this.#reserve(1);
    this.#at += 1;
    return this.#at;
  }

  /** Writes the length of what stands from `start` on before it; what is 128 bytes and longer moves to make room. */
  close(start: number): void {
    const length = this.#at - start;
    if (length < 0x80) {
      this.#room[start - 1] = length;
      return;
    }
    const lengthBytes = varintBytes(length);
    this.#reserve(lengthBytes);
    this.#room.copyWithin(start - 1 + lengthBytes, start, this.#at);
    const end = this.#at + lengthBytes - 1;
    this.#at = start - 1;
    this.varint(length);
    this.#at = end;
  }

  /** An unsigned number of 32 bits. */
  varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    while (rest > 0x7f) {
      this.#room[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#room[this.#at++] = rest;
  }

  /** A negative number is written as 64 bits, as protobuf has it for int32 and enums. */
  int32(value: number): void {
    if (value >= 0) this.varint(value);
    else this.bigVarint(BigInt(value));
  }

  /** A number of 64 bits, signed or not. */
  bigVarint(value: bigint): void {
    if (value >= 0n && value <= 0x1f_ffff_ffff_ffffn) {
      this.#safeVarint(Number(value));
      return;
    }
    this.#reserve(10);
    let rest = BigInt.asUintN(64, value);
    while (rest > 0x7fn) {
      this.#room[this.#at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#room[this.#at++] = Number(rest);
  }

  fixed32(value: number): void {
    this.#reserve(4);
    this.#at = this.#room.writeUInt32LE(value >>> 0, this.#at);
  }

  fixed64(value: bigint): void {
    this.#reserve(8);
    this.#at = this.#room.writeBigUInt64LE(BigInt.asUintN(64, value), this.#at);
  }

  float(value: number): void {
    this.#reserve(4);
    this.#at = this.#room.writeFloatLE(value, this.#at);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#at = this.#room.writeDoubleLE(value, this.#at);
  }

  /** Length and text in UTF-8. */
  string(value: string): void {
    // UTF-8 takes three bytes at most for each unit of UTF-16.
    this.#reserve(1 + value.length * 3);
    const start = this.open();
    if (value.length > shortText || !this.#ascii(value, start)) {
      this.#at = start + this.#room.write(value, start, 'utf8');
    }
    this.close(start);
  }

  // Ids and names are short and ASCII; a call into the runtime for each costs more than this loop.
  #ascii(value: string, start: number): boolean {
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) return false;
      this.#room[start + i] = unit;
    }
    this.#at = start + value.length;
    return true;
  }

  /** Length and bytes. */
  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.raw(value);
  }

  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#room.set(value, this.#at);
    this.#at += value.length;
  }

  #safeVarint(value: number): void {
    this.#reserve(10);
    let rest = value;
    // The shift of JavaScript knows 32 bits; above them it is a division.
    while (rest > 0xffff_ffff) {
      this.#room[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest > 0x7f) {
      this.#room[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#room[this.#at++] = rest;
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#room.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#room.length * 2));
    this.#room.copy(larger, 0, 0, this.#at);
    this.#room = larger;
  }
}

function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}
