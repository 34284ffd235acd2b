import type { Caller } from '../auth/caller.ts';
import { type Attempt, isKnownDevice } from '../domain/attempt.ts';
import { foldText } from '../domain/filter.ts';
import { type OrganizationId, parseText, type UserId } from '../domain/ids.ts';
import { effectivePolicy, type LockoutPolicy } from '../domain/lockout-policy.ts';
import type { User } from '../domain/user.ts';
import { noPassword, readDevice } from '../sign-in/device-token.ts';
import type { SignIns } from '../sign-in/sign-ins.ts';
import type { CommandApp } from './change-user.ts';

export interface SignInApp extends CommandApp {
  /** The instance's limit of wrong passwords where no policy was set; 0: never. */
  readonly passwordAttemptsMax: number;
  readonly signIns: SignIns;
  /** How long an attempt of an application's may last, in milliseconds. */
  readonly attemptMs: number;
}

/** The policy that holds for users of the organization; for those of none, the instance's. */
export async function policyFor(
  app: Pick<SignInApp, 'store' | 'passwordAttemptsMax'>,
  organizationId: OrganizationId | undefined,
): Promise<LockoutPolicy> {
  return effectivePolicy(await app.store.loadLockoutPolicies(organizationId), app.passwordAttemptsMax).policy;
}

/** The user as they stand now; undefined where there is none, or no more. */
export async function loadLivingUser(app: CommandApp, userId: UserId): Promise<User | undefined> {
  const user = await app.store.loadUser(userId);
  return user?.state === 'deleted' ? undefined : user;
}

/**
 * Whom a login name means, in the organization that is named or else in the caller's own; undefined: nobody. Throws
 * fieldInvalid, which names the field.
 */
export async function findLogin(
  { store }: Pick<CommandApp, 'store'>,
  caller: Caller,
  sought: {
    readonly loginName: string;
    readonly field: string;
    readonly organizationId: OrganizationId | undefined;
  },
): Promise<UserId | undefined> {
  const { organizationId } = sought;
  const name = foldText(parseText(sought.loginName, sought.field).trim());
  const where = organizationId === undefined ? { own: caller.organizationId } : { named: organizationId };
  const [userId, ...others] = await store.findLogins(name, where);
  // A bare name that several have means none of them.
  return others.length === 0 ? userId : undefined;
}

/** One attempt as the policy sees it. */
export interface SignInFacts extends Attempt {
  readonly user: User;
  readonly policy: LockoutPolicy;
}

/** Who asks, under which policy, from which known device. A device token that is not good is none. */
export async function factsOf(
  app: SignInApp,
  user: User,
  deviceToken: string | undefined,
): Promise<SignInFacts> {
  const nowMs = app.now();
  const policy = await policyFor(app, user.organizationId);
  const stranger = { user, policy, nowMs, deviceId: undefined };
  if (!deviceToken || !policy.knownDevices) return stranger;
  const { userId, createdAt } = user;
  const passwordHash = (await app.store.loadPasswordHash(userId)) ?? noPassword;
  const owner = { userId, createdAt, passwordHash, nowMs };
  const deviceId = readDevice(await app.store.loadSigningKey(), deviceToken, owner);
  return isKnownDevice(user, policy, { nowMs, deviceId }) ? { ...stranger, deviceId } : stranger;
}

/** Whether the state lets them sign in: a lock by the policy, which is about strangers, does not stop a known device. */
export function maySignIn({ user, deviceId }: Pick<SignInFacts, 'user' | 'deviceId'>): boolean {
  if (user.state === 'active' || user.state === 'initial') return true;
  return user.state === 'locked' && deviceId !== undefined && user.lockout.lock?.cause === 'policy';
}
