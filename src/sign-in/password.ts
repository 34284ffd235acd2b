import { randomBytes, timingSafeEqual } from 'node:crypto';
import { DomainError } from '../domain/errors.ts';
import { type PasswordWait, runPasswordTask } from './hash-threads.ts';
import { argon2Units, ownCost, parseStoredHash } from './stored-hash.ts';

const saltBytes = 16;
const tagBytes = 32;

/** A new argon2id hash as a PHC string. Throws overloaded. */
export async function hashPassword(password: string, organization?: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const { tag } = await deriveTag(password, { line: 'trusted', organization }, salt);
  const encode = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64').replace(/=+$/, '');
  return `${ownForm}${encode(salt)}$${encode(tag)}`;
}

const ownForm = `$argon2id$v=19$m=${ownCost.memoryKib},t=${ownCost.passes},p=${ownCost.lanes}$`;

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
  const stored = parseStoredHash(phc);
  if (stored === undefined) throw new DomainError('passwordHashUnsupported');
  const { units: cost, tag } = stored;
  const { result, tookMs } = await runPasswordTask(stored.task(password), cost, wait);
  onChecked?.({ cost, tookMs });
  if (typeof result === 'boolean') return result;
  return tag !== undefined && result.length === tag.length && timingSafeEqual(result, tag);
}

/**
 * Takes as long as a verification, for a password that is not to be verified: how long a refusal takes must not tell
 * whether there is such a user, or in what state. Throws overloaded.
 */
export async function spendVerification(password: string, wait: PasswordWait): Promise<CheckCost> {
  const { tookMs } = await deriveTag(password, wait, Buffer.alloc(saltBytes));
  return { cost: 1, tookMs };
}

/**
 * A hash made elsewhere, of a kind that parseStoredHash knows. Throws passwordHashUnsupported, and passwordHashCostly where
 * it is one that could be checked, at more than `costMax` times the cost of one of our own.
 */
export function parsePasswordHash(phc: string, costMax: number): string {
  const stored = parseStoredHash(phc);
  if (stored === undefined) throw new DomainError('passwordHashUnsupported');
  if (stored.units > costMax) throw new DomainError('passwordHashCostly');
  return phc;
}

async function deriveTag(
  password: string,
  wait: PasswordWait,
  salt: Buffer,
): Promise<{ readonly tag: Uint8Array; readonly tookMs: number }> {
  const task = { kind: 'argon2id', password, salt, ...ownCost, tagBytes } as const;
  const { result, tookMs } = await runPasswordTask(task, argon2Units(ownCost), wait);
  if (typeof result === 'boolean') throw new Error('bug: a tag was asked for');
  return { tag: result, tookMs };
}
