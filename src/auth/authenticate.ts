import { DomainError } from '../domain/errors.ts';
import type { EventMeta } from '../domain/events.ts';
import type { OrganizationId } from '../domain/ids.ts';
import type { User } from '../domain/user.ts';
import type { Store } from '../store/store.ts';
import type { Caller } from './caller.ts';
import { parseToken, secretMatches } from './token.ts';

export interface AuthenticateApp {
  readonly store: Pick<Store, 'loadToken' | 'loadOrganization'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface Credentials {
  /** The Authorization header's value. */
  readonly authorization: string | undefined;
  /** The x-zitadel-orgid header's value; it must name an organization, and counts for nothing else. */
  readonly organizationId: string | undefined;
  /** For the record: from where, why. Asked for once the caller is known, since it may refuse the request. */
  readonly origin: () => Omit<EventMeta, 'actorUserId' | 'actorOsUser'>;
}

const nobodysHash = new Uint8Array(32);

const scheme = /^Bearer +([^ ]+) *$/i;

/**
 * Credentials → caller, read from the store on every call: a revocation, a lock or a change of
 * roles holds from the next call on. Throws authHeaderMissing, authHeaderInvalid (RFC 6750, section 2.1), tokenInvalid,
 * organizationHeaderUnknown.
 */
export async function authenticate(app: AuthenticateApp, request: Credentials): Promise<Caller> {
  const { authorization, organizationId } = request;
  if (authorization === undefined || authorization === '') throw new DomainError('authHeaderMissing');
  const bearer = scheme.exec(authorization)?.[1];
  if (bearer === undefined) throw new DomainError('authHeaderInvalid');
  const { owner, tokenId } = await tokenOwner(app, bearer);
  if (organizationId !== undefined) await requireOrganization(app, organizationId);
  return {
    grants: owner.grants,
    organizationId: (organizationId as OrganizationId | undefined) ?? owner.organizationId,
    meta: { ...request.origin(), actorUserId: owner.userId },
    credentialId: tokenId,
  };
}

async function requireOrganization(app: AuthenticateApp, organizationId: string): Promise<void> {
  const found = await app.store.loadOrganization({ organizationId: organizationId as OrganizationId });
  if (found === undefined) throw new DomainError('organizationHeaderUnknown');
}

interface TokenOwner {
  readonly owner: User;
  readonly tokenId: string;
}

async function tokenOwner(app: AuthenticateApp, bearer: string): Promise<TokenOwner> {
  const presented = parseToken(bearer);
  if (presented === undefined) throw new DomainError('tokenInvalid');
  const found = await app.store.loadToken(presented.tokenId);
  // Compared even where there is no such token: the time taken tells no token's id.
  const isMatch = secretMatches(presented.secret, found?.secretHash ?? nobodysHash);
  if (found === undefined || !isMatch) throw new DomainError('tokenInvalid');
  const { token, owner } = found;
  const isVoid = token.sequence <= owner.tokensEndedSequence;
  if (isVoid || token.expiresAt <= app.now() || owner.state !== 'active')
    throw new DomainError('tokenInvalid');
  return { owner, tokenId: token.tokenId };
}
