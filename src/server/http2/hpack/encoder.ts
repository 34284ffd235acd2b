import { bytesOf, dynamicStart, staticFields, tableBytesMax } from './table.ts';

/** Fields whose values come again: worth a place in the table. All others are written out each time. */
const indexedNames: ReadonlySet<string> = new Set([
  'accept-encoding',
  'accept-post',
  'access-control-allow-origin',
  'access-control-expose-headers',
  'cache-control',
  'content-encoding',
  'content-type',
  'grpc-accept-encoding',
  'grpc-encoding',
  'grpc-status',
  'vary',
]);

interface KnownPairs {
  readonly pairs: readonly string[];
  readonly bytes: Buffer;
}

const knownPairsMax = 8;

/**
 * Encodes the header blocks of one connection (RFC 7541). Its table only grows, up to its size: what once has an index
 * keeps it, and lists of fields that never change are encoded once. No Huffman: it costs more than the bytes it spares.
 */
export class HpackEncoder {
  readonly #indexed = new Map<string, Map<string, number>>();
  #known: KnownPairs[] = [];
  #inserted = 0;
  #bytes = 0;
  #bytesMax = tableBytesMax;
  #isResized = false;

  /** The other side set the size of the table that it keeps. */
  resize(bytesMax: number): void {
    if (Math.min(bytesMax, tableBytesMax) === this.#bytesMax) return;
    this.#bytesMax = Math.min(bytesMax, tableBytesMax);
    this.#isResized = true;
    this.#indexed.clear();
    this.#known = [];
    this.#inserted = 0;
    this.#bytes = 0;
  }

  /** What stands before the first field of a block: answers the offset after it, as all of these do. */
  begin(to: Buffer, at: number): number {
    if (!this.#isResized) return at;
    this.#isResized = false;
    // RFC 7541 §4.2, §4.3: to zero, which empties the table on both sides, then to its new size.
    to[at] = 0x20;
    return writeInteger(to, at + 1, { value: this.#bytesMax, mask: 0x1f, first: 0x20 });
  }

  status(to: Buffer, at: number, status: number): number {
    const index = staticStatuses.get(status);
    if (index === undefined) return writeString(to, writeBytes(to, at, nameBytes(':status')), String(status));
    to[at] = 0x80 | index;
    return at + 1;
  }

  /** A field that no other answer will have again. */
  field(to: Buffer, at: number, [name, value]: readonly [name: string, value: string]): number {
    return writeString(to, writeBytes(to, at, nameBytes(name)), value);
  }

  /** Names and values in turn. */
  pairs(to: Buffer, at: number, pairs: readonly string[]): number {
    for (const known of this.#known) if (known.pairs === pairs) return writeBytes(to, at, known.bytes);
    const inserted = this.#inserted;
    let end = at;
    for (let nth = 0; nth + 1 < pairs.length; nth += 2) {
      const name = pairs[nth] ?? '';
      const value = pairs[nth + 1] ?? '';
      end = indexedNames.has(name)
        ? this.#indexedField(to, end, name, value)
        : this.field(to, end, [name, value]);
    }
    if (inserted !== this.#inserted) this.#known = [];
    else if (this.#known.length < knownPairsMax && Object.isFrozen(pairs)) {
      this.#known.push({ pairs, bytes: Buffer.from(to.subarray(at, end)) });
    }
    return end;
  }

  #indexedField(to: Buffer, at: number, name: string, value: string): number {
    let values = this.#indexed.get(name);
    if (values === undefined) {
      values = new Map();
      this.#indexed.set(name, values);
    }
    const nth = values.get(value);
    if (nth !== undefined) {
      const index = dynamicStart + this.#inserted - nth;
      return writeInteger(to, at, { value: index, mask: 0x7f, first: 0x80 });
    }
    const bytes = bytesOf({ name, value, kind: 0 });
    if (this.#bytes + bytes > this.#bytesMax) return this.field(to, at, [name, value]);
    this.#bytes += bytes;
    this.#inserted++;
    values.set(value, this.#inserted);
    const index = staticNames.get(name) ?? 0;
    const end = writeInteger(to, at, { value: index, mask: 0x3f, first: 0x40 });
    return writeString(to, index === 0 ? writeString(to, end, name) : end, value);
  }
}

/** How many bytes the block of these fields takes at most. */
export function blockBytesMax(pairs: readonly string[]): number {
  let bytes = 256;
  for (const item of pairs) bytes += item.length + 6;
  return bytes;
}

const staticNames = new Map<string, number>();
const staticStatuses = new Map<number, number>();
for (const [index, field] of staticFields.entries()) {
  if (field === undefined) continue;
  if (!staticNames.has(field.name)) staticNames.set(field.name, index);
  if (field.name === ':status') staticStatuses.set(Number(field.value), index);
}

const knownNames = new Map<string, Buffer>();
// Handlers choose names of their own; they choose among few.
const knownNamesMax = 1_000;

/** The beginning of a literal field without indexing: its name, by index where it has one. */
function nameBytes(name: string): Buffer {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  const index = staticNames.get(name) ?? 0;
  const room = Buffer.alloc(name.length + 12);
  const end = writeInteger(room, 0, { value: index, mask: 0x0f, first: 0 });
  const bytes = room.subarray(0, index === 0 ? writeString(room, end, name) : end);
  if (knownNames.size < knownNamesMax) knownNames.set(name, bytes);
  return bytes;
}

function writeInteger(
  to: Buffer,
  at: number,
  { value, mask, first }: { readonly value: number; readonly mask: number; readonly first: number },
): number {
  if (value < mask) {
    to[at] = first | value;
    return at + 1;
  }
  to[at] = first | mask;
  let end = at + 1;
  let rest = value - mask;
  while (rest >= 0x80) {
    to[end++] = 0x80 | (rest & 0x7f);
    rest >>>= 7;
  }
  to[end] = rest;
  return end + 1;
}

const shortText = 48;

function writeString(to: Buffer, at: number, text: string): number {
  const start = writeInteger(to, at, { value: text.length, mask: 0x7f, first: 0 });
  const { length } = text;
  // A call into native code costs more than a few bytes.
  if (length > shortText) return start + to.write(text, start, 'latin1');
  for (let nth = 0; nth < length; nth++) to[start + nth] = text.charCodeAt(nth);
  return start + length;
}

function writeBytes(to: Buffer, at: number, bytes: Buffer): number {
  for (let nth = 0; nth < bytes.length; nth++) to[at + nth] = bytes[nth] ?? 0;
  return at + bytes.length;
}
