import { randomBytes, timingSafeEqual } from 'node:crypto';
import { DomainError } from '../domain/errors.ts';
import { type PasswordWait, runPasswordTask } from './hash-threads.ts';

/** OWASP Password Storage Cheat Sheet: argon2id, 19 MiB, two passes, one lane. */
const cost = { memoryKib: 19_456, passes: 2, lanes: 1 } as const;
const saltBytes = 16;
const tagBytes = 32;

/** What an imported hash may cost to check: a hostile one must not take the machine. */
const importMax = { memoryKib: 131_072, passes: 10, lanes: 8, bcryptCost: 14 } as const;

interface Argon2Hash {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
  readonly salt: Buffer;
  readonly tag: Buffer;
}

/** A new argon2id hash as a PHC string. Throws overloaded. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const tag = await deriveTag(password, { line: 'trusted' }, { ...cost, salt }, tagBytes);
  const encode = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64').replace(/=+$/, '');
  const { memoryKib, passes, lanes } = cost;
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${encode(salt)}$${encode(tag)}`;
}

/** Whether the password is the one behind the PHC string. Throws overloaded, passwordHashUnsupported. */
export async function verifyPassword(
  password: string,
  phc: string,
  wait: PasswordWait = { line: 'strangers' },
): Promise<boolean> {
  if (bcryptCost(phc) !== undefined)
    return (await runPasswordTask({ kind: 'bcrypt', password, hash: phc }, wait)) === true;
  const parsed = parseArgon2(phc);
  if (parsed === undefined) throw new DomainError('passwordHashUnsupported');
  const tag = await deriveTag(password, wait, parsed, parsed.tag.length);
  return tag.length === parsed.tag.length && timingSafeEqual(tag, parsed.tag);
}

/**
 * Takes as long as a verification, for a password that is not to be verified: how long a refusal takes must not tell
 * whether there is such a user, or in what state. Throws overloaded.
 */
export async function spendVerification(password: string, wait: PasswordWait): Promise<void> {
  await deriveTag(password, wait, { ...cost, salt: Buffer.alloc(saltBytes) }, tagBytes);
}

/** A hash made elsewhere: argon2id or bcrypt, of bounded cost. Throws passwordHashUnsupported. */
export function parsePasswordHash(phc: string): string {
  const isBcrypt = (bcryptCost(phc) ?? Number.POSITIVE_INFINITY) <= importMax.bcryptCost;
  if (!isBcrypt && parseArgon2(phc) === undefined) throw new DomainError('passwordHashUnsupported');
  return phc;
}

function bcryptCost(phc: string): number | undefined {
  const digits = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(phc)?.[1];
  return digits === undefined || Number(digits) < 4 ? undefined : Number(digits);
}

const argon2Form =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,86})$/;

function parseArgon2(phc: string): Argon2Hash | undefined {
  const [, memory, time, parallelism, salt, tag] = argon2Form.exec(phc) ?? [];
  if (salt === undefined || tag === undefined) return undefined;
  const parsed = {
    memoryKib: Number(memory),
    passes: Number(time),
    lanes: Number(parallelism),
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  };
  const { memoryKib, passes, lanes } = parsed;
  const isCheap = memoryKib <= importMax.memoryKib && passes <= importMax.passes && lanes <= importMax.lanes;
  // RFC 9106, section 3.1: at least 8 KiB a lane, one pass, one lane, a salt of 8 bytes.
  const isValid = lanes >= 1 && passes >= 1 && memoryKib >= 8 * lanes && parsed.salt.length >= 8;
  return isCheap && isValid ? parsed : undefined;
}

async function deriveTag(
  password: string,
  wait: PasswordWait,
  { memoryKib, passes, lanes, salt }: Omit<Argon2Hash, 'tag'>,
  length: number,
): Promise<Uint8Array> {
  const task = { kind: 'argon2id', password, salt, memoryKib, passes, lanes, tagBytes: length } as const;
  const tag = await runPasswordTask(task, wait);
  if (typeof tag === 'boolean') throw new Error('bug: a tag was asked for');
  return tag;
}
