import { may } from '../../auth/authorize.ts';
import type { Caller } from '../../auth/caller.ts';
import { DomainError, type ErrorName } from '../../domain/errors.ts';
import { type OrganizationId, parseName, type UserId } from '../../domain/ids.ts';
import { roleHolds } from '../../domain/roles.ts';
import type { User } from '../../domain/user.ts';
import type { ExternalName } from '../../store/store.ts';
import { createUser } from '../create-user.ts';
import { findLogin, type SignInApp } from '../sign-in-facts.ts';

/** Who is to be let in, as the application names them. */
export type TriedUser =
  | { readonly userId: UserId }
  | { readonly loginName: string }
  | { readonly externalId: string };

export interface Tried {
  readonly subject: TriedUser;
  /** Where names are looked for; undefined: in the caller's own. */
  readonly organizationId: OrganizationId | undefined;
  /** Whoever has no user of that external id gets one. */
  readonly createMissing: boolean;
}

/** Whom the application means; undefined: nobody. Throws fieldInvalid, and with createMissing what createUser throws. */
export async function findTried(app: SignInApp, caller: Caller, tried: Tried): Promise<UserId | undefined> {
  const { subject, organizationId, createMissing } = tried;
  if (createMissing && !('externalId' in subject)) {
    throw new DomainError('fieldInvalid', { text: 'create_missing: must stand beside external_id' });
  }
  if ('userId' in subject) return subject.userId;
  if ('loginName' in subject) {
    const { loginName } = subject;
    return findLogin(app, caller, { loginName, field: 'login_name', organizationId });
  }
  const place = organizationId ?? caller.organizationId;
  if (place === undefined) {
    throw new DomainError('fieldInvalid', { text: 'organization_id: value is required for an external_id' });
  }
  const name = { externalId: parseName(subject.externalId, 'external_id'), organizationId: place };
  const found = await app.store.findExternal(name);
  return found === undefined && createMissing ? create(app, caller, name) : found;
}

// Two that come at once both find nobody; the store lets one through, and the other means the same.
async function create(app: SignInApp, caller: Caller, name: ExternalName): Promise<UserId> {
  const { externalId, organizationId } = name;
  try {
    const made = await createUser(app, caller, {
      organization: { organizationId },
      userId: undefined,
      userName: undefined,
      profile: { kind: 'external', externalId },
    });
    return made.userId;
  } catch (error) {
    const isTaken = error instanceof DomainError && error.error === 'userNameTaken';
    const found = isTaken ? await app.store.findExternal(name) : undefined;
    if (found === undefined) throw error;
    return found;
  }
}

/**
 * Why nobody may be tried, for who may read the user. Who may not is told nothing that tells users apart: who reads
 * elsewhere hears of a user that nobody has, who reads nowhere that it was refused.
 */
export function refusalOf(
  caller: Caller,
  user: User | undefined,
  { error, nowMs }: { readonly error: ErrorName; readonly nowMs: number },
): DomainError {
  if (!caller.grants.some(({ role }) => roleHolds(role, 'user.read')))
    return new DomainError('attemptRefused');
  if (user === undefined || !may(caller, 'user.read', user.organizationId))
    return new DomainError('userNotFound');
  const until = error === 'signInLocked' ? user.lockout.lock?.until : undefined;
  return new DomainError(error, until === undefined ? {} : { retryAfterMs: Math.max(until - nowMs, 1) });
}
