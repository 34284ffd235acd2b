import { DomainError } from '../domain/errors.ts';
import type { Permission } from '../domain/roles.ts';
import { isSessionOpen } from '../domain/session.ts';
import type { SessionRecord, Store } from '../store/store.ts';
import { may, mayEverywhere, permissionMissing, requireHeldAnywhere } from './authorize.ts';
import type { Caller } from './caller.ts';
import { secretMatches } from './token.ts';

export interface SessionRule {
  readonly sessionId: string;
  /** The session's own token, where the caller has it. */
  readonly token: string | undefined;
  readonly permission: Permission;
}

/** A session whose user is no more is as much as none: ended ones are not told of. */
export async function loadOpenSession(
  app: { readonly store: Pick<Store, 'loadSession'>; readonly now: () => number },
  sessionId: string,
): Promise<SessionRecord | undefined> {
  const record = await app.store.loadSession(sessionId);
  if (record === undefined) return undefined;
  return isSessionOpen(record.session, record.owner?.user, app.now()) ? record : undefined;
}

/**
 * Loads a session for who holds the permission over its user's organization, or its newest token. A token that is given
 * must be right, whatever else the caller holds: that is what it is shown for. Throws permissionMissing, sessionNotFound
 * (unknown, over and hidden alike), sessionTokenInvalid.
 */
export async function requireSession(
  app: { readonly store: Pick<Store, 'loadSession'>; readonly now: () => number },
  caller: Caller,
  rule: SessionRule,
): Promise<SessionRecord> {
  const { sessionId, token, permission } = rule;
  if (token === undefined) requireHeldAnywhere(caller, permission);
  const record = await loadOpenSession(app, sessionId);
  if (token !== undefined && record !== undefined && secretMatches(token, record.session.tokenHash)) {
    return record;
  }
  requireHeldAnywhere(caller, permission);
  if (record === undefined || !mayOnSession(caller, 'session.read', record)) {
    throw new DomainError('sessionNotFound');
  }
  if (token !== undefined) throw new DomainError('sessionTokenInvalid');
  if (!mayOnSession(caller, permission, record)) throw permissionMissing(permission);
  return record;
}

// A session without a user is of no organization.
function mayOnSession(caller: Caller, permission: Permission, { owner }: SessionRecord): boolean {
  if (owner === undefined) return mayEverywhere(caller, permission);
  return may(caller, permission, owner.user.organizationId);
}
