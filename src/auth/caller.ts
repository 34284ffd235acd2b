import type { EventMeta } from '../domain/events.ts';
import type { OrganizationId } from '../domain/ids.ts';
import type { TurnKeys } from '../domain/turns.ts';
import type { Grant } from '../domain/user.ts';

/** Who asks: the roles held right now, and what the record will say of them. */
export interface Caller {
  readonly grants: readonly Grant[];
  readonly meta: EventMeta;
  /** Where a new user goes that names no organization: the x-zitadel-orgid header's, else the caller's own. */
  readonly organizationId: OrganizationId | undefined;
  /** The caller's own organization, whatever the header says; undefined for other issuers' people and the operator. */
  readonly home?: OrganizationId | undefined;
  /** What a limit on calls counts them by: the token's id, never its secret. Absent where there is no token. */
  readonly credentialId?: string;
  /** When the token ends, in milliseconds since 1970; absent where there is no token. */
  readonly expiresAt?: number;
}

/**
 * The operating system's user who runs the command line straight on the database file: whoever can write the file
 * can do everything, and the record names them.
 */
export function systemCaller(osUser: string, reason?: string): Caller {
  return {
    grants: [{ role: 'IAM_OWNER' }],
    organizationId: undefined,
    meta: { actorOsUser: osUser, userAgent: 'latchkey-cli', ...(reason !== undefined && { reason }) },
  };
}

/** Who is answerable for the caller's connections: their organization, or they themselves. */
export function ownerOf({ home, meta }: Caller): string {
  return home ?? meta.actorSubject ?? '';
}

/** Whose turn the caller's costly work takes: their organization's, and among its people their own. */
export function turnOf(caller: Caller): TurnKeys {
  return [ownerOf(caller), caller.meta.actorUserId ?? ''];
}
