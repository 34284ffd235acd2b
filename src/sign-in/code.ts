import { createHmac, randomInt } from 'node:crypto';
import type { CodeKind } from '../domain/code.ts';
import type { UserId } from '../domain/ids.ts';

/** No 0 and O, no 1, I and L, no U that a V could be, no S that a 5, no B that an 8, no Z that a 2. */
const alphabet = '2345679ACDEFGHJKMNPQRTVWXY';
const codeLength = 6;

/** One of 300 million, to be read to somebody over the phone. */
export function newCode(): string {
  return Array.from({ length: codeLength }, () => alphabet.charAt(randomInt(alphabet.length))).join('');
}

/** Hex. Letter case and the space around it are how it was typed, and say nothing. */
export function digestCode(
  key: Uint8Array,
  { userId, kind, code }: { readonly userId: UserId; readonly kind: CodeKind; readonly code: string },
): string {
  const typed = code.trim().toUpperCase();
  return createHmac('sha256', key)
    .update(JSON.stringify(['code', kind, userId, typed]))
    .digest('hex');
}
