import { DomainError } from '../domain/errors.ts';
import { newDeviceId, signDevice } from '../sign-in/device-token.ts';
import { hashPassword, isOwnHash } from '../sign-in/password.ts';
import type { Decision } from './change-user.ts';
import type { Credential } from './credential.ts';
import type { SignInApp, SignInFacts } from './sign-in-facts.ts';

/** With what the password is held against. */
export interface CheckFacts extends SignInFacts, Credential {}

/**
 * What was imported, weaker or dearer than ours, is kept as our own from the first right password on: there is no other
 * moment at which the password is known. undefined: it stays as it is; where the threads are full, until the next time.
 */
export async function renewedHash(
  password: string,
  { hash, user }: CheckFacts,
  { secrets }: Decision,
): Promise<string | undefined> {
  if (secrets !== undefined || isOwnHash(hash)) return undefined;
  try {
    return await hashPassword(password, user.organizationId);
  } catch (error) {
    if (error instanceof DomainError && error.error === 'overloaded') return undefined;
    throw error;
  }
}

/**
 * For a device that is new, where the policy knows devices; and for one that is known, where the hash is gone that its
 * token was made with.
 */
export async function deviceTokenFor(
  app: SignInApp,
  { user, policy, deviceId, nowMs, hash }: SignInFacts & Pick<Credential, 'hash'>,
  renewed: string | undefined,
): Promise<string | undefined> {
  if (!policy.knownDevices || (deviceId !== undefined && renewed === undefined)) return undefined;
  const device = { deviceId: deviceId ?? newDeviceId(), issuedAt: nowMs };
  return signDevice(await app.store.loadSigningKey(), { ...user, passwordHash: renewed ?? hash }, device);
}
