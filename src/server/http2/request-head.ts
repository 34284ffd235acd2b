import type { IncomingHttpHeaders } from 'node:http';
import { badHost, isAuthority } from '../http/authority.ts';
import { isConditional } from '../http/condition.ts';
import type { Flaw } from '../http/exchange.ts';
import { fieldKind, type HeaderField } from './header-field.ts';
import type { FieldSink } from './hpack/decoder.ts';
import { entryOverhead } from './hpack/table.ts';

/**
 * What a request's header block says. Requests of one connection whose blocks are equal share one, so nobody changes it
 * once it is read.
 */
export class RequestHead implements FieldSink {
  method = '';
  scheme = '';
  path = '';
  authority = '';
  /** By lower-case name, repeated ones joined; pseudo-headers are not among them. */
  readonly headers: IncomingHttpHeaders = Object.create(null);
  /** Of `content-length`; undefined where there is none. */
  contentLength: number | undefined;
  /** Breaks RFC 9113 §8.2 or §8.3: the stream ends with PROTOCOL_ERROR. */
  isMalformed = false;
  /** It is read, and answered with this. */
  flaw: Flaw | undefined;
  /** As of an exchange. */
  isConditional = false;
  /** Larger than this server takes; what came beyond was not kept. */
  isTooLarge = false;
  /** How many fields were decoded, those that were not kept too. */
  fields = 0;
  /** As decoded, with what each field costs beside its text. */
  bytes = 0;
  readonly #bytesMax: number;
  #seenPseudo = 0;
  #seenRegular = false;
  #hosts = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(field: HeaderField): void {
    const { name, value, kind } = field;
    this.fields++;
    // RFC 9113 §6.5.2: counted as decoded, so that a small block cannot become a large list.
    this.bytes += name.length + value.length + entryOverhead;
    if (this.bytes > this.#bytesMax) this.isTooLarge = true;
    if (this.isTooLarge || this.isMalformed) return;
    if (kind >= fieldKind.method && kind <= fieldKind.authority) this.#addPseudo(kind, value);
    else this.#addRegular(name, value, kind);
  }

  /** Once the block of a request is read. */
  finish(): void {
    const { method, path, authority, headers } = this;
    if (this.isTooLarge || this.isMalformed) return;
    this.isConditional = isConditional(headers);
    const isConnect = method === 'CONNECT';
    // RFC 9113 §8.3.1, §8.5.
    const needed = isConnect ? bit(fieldKind.authority) : bit(fieldKind.scheme) | bit(fieldKind.path);
    const forbidden = isConnect ? bit(fieldKind.scheme) | bit(fieldKind.path) : 0;
    const isWhole = (this.#seenPseudo & needed) === needed && (this.#seenPseudo & forbidden) === 0;
    const isAgreed = headers.host === undefined || authority === '' || sameHost(headers.host, authority);
    if (!isWhole || !token.test(method) || !isAgreed) this.isMalformed = true;
    else if (!isConnect && !pathText.test(path) && !(path === '*' && method === 'OPTIONS')) {
      this.isMalformed = true;
    } else if (this.#hosts > 1 || !isAuthority(this.#namedHost())) this.flaw = twoOrNoHosts;
  }

  // One that is empty is no host, whatever stands beside it.
  #namedHost(): string {
    const isNamed = (this.#seenPseudo & bit(fieldKind.authority)) !== 0;
    return isNamed ? this.authority : (this.headers.host ?? '');
  }

  /** Once a block of trailers is read: RFC 9113 §8.1, they hold no pseudo-header. */
  finishTrailers(): void {
    if (this.#seenPseudo !== 0) this.isMalformed = true;
  }

  #addPseudo(kind: number, value: string): void {
    // RFC 9113 §8.3: before all others, and each once.
    if (this.#seenRegular || (this.#seenPseudo & bit(kind)) !== 0) {
      this.isMalformed = true;
      return;
    }
    this.#seenPseudo |= bit(kind);
    if (kind === fieldKind.path) this.path = value;
    else if (kind === fieldKind.authority) this.authority = value;
    else if (kind === fieldKind.method) this.method = value;
    else this.scheme = value;
  }

  #addRegular(name: string, value: string, kind: number): void {
    this.#seenRegular = true;
    const { headers } = this;
    const before = headers[name];
    if (kind === fieldKind.malformed || (kind === fieldKind.te && value !== 'trailers'))
      this.isMalformed = true;
    else if (name === 'host') {
      this.#hosts++;
      headers.host ??= value;
    } else if (kind === fieldKind.contentLength) this.#addContentLength(value);
    else if (name === 'set-cookie') headers['set-cookie'] = [...(headers['set-cookie'] ?? []), value];
    else if (before === undefined) headers[name] = value;
    // RFC 9113 §8.2.3: a client may send each cookie as a field of its own.
    else if (kind !== fieldKind.single)
      headers[name] = `${before}${kind === fieldKind.cookie ? '; ' : ', '}${value}`;
  }

  #addContentLength(value: string): void {
    const length = /^\d{1,15}$/.test(value) ? Number(value) : -1;
    if (length < 0 || (this.contentLength ?? length) !== length) this.isMalformed = true;
    this.contentLength = length;
    this.headers['content-length'] = value;
  }
}

// RFC 9110 §7.2 and RFC 9113 §8.3.1.
const twoOrNoHosts: Flaw = Object.freeze({ status: 400, text: badHost });
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// What is no URI (RFC 3986) but harmless is the router's to refuse; blanks and control characters are not.
const pathText = /^\/[^\0-\x20\x7f]*$/;

function bit(kind: number): number {
  return 1 << kind;
}

function sameHost(host: string, authority: string): boolean {
  return host === authority || host.toLowerCase() === authority.toLowerCase();
}
