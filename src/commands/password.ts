import { requireHeldAnywhere, requireOnUser } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { loadForCaller, requireNotAbove } from '../auth/load-user.ts';
import { DomainError } from '../domain/errors.ts';
import type { UserId } from '../domain/ids.ts';
import type { User } from '../domain/user.ts';
import { changeUser, type Decision } from './change-user.ts';
import { checkPassword } from './check-password.ts';
import { hashOf, type NewPassword } from './create-user.ts';
import type { SignInApp } from './sign-in-facts.ts';

export type PasswordApp = SignInApp;

export interface SetPasswordRequest {
  readonly userId: UserId;
  readonly newPassword: NewPassword;
  /** Checked where given; wrong ones count and lock like any sign-in. */
  readonly currentPassword: string | undefined;
  /** Aborted when the caller is gone: a check that has not begun is then not made. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sets a human user's password. Throws passwordOfMachine, passwordHashUnsupported, and with a current password what
 * checkPassword throws.
 */
export async function setPassword(
  app: PasswordApp,
  caller: Caller,
  request: SetPasswordRequest,
): Promise<User> {
  const { userId, newPassword, currentPassword } = request;
  const rule = { userId, permission: 'user.credential.write', notFound: 'userNotFound' } as const;
  const admit = (user: User) => {
    requireOnUser(caller, user, rule);
    requireNotAbove(caller, user);
    requireHuman(user);
  };
  const changed = async ({ organizationId }: User): Promise<Decision> => ({
    events: [
      { type: 'user.human.password.changed', payload: { changeRequired: newPassword.changeRequired } },
    ],
    secrets: { passwordHash: await hashOf(app, newPassword, organizationId) },
  });
  if (currentPassword === undefined) {
    return changeUser(app, caller, rule, (user) => {
      requireHuman(user);
      return changed(user);
    });
  }
  requireHeldAnywhere(caller, rule.permission);
  // Before any work: a hidden user is answered as fast as one that nobody has.
  await loadForCaller(app, caller, rule);
  const { user } = await checkPassword(app, {
    userId,
    name: userId,
    password: currentPassword,
    address: caller.meta.ip,
    deviceToken: undefined,
    meta: caller.meta,
    signal: request.signal,
    admit,
    right: (facts) => changed(facts.user),
  });
  return user;
}

function requireHuman({ kind }: User): void {
  if (kind !== 'human') throw new DomainError('passwordOfMachine');
}
