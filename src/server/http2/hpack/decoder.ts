import { ConnectionError, errorCode } from '../frame.ts';
import { type HeaderField, headerField } from '../header-field.ts';
import { decodeHuffman } from './huffman.ts';
import { DynamicTable, dynamicStart, staticFields, tableBytesMax } from './table.ts';

/** Takes the fields of a block, in their order. */
export interface FieldSink {
  add(field: HeaderField): void;
}

/** Decodes the header blocks of one connection, in order (RFC 7541). */
export class HpackDecoder {
  readonly #table = new DynamicTable();
  #block: Buffer = none;
  #at = 0;
  #end = 0;

  /** Blocks of the same bytes mean the same for as long as this number stays. */
  get version(): number {
    return this.#table.version;
  }

  /** Reads one whole block. Throws ConnectionError: the two tables have parted for good. */
  decode(block: Buffer, start: number, end: number, sink: FieldSink): void {
    this.#block = block;
    this.#at = start;
    this.#end = end;
    // RFC 7541 §4.2: a new size of the table comes first, and twice at most.
    for (let sizes = 0; this.#at < end && ((block[this.#at] ?? 0) & 0xe0) === 0x20; sizes++) {
      if (sizes === 2) throw broken();
      this.#resize();
    }
    while (this.#at < end) {
      const first = block[this.#at] ?? 0;
      if (first >= 0x80) sink.add(this.#field(this.#integer(0x7f)));
      else if (first >= 0x40) {
        const field = this.#literal(0x3f);
        this.#table.insert(field);
        sink.add(field);
      } else if (first < 0x20) sink.add(this.#literal(0x0f));
      else throw broken();
    }
    this.#block = none;
  }

  #resize(): void {
    const bytesMax = this.#integer(0x1f);
    if (bytesMax > tableBytesMax) throw broken();
    this.#table.resize(bytesMax);
  }

  #field(index: number): HeaderField {
    const field = index < dynamicStart ? staticFields[index] : this.#table.at(index - dynamicStart);
    if (field === undefined) throw broken();
    return field;
  }

  #literal(indexMask: number): HeaderField {
    const index = this.#integer(indexMask);
    const name = index === 0 ? this.#string() : this.#field(index).name;
    return headerField(name, this.#string());
  }

  /** RFC 7541 §5.1; nothing here is as large as 2^28, so five bytes are enough. */
  #integer(mask: number): number {
    if (this.#at >= this.#end) throw broken();
    let value = (this.#block[this.#at++] ?? 0) & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#at >= this.#end) throw broken();
      const byte = this.#block[this.#at++] ?? 0;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw broken();
  }

  #string(): string {
    const isHuffman = ((this.#block[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#integer(0x7f);
    const start = this.#at;
    if (length > this.#end - start) throw broken();
    this.#at = start + length;
    if (isHuffman) return decodeHuffman(this.#block, start, this.#at);
    return this.#block.toString('latin1', start, this.#at);
  }
}

function broken(): ConnectionError {
  return new ConnectionError(errorCode.compressionError, 'a broken header block');
}

const none: Buffer = Buffer.alloc(0);
