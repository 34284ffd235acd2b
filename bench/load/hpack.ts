import { decodeHuffman } from './huffman.ts';

// RFC 7541, appendix A: the names, and the few values that the load generator acts on.
const staticNames =
  ':authority :method :method :path :path :scheme :scheme :status :status :status :status :status :status :status accept-charset accept-encoding accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control content-disposition content-encoding content-language content-length content-location content-range content-type cookie date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified link location max-forwards proxy-authenticate proxy-authorization range referer refresh retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary via www-authenticate'.split(
    ' ',
  );
const staticStatuses = ['200', '204', '206', '304', '400', '404', '500'];
const staticCount = staticNames.length;
const firstStatusIndex = 8;

interface Entry {
  readonly name: string;
  readonly value: string;
  readonly size: number;
}

/** What the decoder keeps of a header block: all that tells success from failure. */
export interface Verdict {
  status: string;
  grpcStatus: string;
  grpcMessage: string;
}

/** Decodes the header blocks of one connection, in order (RFC 7541); the dynamic table lives here. */
export class HpackDecoder {
  #entries: Entry[] = [];
  #head = 0;
  #size = 0;
  #sizeMax = 4096;
  #at = 0;
  readonly #scratch = Buffer.alloc(65_536);

  /** Reads one whole block; what it says of the outcome goes into `verdict`. */
  decode(block: Buffer, range: { start: number; end: number }, verdict: Verdict): void {
    this.#at = range.start;
    while (this.#at < range.end) {
      const first = block[this.#at] ?? 0;
      if (first >= 0x80) note(verdict, this.#entry(this.#integer(block, 7)));
      else if (first >= 0x40) this.#literal(block, 6, verdict);
      else if (first >= 0x20) this.#resize(this.#integer(block, 5));
      else this.#literal(block, 4, verdict);
    }
    if (this.#at !== range.end) throw new Error('a header block ends inside a field');
  }

  #literal(block: Buffer, prefixBits: 4 | 6, verdict: Verdict): void {
    const index = this.#integer(block, prefixBits);
    const nameLength = index === 0 ? this.#string(block) : 0;
    const name = index === 0 ? this.#scratch.toString('latin1', 0, nameLength) : this.#entry(index).name;
    const valueLength = this.#string(block);
    // Only a value that somebody will read becomes a string: the rest is needed for its length alone.
    const value = isRead(name) ? this.#scratch.toString('latin1', 0, valueLength) : '';
    const entry = { name, value, size: name.length + valueLength + 32 };
    note(verdict, entry);
    if (prefixBits === 6) this.#insert(entry);
  }

  /** The string's bytes go into the scratch buffer; answers their number. */
  #string(block: Buffer): number {
    const huffman = (block[this.#at] ?? 0) >= 0x80;
    const length = this.#integer(block, 7);
    const start = this.#at;
    this.#at += length;
    if (huffman) return decodeHuffman(block, { start, end: this.#at }, this.#scratch);
    block.copy(this.#scratch, 0, start, this.#at);
    return length;
  }

  #integer(block: Buffer, prefixBits: number): number {
    const full = 2 ** prefixBits - 1;
    let value = (block[this.#at++] ?? 0) & full;
    if (value < full) return value;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = block[this.#at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new Error('an HPACK integer is too long');
  }

  #entry(index: number): Entry {
    if (index >= 1 && index <= staticCount) return staticEntries[index - 1] ?? missing(index);
    return this.#entries[this.#entries.length - (index - staticCount)] ?? missing(index);
  }

  #insert(entry: Entry): void {
    this.#entries.push(entry);
    this.#size += entry.size;
    this.#evict();
  }

  #resize(sizeMax: number): void {
    this.#sizeMax = sizeMax;
    this.#evict();
  }

  #evict(): void {
    while (this.#size > this.#sizeMax) {
      this.#size -= this.#entries[this.#head]?.size ?? 0;
      this.#head += 1;
    }
    if (this.#head < 512) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}

const staticEntries: readonly Entry[] = staticNames.map((name, at) => ({
  name,
  value: name === ':status' ? (staticStatuses[at + 1 - firstStatusIndex] ?? '') : '',
  size: 0,
}));

function missing(index: number): never {
  throw new Error(`HPACK index ${index} names nothing`);
}

function isRead(name: string): boolean {
  return name === ':status' || name === 'grpc-status' || name === 'grpc-message';
}

function note(verdict: Verdict, entry: Entry): void {
  if (entry.name === ':status') verdict.status = entry.value;
  else if (entry.name === 'grpc-status') verdict.grpcStatus = entry.value;
  else if (entry.name === 'grpc-message') verdict.grpcMessage = entry.value;
}
