import type { Caller } from '../auth/caller.ts';
import { DomainError } from '../domain/errors.ts';
import type { UserEvent } from '../domain/events.ts';
import type { UserId } from '../domain/ids.ts';
import { unlocked } from '../domain/lock-events.ts';
import type { User } from '../domain/user.ts';
import { changeUser, type Decision } from './change-user.ts';
import { hashOf, type NewPassword } from './create-user.ts';
import { endsByReset, type Guess } from './credential.ts';
import { changeProven } from './proven.ts';
import type { SignInApp, SignInFacts } from './sign-in-facts.ts';

export interface SetPasswordRequest {
  readonly userId: UserId;
  readonly newPassword: NewPassword;
  /** The password that holds, or a code that was handed out: checked where given; wrong ones count and lock like any sign-in. */
  readonly proof: Guess | undefined;
  /** Aborted when the caller is gone: a check that has not begun is then not made. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sets a human user's password. Throws passwordOfMachine, passwordHashUnsupported, and with a proof what checkPassword
 * throws.
 */
export async function setPassword(
  app: SignInApp,
  caller: Caller,
  { userId, newPassword, proof, signal }: SetPasswordRequest,
): Promise<User> {
  const rule = { userId, permission: 'user.credential.write', notFound: 'userNotFound' } as const;
  if (proof === undefined) {
    return changeUser(app, caller, rule, (user) => withNewPassword(app, { user, newPassword }));
  }
  const change = { rules: [rule], guess: proof, signal, admit: requireHuman } as const;
  return changeProven(app, caller, change, (facts) =>
    withNewPassword(app, { user: facts.user, newPassword, proven: { by: proof, facts } }),
  );
}

interface PasswordChange {
  readonly user: User;
  readonly newPassword: NewPassword;
  /** Absent where nobody asked whether the person themselves wants it. */
  readonly proven?: { readonly by: Guess; readonly facts: SignInFacts };
}

/** The decision, with a new password on top. Throws passwordOfMachine, and what hashOf throws. */
export async function withNewPassword(
  app: SignInApp,
  { user, newPassword, proven }: PasswordChange,
  decision: Decision = { events: [] },
): Promise<Decision> {
  requireHuman(user);
  const { changeRequired } = newPassword;
  const events: UserEvent[] = [
    ...decision.events,
    {
      type: 'user.human.password.changed',
      payload: { changeRequired, ...(!forgivesFailures(proven) && { failuresStay: true }) },
    },
  ];
  // With an event and a cause of its own: who reads the log sees that nobody looked into it.
  if (proven?.by.code !== undefined && endsByReset(proven.facts)) {
    events.push(unlocked(user, { cause: 'password_reset' }));
  }
  return {
    ...decision,
    events,
    secrets: { passwordHash: await hashOf(app, newPassword, user.organizationId) },
  };
}

/**
 * Whoever knew the password has signed in, as it were. No other new password gives fresh attempts, unless the policy says
 * so of a reset by code.
 */
function forgivesFailures(proven: PasswordChange['proven']): boolean {
  return proven !== undefined && (proven.by.code === undefined || proven.facts.policy.resetUnlocks === true);
}

/** Throws passwordOfMachine. */
export function requireHuman({ kind }: User): void {
  if (kind !== 'human') throw new DomainError('passwordOfMachine');
}
