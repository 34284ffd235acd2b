import { DomainError } from '../domain/errors.ts';
import type { EventMeta, EventOrigin } from '../domain/events.ts';
import type { OrganizationId } from '../domain/ids.ts';
import type { Grant } from '../domain/user.ts';
import type { Store } from '../store/store.ts';
import type { Caller } from './caller.ts';
import type { Issuer } from './issuer/issuer.ts';
import { isJwt, parseToken, secretMatches } from './token.ts';

export interface AuthenticateApp {
  readonly store: Pick<Store, 'loadToken' | 'loadOrganization'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Whose tokens are taken beside our own. */
  readonly issuer?: Issuer | undefined;
}

export interface Credentials {
  /** The Authorization header's value. */
  readonly authorization: string | undefined;
  /** The x-zitadel-orgid header's value; it must name an organization, and counts for nothing else. */
  readonly organizationId: string | undefined;
  /** For the record: from where, why. Asked for once the caller is known, since it may refuse the request. */
  readonly origin: () => EventOrigin;
}

const scheme = /^Bearer +([^ ]+) *$/i;

/**
 * Credentials → caller, read from the store on every call: a revocation, a lock or a change of
 * roles holds from the next call on. A token of another issuer holds until it expires. Throws authHeaderMissing,
 * authHeaderInvalid (RFC 6750, section 2.1), tokenInvalid, issuerUnavailable, organizationHeaderUnknown.
 */
export async function authenticate(app: AuthenticateApp, request: Credentials): Promise<Caller> {
  const { authorization, organizationId } = request;
  if (authorization === undefined || authorization === '') throw new DomainError('authHeaderMissing');
  const bearer = scheme.exec(authorization)?.[1];
  if (bearer === undefined) throw new DomainError('authHeaderInvalid');
  const holder = await holderOf(app, bearer);
  if (organizationId !== undefined) await requireOrganization(app, organizationId);
  return {
    grants: holder.grants,
    organizationId: (organizationId as OrganizationId | undefined) ?? holder.organizationId,
    home: holder.organizationId,
    meta: { ...request.origin(), ...holder.actor },
    credentialId: holder.credentialId,
    expiresAt: holder.expiresAt,
  };
}

async function requireOrganization(app: AuthenticateApp, organizationId: string): Promise<void> {
  const found = await app.store.loadOrganization({ organizationId: organizationId as OrganizationId });
  if (found === undefined) throw new DomainError('organizationHeaderUnknown');
}

interface Holder {
  readonly grants: readonly Grant[];
  readonly organizationId: OrganizationId | undefined;
  readonly actor: Pick<EventMeta, 'actorUserId' | 'actorSubject'>;
  readonly credentialId: string;
  readonly expiresAt: number;
}

async function holderOf(app: AuthenticateApp, bearer: string): Promise<Holder> {
  if (app.issuer === undefined || !isJwt(bearer)) return tokenOwner(app, bearer);
  const { subject, grants, expiresAt } = await app.issuer.verify(bearer);
  return {
    grants,
    organizationId: undefined,
    actor: { actorSubject: subject },
    credentialId: subject,
    expiresAt,
  };
}

async function tokenOwner(app: AuthenticateApp, bearer: string): Promise<Holder> {
  const presented = parseToken(bearer);
  if (presented === undefined) throw new DomainError('tokenInvalid');
  const found = await app.store.loadToken(presented.tokenId);
  // Compared even where there is no such token (with a hash of nobody's): the time taken tells no token's id.
  const isMatch = secretMatches(presented.secret, found?.secretHash ?? new Uint8Array(32));
  if (found === undefined || !isMatch) throw new DomainError('tokenInvalid');
  const { token, owner } = found;
  const isVoid = token.sequence <= owner.tokensEndedSequence;
  if (isVoid || token.expiresAt <= app.now() || owner.state !== 'active')
    throw new DomainError('tokenInvalid');
  const { grants, organizationId, userId } = owner;
  const { tokenId, expiresAt } = token;
  return { grants, organizationId, actor: { actorUserId: userId }, credentialId: tokenId, expiresAt };
}
