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

export type PasswordApp = SignInApp;

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
  app: PasswordApp,
  caller: Caller,
  { userId, newPassword, proof, signal }: SetPasswordRequest,
): Promise<User> {
  const rule = { userId, permission: 'user.credential.write', notFound: 'userNotFound' } as const;
  if (proof === undefined) {
    return changeUser(app, caller, rule, (user) => withNewPassword(app, { user, newPassword }));
  }
  const change = { rules: [rule], guess: proof, signal, admit: requireHuman } as const;
  return changeProven(app, caller, change, (facts) =>
    withNewPassword(app, { user: facts.user, newPassword, resetBy: proof.code && facts }),
  );
}

interface PasswordChange {
  readonly user: User;
  readonly newPassword: NewPassword;
  /** Where it is set by a code. */
  readonly resetBy?: SignInFacts | undefined;
}

/** The decision, with a new password on top. Throws passwordOfMachine, and what hashOf throws. */
export async function withNewPassword(
  app: PasswordApp,
  { user, newPassword, resetBy }: PasswordChange,
  decision: Decision = { events: [] },
): Promise<Decision> {
  requireHuman(user);
  const { changeRequired } = newPassword;
  const events: UserEvent[] = [
    ...decision.events,
    { type: 'user.human.password.changed', payload: { changeRequired } },
  ];
  // With an event and a cause of its own: who reads the log sees that nobody looked into it.
  if (resetBy !== undefined && endsByReset(resetBy)) events.push(unlocked(user, { cause: 'password_reset' }));
  return {
    ...decision,
    events,
    secrets: { passwordHash: await hashOf(app, newPassword, user.organizationId) },
  };
}

/** Throws passwordOfMachine. */
export function requireHuman({ kind }: User): void {
  if (kind !== 'human') throw new DomainError('passwordOfMachine');
}
