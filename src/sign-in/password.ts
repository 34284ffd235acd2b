import { randomBytes, timingSafeEqual } from 'node:crypto';
import { DomainError } from '../domain/errors.ts';
import { type PasswordWait, runPasswordTask } from './hash-threads.ts';

/** OWASP Password Storage Cheat Sheet: argon2id, 19 MiB, two passes, one lane. */
const cost = { memoryKib: 19_456, passes: 2, lanes: 1 } as const;
const saltBytes = 16;
const tagBytes = 32;

/** What is not checked at all, by whoever it was stored: a hostile hash must not take the machine. */
const checkMax = { memoryKib: 131_072, passes: 10, lanes: 8, bcryptCost: 14 } as const;

/** What a hash costs to check, in units of one of our own, unless the server is set otherwise: bcrypt's 12 is 7. */
export const importedCostMaxDefault = 8;
/** bcrypt's 14 is 28, and argon2id of 128 MiB and ten passes 34. */
export const importedCostMaxMax = 34;

interface Argon2Hash {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
  readonly salt: Buffer;
  readonly tag: Buffer;
}

/** A new argon2id hash as a PHC string. Throws overloaded. */
export async function hashPassword(password: string, organization?: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const { tag } = await deriveTag(password, { line: 'trusted', organization }, { ...cost, salt }, tagBytes);
  const encode = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64').replace(/=+$/, '');
  return `${ownForm}${encode(salt)}$${encode(tag)}`;
}

const ownForm = `$argon2id$v=19$m=${cost.memoryKib},t=${cost.passes},p=${cost.lanes}$`;

/** Whether hashPassword would make it so: what was imported weaker or costlier is not. */
export function isOwnHash(phc: string): boolean {
  return phc.startsWith(ownForm);
}

/** What a check has cost. */
export interface CheckCost {
  /** In units of a hash of our own. */
  readonly cost: number;
  /** In the thread, waiting apart. */
  readonly tookMs: number;
}

export interface VerifyOptions extends PasswordWait {
  /** Called when the check is made. */
  readonly onChecked?: (check: CheckCost) => void;
}

/** Whether the password is the one behind the PHC string. Throws overloaded, passwordHashUnsupported. */
export async function verifyPassword(
  password: string,
  phc: string,
  { onChecked, ...wait }: VerifyOptions = { line: 'strangers' },
): Promise<boolean> {
  const units = costOf(phc);
  if (units === undefined) throw new DomainError('passwordHashUnsupported');
  const argon2 = parseArgon2(phc);
  if (argon2 === undefined) {
    const { result, tookMs } = await runPasswordTask({ kind: 'bcrypt', password, hash: phc }, units, wait);
    onChecked?.({ cost: units, tookMs });
    return result === true;
  }
  const { tag, tookMs } = await deriveTag(password, wait, argon2, argon2.tag.length);
  onChecked?.({ cost: units, tookMs });
  return tag.length === argon2.tag.length && timingSafeEqual(tag, argon2.tag);
}

/**
 * Takes as long as a verification, for a password that is not to be verified: how long a refusal takes must not tell
 * whether there is such a user, or in what state. Throws overloaded.
 */
export async function spendVerification(password: string, wait: PasswordWait): Promise<CheckCost> {
  const { tookMs } = await deriveTag(password, wait, { ...cost, salt: Buffer.alloc(saltBytes) }, tagBytes);
  return { cost: 1, tookMs };
}

/**
 * A hash made elsewhere: argon2id or bcrypt, of bounded cost. Throws passwordHashUnsupported, and passwordHashCostly where
 * it is one that could be checked, at more than `costMax` times the cost of one of our own.
 */
export function parsePasswordHash(phc: string, costMax: number): string {
  const units = costOf(phc);
  if (units === undefined) throw new DomainError('passwordHashUnsupported');
  if (units > costMax) throw new DomainError('passwordHashCostly');
  return phc;
}

/** Measured: bcrypt's 10 takes 67 ms where one of our own takes 38, and each further step twice as long. */
const bcryptTenUnits = 1.75;

/** What the hash costs to check, in units of one of our own; undefined where it is none that is checked. */
export function costOf(phc: string): number | undefined {
  const bcrypt = bcryptCost(phc);
  if (bcrypt !== undefined)
    return bcrypt > checkMax.bcryptCost ? undefined : bcryptTenUnits * 2 ** (bcrypt - 10);
  const argon2 = parseArgon2(phc);
  return argon2 && argon2Units(argon2);
}

function argon2Units({ memoryKib, passes }: Pick<Argon2Hash, 'memoryKib' | 'passes'>): number {
  return (memoryKib * passes) / (cost.memoryKib * cost.passes);
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
  const isCheap = memoryKib <= checkMax.memoryKib && passes <= checkMax.passes && lanes <= checkMax.lanes;
  // RFC 9106, section 3.1: at least 8 KiB a lane, one pass, one lane, a salt of 8 bytes.
  const isValid = lanes >= 1 && passes >= 1 && memoryKib >= 8 * lanes && parsed.salt.length >= 8;
  return isCheap && isValid ? parsed : undefined;
}

async function deriveTag(
  password: string,
  wait: PasswordWait,
  parsed: Omit<Argon2Hash, 'tag'>,
  tagLength: number,
): Promise<{ readonly tag: Uint8Array; readonly tookMs: number }> {
  const { memoryKib, passes, lanes, salt } = parsed;
  const task = { kind: 'argon2id', password, salt, memoryKib, passes, lanes, tagBytes: tagLength } as const;
  const { result, tookMs } = await runPasswordTask(task, argon2Units(parsed), wait);
  if (typeof result === 'boolean') throw new Error('bug: a tag was asked for');
  return { tag: result, tookMs };
}
