/** What a field means to whoever gathers a request's fields; found out once for each entry of a table. */
export const fieldKind = Object.freeze({
  regular: 0,
  method: 1,
  scheme: 2,
  path: 3,
  authority: 4,
  /** Breaks RFC 9113 §8.2: whatever holds it is malformed. */
  malformed: 5,
  te: 6,
  cookie: 7,
  contentLength: 8,
  /** Of these the first counts and the others do not, as with Node's HTTP/1.1. */
  single: 9,
});

/** One field of a header block, as the tables of HPACK keep it. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
  readonly kind: number;
}

/** A field and its kind. */
export function headerField(name: string, value: string): HeaderField {
  return { name, value, kind: isFieldValue(value) ? kindOfName(name) : fieldKind.malformed };
}

const knownKinds: ReadonlyMap<string, number> = new Map<string, number>([
  [':method', fieldKind.method],
  [':scheme', fieldKind.scheme],
  [':path', fieldKind.path],
  [':authority', fieldKind.authority],
  ['te', fieldKind.te],
  ['cookie', fieldKind.cookie],
  ['content-length', fieldKind.contentLength],
  // RFC 9113 §8.2.2: what speaks of a connection of HTTP/1.1 has no place here.
  ...['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade'].map(malformed),
  ...(
    'age authorization content-type etag expires from host if-modified-since if-unmodified-since last-modified ' +
    'location max-forwards proxy-authorization referer retry-after server user-agent'
  )
    .split(' ')
    .map(single),
]);

function malformed(name: string): [string, number] {
  return [name, fieldKind.malformed];
}

function single(name: string): [string, number] {
  return [name, fieldKind.single];
}

// RFC 9110 §5.1 and RFC 9113 §8.2.1: a token in lower case.
const fieldName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

function kindOfName(name: string): number {
  const known = knownKinds.get(name);
  if (known !== undefined) return known;
  return fieldName.test(name) ? fieldKind.regular : fieldKind.malformed;
}

/** RFC 9113 §8.2.1: no NUL, CR or LF anywhere, no space or tab around. */
function isFieldValue(value: string): boolean {
  for (let at = 0; at < value.length; at++) {
    const character = value.charCodeAt(at);
    if (character <= 13 && (character === 0 || character === 10 || character === 13)) return false;
  }
  return value === '' || !(isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(value.length - 1)));
}

function isBlank(character: number): boolean {
  return character === 0x20 || character === 0x09;
}
