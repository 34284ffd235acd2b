import { leaseLeftMs } from './lease.ts';

/** What a code is for: to prove an address or a number, or to set a new password. */
export type CodeKind = 'email' | 'phone' | 'password';

/** A code as the store keeps it: one of a kind for each user. */
export interface StoredCode {
  readonly kind: CodeKind;
  /** Hex of the keyed digest; the code itself is kept nowhere. */
  readonly digest: string;
  /** Milliseconds since 1970, UTC. */
  readonly expiresAt: number;
  /** Wrong ones so far. */
  readonly tries: number;
}

export const codeLifeMs = 3_600_000;
/** Whether it may still be used. Servers' clocks may differ: up to twice its life may be left. */
export function isCodeFresh({ expiresAt }: StoredCode, nowMs: number): boolean {
  return leaseLeftMs(expiresAt, { nowMs, msMax: 2 * codeLifeMs }) > 0;
}

/** The wrong code of this number makes the code void. */
const codeTriesMax = 5;

/** What a wrong try leaves of the code; undefined: nothing. */
export function afterWrongTry(code: StoredCode): StoredCode | undefined {
  const tries = code.tries + 1;
  return tries < codeTriesMax ? { ...code, tries } : undefined;
}
