import { type HeaderField, headerField } from '../header-field.ts';

// RFC 7541, appendix A; an index counts from 1.
const staticText =
  ':authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|:status=200|:status=204|' +
  ':status=206|:status=304|:status=400|:status=404|:status=500|accept-charset|accept-encoding=gzip, deflate|' +
  'accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control|' +
  'content-disposition|content-encoding|content-language|content-length|content-location|content-range|content-type|' +
  'cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|' +
  'last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|' +
  'server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate';

/** The fields that both sides know from the start, by index; there is none at 0. */
export const staticFields: readonly (HeaderField | undefined)[] = [
  undefined,
  ...staticText.split('|').map(parse),
];

function parse(text: string): HeaderField {
  const equals = text.indexOf('=');
  return equals < 0 ? headerField(text, '') : headerField(text.slice(0, equals), text.slice(equals + 1));
}

/** The first index of the dynamic table. */
export const dynamicStart: number = staticFields.length;
/** RFC 7541 §4.1: what an entry costs beside its bytes. */
export const entryOverhead = 32;
/** RFC 9113 §6.5.2: the size of a table while nobody has said otherwise. This server never does. */
export const tableBytesMax = 4_096;

// So many entries fit, and no more: each costs its overhead at least.
const ringLength = tableBytesMax / entryOverhead;

/** The dynamic table of one direction of one connection (RFC 7541 §2.3.2): a ring, the newest entry first. */
export class DynamicTable {
  /** Changes whenever an index may have come to mean something else. */
  version = 0;
  /** Made with the first entry: most connections are small. */
  #ring: (HeaderField | undefined)[] | undefined;
  #newest = 0;
  #count = 0;
  #bytes = 0;
  #bytesMax = tableBytesMax;

  /** `index` counts from 0, the newest. */
  at(index: number): HeaderField | undefined {
    if (index >= this.#count) return undefined;
    return this.#ring?.[(this.#newest + ringLength - index) % ringLength];
  }

  /** RFC 7541 §4.4: one that is larger than the table empties it. */
  insert(field: HeaderField): void {
    this.version++;
    const bytes = bytesOf(field);
    this.#evictTo(this.#bytesMax - bytes);
    if (bytes > this.#bytesMax) return;
    this.#ring ??= new Array<HeaderField | undefined>(ringLength).fill(undefined);
    this.#newest = (this.#newest + 1) % ringLength;
    this.#ring[this.#newest] = field;
    this.#count++;
    this.#bytes += bytes;
  }

  /** At most `tableBytesMax`. */
  resize(bytesMax: number): void {
    this.version++;
    this.#bytesMax = bytesMax;
    this.#evictTo(bytesMax);
  }

  #evictTo(bytesMax: number): void {
    while (this.#count > 0 && this.#bytes > bytesMax) {
      const oldest = (this.#newest + ringLength - this.#count + 1) % ringLength;
      const field = this.#ring?.[oldest];
      if (field !== undefined) this.#bytes -= bytesOf(field);
      if (this.#ring !== undefined) this.#ring[oldest] = undefined;
      this.#count--;
    }
  }
}

/** RFC 7541 §4.1. */
export function bytesOf({ name, value }: HeaderField): number {
  return name.length + value.length + entryOverhead;
}
