import { hash as digest, timingSafeEqual } from 'node:crypto';

/** "Unix crypt using SHA-256 and SHA-512", Drepper: `$5$` and `$6$`, with or without `rounds=`. */
const form =
  /^\$([56])\$(?:rounds=(\d{4,9})\$)?([./0-9A-Za-z]{1,16})\$([./0-9A-Za-z]{43}|[./0-9A-Za-z]{86})$/;

const kinds = {
  '5': { name: 'sha256', bytes: 32, encoded: 43 },
  '6': { name: 'sha512', bytes: 64, encoded: 86 },
} as const;

export interface ShaCrypt {
  readonly kind: (typeof kinds)[keyof typeof kinds];
  readonly rounds: number;
  readonly salt: string;
  readonly encoded: string;
}

const roundsDefault = 5_000;

/** What the text says; undefined where it is no such hash. */
export function parseShaCrypt(text: string): ShaCrypt | undefined {
  const [, id, rounds, salt, encoded] = form.exec(text) ?? [];
  if ((id !== '5' && id !== '6') || salt === undefined || encoded === undefined) return undefined;
  const kind = kinds[id];
  const count = rounds === undefined ? roundsDefault : Number(rounds);
  return encoded.length === kind.encoded && count >= 1_000
    ? { kind, rounds: count, salt, encoded }
    : undefined;
}

/** Whether the hash is the password's; takes as long as its rounds do. */
export function isShaCryptOf(password: string, { kind, rounds, salt, encoded }: ShaCrypt): boolean {
  const made = encode(derive(Buffer.from(password, 'utf8'), Buffer.from(salt), { kind, rounds }), kind);
  return timingSafeEqual(Buffer.from(made), Buffer.from(encoded));
}

function derive(key: Buffer, salt: Buffer, { kind, rounds }: Pick<ShaCrypt, 'kind' | 'rounds'>): Buffer {
  const hashed = (...parts: readonly Buffer[]): Buffer => digest(kind.name, Buffer.concat(parts), 'buffer');
  const second = hashed(key, salt, key);
  const bits: Buffer[] = [];
  for (let length = key.length; length > 0; length >>= 1) bits.push(length & 1 ? second : key);
  const first = hashed(key, salt, repeated(second, key.length), ...bits);
  const keys = repeated(hashed(...Array<Buffer>(key.length).fill(key)), key.length);
  const salts = repeated(hashed(...Array<Buffer>(16 + (first[0] ?? 0)).fill(salt)), salt.length);
  let last = first;
  for (let round = 0; round < rounds; round += 1) {
    const isOdd = round % 2 === 1;
    const parts = [isOdd ? keys : last];
    if (round % 3 !== 0) parts.push(salts);
    if (round % 7 !== 0) parts.push(keys);
    parts.push(isOdd ? last : keys);
    last = hashed(...parts);
  }
  return last;
}

// Cut or repeated to the length: also to one that the digest's own divides.
function repeated(bytes: Buffer, length: number): Buffer {
  return Buffer.alloc(length, bytes);
}

const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Three bytes, from three thirds of the digest and in an order that turns, are four characters, the lowest bits first. */
function encode(bytes: Buffer, { bytes: size }: ShaCrypt['kind']): string {
  const third = Math.floor(size / 3);
  const turn = size === 32 ? 2 : 1;
  let text = '';
  const add = (value: number, count: number) => {
    for (let at = 0; at < count; at += 1) text += alphabet[(value >> (6 * at)) & 63];
  };
  for (let at = 0; at < third; at += 1) {
    const byteOf = (part: number) => bytes[at + third * ((part + turn * at) % 3)] ?? 0;
    add((byteOf(0) << 16) | (byteOf(1) << 8) | byteOf(2), 4);
  }
  const rest = [...bytes.subarray(third * 3)].reduceRight((sum, byte) => (sum << 8) | byte, 0);
  add(rest, size === 32 ? 3 : 2);
  return text;
}
