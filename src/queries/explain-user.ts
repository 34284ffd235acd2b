import type { Caller } from '../auth/caller.ts';
import { type Explanation, explain } from '../domain/explain.ts';
import type { UserId } from '../domain/ids.ts';
import { type PolicyQueryApp, policyInForce } from './lockout-policy.ts';
import { getUser, type UserRecord } from './users.ts';

/** Why the user cannot sign in now, and what would change it. Throws as getUser. */
export async function explainUser(
  app: PolicyQueryApp,
  caller: Caller,
  userId: UserId,
): Promise<{ readonly record: UserRecord; readonly explanation: Explanation }> {
  const record = await getUser(app, caller, userId);
  const { user, password } = record;
  const { policy } = await policyInForce(app, user.organizationId);
  const explanation = explain({ user, hasPassword: password !== undefined, policy, nowMs: app.now() });
  return { record, explanation };
}
