import { timingSafeEqual } from 'node:crypto';
import { afterWrongTry, type CodeKind, isCodeFresh } from '../domain/code.ts';
import { digestCode } from '../sign-in/code.ts';
import type { PasswordWait } from '../sign-in/hash-threads.ts';
import { type CheckCost, spendVerification, verifyPassword } from '../sign-in/password.ts';
import type { Change } from '../store/store.ts';
import { maySignIn, type SignInApp, type SignInFacts } from './sign-in-facts.ts';

/** What an attempt shows: a password, or a code where it says of which kind. */
export interface Guess {
  readonly password: string;
  readonly code?: CodeKind | undefined;
}

type Wait = PasswordWait & { readonly onChecked: (cost: CheckCost) => void };

/** What an attempt is held against. */
export interface Credential {
  /** Which one it is, so that a guess that was wrong is known again: of a password its hash. */
  readonly hash: string;
  /** Takes as long for a code as for a password. Throws overloaded. */
  verify(wait: Wait): Promise<boolean>;
  /** What a wrong attempt leaves of a code. */
  readonly codesAfterWrong?: NonNullable<Change['codes']>;
}

/** undefined: there is no password. That there is no code looks like a wrong one. */
export async function loadCredential(
  app: SignInApp,
  guess: Guess,
  facts: SignInFacts,
): Promise<Credential | undefined> {
  const { userId } = facts.user;
  if (guess.code !== undefined) return codeCredential(app, { kind: guess.code, code: guess.password }, facts);
  const hash = await app.store.loadPasswordHash(userId);
  if (hash === undefined) return undefined;
  return { hash, verify: (wait) => verifyPassword(guess.password, hash, wait) };
}

async function codeCredential(
  app: SignInApp,
  { kind, code }: { readonly kind: CodeKind; readonly code: string },
  { user: { userId }, nowMs }: SignInFacts,
): Promise<Credential> {
  const [stored, key] = await Promise.all([app.store.loadCode({ userId, kind }), app.store.loadSigningKey()]);
  const isGood = stored !== undefined && isCodeFresh(stored, nowMs);
  return {
    hash: `code ${kind} ${stored?.digest ?? ''}`,
    async verify({ onChecked, ...wait }) {
      onChecked(await spendVerification(code, wait));
      const given = Buffer.from(digestCode(key, { userId, kind, code }));
      return isGood && timingSafeEqual(given, Buffer.from(stored.digest));
    },
    ...(stored !== undefined && {
      codesAfterWrong: [{ kind, after: isGood ? afterWrongTry(stored) : undefined }],
    }),
  };
}

/** Whether the state lets them try. A code that may end the policy's own lock is tried in it; no other is. */
export function mayTry(guess: Guess, facts: SignInFacts): boolean {
  if (maySignIn(facts)) return true;
  return guess.code === 'password' && endsByReset(facts);
}

/** Whether a new password by code ends the lock: never an administrator's. */
export function endsByReset({ user, policy }: Pick<SignInFacts, 'user' | 'policy'>): boolean {
  return policy.resetUnlocks === true && user.state === 'locked' && user.lockout.lock?.cause === 'policy';
}
