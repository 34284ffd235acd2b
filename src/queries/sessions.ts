import { readScope } from '../auth/authorize.ts';
import { type Caller, turnOf } from '../auth/caller.ts';
import { requireSession } from '../auth/session-access.ts';
import type { Listed, SessionFilter, SessionRecord } from '../store/store.ts';
import { type PageRequest, parsePage, seenFrom } from './page.ts';
import type { QueryApp } from './users.ts';

export type { SessionFilter, SessionRecord } from '../store/store.ts';

/** The session, for who may read its user's organization, or has its token. Throws as requireSession does. */
export function getSession(
  app: QueryApp,
  caller: Caller,
  { sessionId, token }: { readonly sessionId: string; readonly token: string | undefined },
): Promise<SessionRecord> {
  return requireSession(app, caller, { sessionId, token, permission: 'session.read' });
}

export interface SessionsRequest {
  readonly filters: readonly SessionFilter[];
  readonly page: PageRequest;
  /** Aborted when the caller is gone: the list is then dropped. */
  readonly signal?: AbortSignal | undefined;
}

/** The open sessions of users whom the caller may read. Throws limitTooLarge, permissionMissing. */
export async function listSessions(
  app: QueryApp,
  caller: Caller,
  request: SessionsRequest,
): Promise<Listed<SessionRecord>> {
  const page = parsePage(request.page);
  const scope = readScope(caller, 'session.read');
  const { filters } = request;
  const asker = { by: turnOf(caller), signal: request.signal };
  return seenFrom(scope, await app.store.listSessions({ scope, filters, page, nowMs: app.now(), asker }));
}
