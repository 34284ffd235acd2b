import { readDevice } from '../auth/device-token.ts';
import type { SignIns } from '../auth/sign-ins.ts';
import { effectivePolicy } from '../domain/effective-policy.ts';
import type { OrganizationId, UserId } from '../domain/ids.ts';
import { isLockOver } from '../domain/lock.ts';
import { type Attempt, isKnownDevice, type LockoutPolicy } from '../domain/lockout-policy.ts';
import type { User } from '../domain/user.ts';
import type { CommandApp } from './change-user.ts';
import { endLock } from './lock-end.ts';

export interface SignInApp extends CommandApp {
  /** The instance's limit of wrong passwords where no policy was set; 0: never. */
  readonly passwordAttemptsMax: number;
  readonly signIns: SignIns;
}

/** The policy that holds for users of the organization; for those of none, the instance's. */
export async function policyFor(
  app: Pick<SignInApp, 'store' | 'passwordAttemptsMax'>,
  organizationId: OrganizationId | undefined,
): Promise<LockoutPolicy> {
  return effectivePolicy(await app.store.loadLockoutPolicies(organizationId), app.passwordAttemptsMax).policy;
}

const attemptsMax = 3;

/** The user as they stand now, a lock whose time has come ended; undefined where there is none, or no more. */
export async function loadSettled(app: CommandApp, userId: UserId): Promise<User | undefined> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const user = await app.store.loadUser(userId);
    if (user === undefined || user.state === 'deleted') return undefined;
    const settled = isLockOver(user, app.now()) ? await endLock(app, user) : user;
    if (settled !== undefined) return settled;
  }
  // Whoever else keeps moving it has ended the lock as well, and the compare-and-set decides.
  return app.store.loadUser(userId);
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
  const deviceId = readDevice(await app.store.loadSigningKey(), deviceToken, { userId, createdAt, nowMs });
  return isKnownDevice(user, policy, { nowMs, deviceId }) ? { ...stranger, deviceId } : stranger;
}

/** Whether the state lets them sign in: a lock by the policy, which is about strangers, does not stop a known device. */
export function maySignIn({ user, deviceId }: Pick<SignInFacts, 'user' | 'deviceId'>): boolean {
  if (user.state === 'active' || user.state === 'initial') return true;
  return user.state === 'locked' && deviceId !== undefined && user.lockout.lock?.cause === 'policy';
}
