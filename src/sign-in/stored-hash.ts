import type { PasswordTask } from './hash-thread.ts';
import { parseShaCrypt } from './sha-crypt.ts';

/** What a hash is made by, as people call it. */
export type HashKind = 'argon2id' | 'argon2i' | 'bcrypt' | 'pbkdf2' | 'scrypt' | 'sha-crypt';

export interface StoredHash {
  readonly kind: HashKind;
  /** What the check costs, in units of a hash of our own. */
  readonly units: number;
  readonly task: (password: string) => PasswordTask;
  /** What the thread is to answer; undefined where it answers whether they are the same. */
  readonly tag?: Buffer;
}

/** OWASP Password Storage Cheat Sheet: argon2id, 19 MiB, two passes, one lane. */
export const ownCost = { memoryKib: 19_456, passes: 2, lanes: 1 } as const;

/** What is not checked at all, by whoever it was stored: a hostile hash must not take the machine. */
const checkMax = { memoryKib: 131_072, passes: 10, lanes: 8, bcryptCost: 14, units: 34 } as const;

/** The text read as a hash that is checked here; undefined where it is none, or one of a cost that is beyond all limits. */
export function parseStoredHash(text: string): StoredHash | undefined {
  const found = readers.reduce<StoredHash | undefined>((hash, read) => hash ?? read(text), undefined);
  return found !== undefined && found.units <= checkMax.units ? found : undefined;
}

const readers = [parseArgon2, parseBcrypt, parsePbkdf2, parseScrypt, parseShaCryptHash];

const argon2Form =
  /^\$(argon2id|argon2i)\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,86})$/;

function parseArgon2(text: string): StoredHash | undefined {
  const [, algorithm, memory, time, parallelism, saltText, tagText] = argon2Form.exec(text) ?? [];
  if (saltText === undefined || tagText === undefined) return undefined;
  const kind = algorithm === 'argon2i' ? 'argon2i' : 'argon2id';
  const [memoryKib, passes, lanes] = [Number(memory), Number(time), Number(parallelism)];
  const [salt, tag] = [Buffer.from(saltText, 'base64'), Buffer.from(tagText, 'base64')];
  const isCheap = memoryKib <= checkMax.memoryKib && passes <= checkMax.passes && lanes <= checkMax.lanes;
  // RFC 9106, section 3.1: at least 8 KiB a lane, one pass, one lane, a salt of 8 bytes.
  const isValid = lanes >= 1 && passes >= 1 && memoryKib >= 8 * lanes && salt.length >= 8;
  if (!isCheap || !isValid) return undefined;
  const cost = { memoryKib, passes, lanes, salt, tagBytes: tag.length };
  return { kind, units: argon2Units(cost), task: (password) => ({ kind, password, ...cost }), tag };
}

/** What argon2 of that memory and so many passes costs, in units of one of our own. */
export function argon2Units({ memoryKib, passes }: Argon2Cost): number {
  return (memoryKib * passes) / (ownCost.memoryKib * ownCost.passes);
}

interface Argon2Cost {
  readonly memoryKib: number;
  readonly passes: number;
}

/** Measured: bcrypt's 10 takes 67 ms where one of our own takes 38, and each further step twice as long. */
const bcryptTenUnits = 1.75;

function parseBcrypt(text: string): StoredHash | undefined {
  const digits = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(text)?.[1];
  const cost = Number(digits);
  if (digits === undefined || cost < 4 || cost > checkMax.bcryptCost) return undefined;
  return {
    kind: 'bcrypt',
    units: bcryptTenUnits * 2 ** (cost - 10),
    task: (password) => ({ kind: 'bcrypt', password, hash: text }),
  };
}

/** Measured, where one of our own takes 22 ms: what a hundred thousand rounds take for each block of the tag. */
const pbkdf2Digests = {
  sha1: { bytes: 20, units: 0.55 },
  sha256: { bytes: 32, units: 0.55 },
  sha512: { bytes: 64, units: 1.9 },
} as const;

// As the PHC string format has it (i=…), as Python's passlib writes it (the rounds bare, "." for "+"), and as Django does.
const pbkdf2Form =
  /^\$pbkdf2(?:-(sha1|sha256|sha512))?\$(?:i=)?(\d{1,8})(?:,l=\d{1,3})?\$([A-Za-z0-9+/.]{1,171})={0,2}\$([A-Za-z0-9+/.]{22,86})={0,2}$/;
const djangoForm = /^pbkdf2_(sha1|sha256)\$(\d{1,8})\$([A-Za-z0-9]{1,64})\$([A-Za-z0-9+/]{27,43}=)$/;

function parsePbkdf2(text: string): StoredHash | undefined {
  const isDjango = !text.startsWith('$');
  const [, named, count, saltText, tagText] = (isDjango ? djangoForm : pbkdf2Form).exec(text) ?? [];
  if (saltText === undefined || tagText === undefined) return undefined;
  const digest = named === 'sha256' || named === 'sha512' ? named : 'sha1';
  const rounds = Number(count);
  const salt = isDjango ? Buffer.from(saltText) : plainBase64(saltText);
  const tag = plainBase64(tagText);
  if (rounds < 1 || salt.length === 0) return undefined;
  const { bytes, units } = pbkdf2Digests[digest];
  return {
    kind: 'pbkdf2',
    units: (rounds / 100_000) * units * Math.ceil(tag.length / bytes),
    task: (password) => ({ kind: 'pbkdf2', password, digest, rounds, salt, tagBytes: tag.length }),
    tag,
  };
}

function plainBase64(text: string): Buffer {
  return Buffer.from(text.replaceAll('.', '+'), 'base64');
}

const scryptForm =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{1,86})={0,2}\$([A-Za-z0-9+/]{22,86})={0,2}$/;

/** Measured, where one of our own takes 22 ms: N × r × p that takes as long. */
const scryptBlocksAUnit = 80_000;

function parseScrypt(text: string): StoredHash | undefined {
  const [, ln, r, p, saltText, tagText] = scryptForm.exec(text) ?? [];
  if (saltText === undefined || tagText === undefined) return undefined;
  const [logN, blockSize, parallel] = [Number(ln), Number(r), Number(p)];
  const [salt, tag] = [Buffer.from(saltText, 'base64'), Buffer.from(tagText, 'base64')];
  // RFC 7914, section 2: N is a power of 2 above 1 and below 2^(128 × r / 8); it takes 128 × N × r bytes.
  if (logN < 1 || blockSize < 1 || parallel < 1 || logN >= 16 * blockSize) return undefined;
  if (2 ** logN * blockSize * 128 > checkMax.memoryKib * 1_024 || salt.length === 0) return undefined;
  const cost = { logN, blockSize, parallel, salt, tagBytes: tag.length };
  return {
    kind: 'scrypt',
    units: (2 ** logN * blockSize * parallel) / scryptBlocksAUnit,
    task: (password) => ({ kind: 'scrypt', password, ...cost }),
    tag,
  };
}

/** Measured, where one of our own takes 22 ms: what a hundred thousand rounds take. */
const shaCryptUnits = 4.2;

function parseShaCryptHash(text: string): StoredHash | undefined {
  const hash = parseShaCrypt(text);
  if (hash === undefined) return undefined;
  return {
    kind: 'sha-crypt',
    units: (hash.rounds / 100_000) * shaCryptUnits,
    task: (password) => ({ kind: 'sha-crypt', password, hash }),
  };
}
