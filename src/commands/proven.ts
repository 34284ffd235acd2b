import { requireHeldAnywhere, requireOnUser } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { loadForCaller, requireNotAbove, type UserRule } from '../auth/load-user.ts';
import type { User } from '../domain/user.ts';
import type { Decision } from './change-user.ts';
import { checkPassword } from './check-password.ts';
import type { Guess } from './credential.ts';
import type { SignInApp, SignInFacts } from './sign-in-facts.ts';

export interface ProvenChange {
  /** All of one user; the first says what is answered where there is none. */
  readonly rules: readonly [UserRule, ...UserRule[]];
  readonly guess: Guess;
  /** Aborted when the caller is gone: a check that has not begun is then not made. */
  readonly signal: AbortSignal | undefined;
  /** Throws where the user is of a kind that has nothing to prove. */
  readonly admit: (user: User) => void;
}

/** A change by whoever knows the password, or a code: wrong ones count and lock like any sign-in. Throws what checkPassword throws. */
export async function changeProven(
  app: SignInApp,
  caller: Caller,
  { rules, guess, signal, admit }: ProvenChange,
  decide: (facts: SignInFacts) => Decision | Promise<Decision>,
): Promise<User> {
  for (const { permission } of rules) requireHeldAnywhere(caller, permission);
  const [rule] = rules;
  const { userId } = rule;
  const requireAll = (user: User) => {
    for (const each of rules) requireOnUser(caller, user, each);
  };
  // Before any work: a hidden user is answered as fast as one that nobody has.
  requireAll(await loadForCaller(app, caller, rule));
  const { user } = await checkPassword(app, {
    ...guess,
    userId,
    name: userId,
    address: caller.meta.ip,
    deviceToken: undefined,
    meta: caller.meta,
    signal,
    admit(found) {
      requireAll(found);
      requireNotAbove(caller, found);
      admit(found);
    },
    right: decide,
  });
  return user;
}
