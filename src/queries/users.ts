import { readScope } from '../auth/authorize.ts';
import { type Caller, turnOf } from '../auth/caller.ts';
import { loadRecords } from '../auth/load-user.ts';
import { DomainError } from '../domain/errors.ts';
import type { UserFilter, UserSortField } from '../domain/filter.ts';
import type { UserId } from '../domain/ids.ts';
import { loginNameOf, type User } from '../domain/user.ts';
import type { Listed, Store, UserRecord } from '../store/store.ts';
import { type PageRequest, parsePage, seenFrom } from './page.ts';

/** What every query asks of the app. */
export interface QueryApp {
  readonly store: Store;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export type { UserRecord } from '../store/store.ts';

/** How deep or, and and not may nest; a filter of the list's own is at depth 1. */
const filterDepthMax = 20;

export interface UsersRequest {
  readonly filters: readonly UserFilter[];
  readonly sort: UserSortField;
  readonly page: PageRequest;
  /** Aborted when the caller is gone: a list that takes long is then dropped. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The user. Throws permissionMissing where the caller reads nowhere, userNotFound for an unknown, a deleted and a
 * hidden one alike: all three are the same search, so that its length tells them apart no more than its answer.
 */
export async function getUser(
  app: Pick<QueryApp, 'store'>,
  caller: Caller,
  userId: UserId,
): Promise<UserRecord> {
  const [record] = await loadRecords(app, readScope(caller, 'user.read'), [userId]);
  if (record === undefined) throw new DomainError('userNotFound');
  return record;
}

/** The login name of a user whom the caller may see: that was asked before. Empty where they are gone meanwhile. */
export async function loadLoginName(
  app: { readonly store: Pick<Store, 'listUsers'> },
  { userId, organizationId }: User,
): Promise<string> {
  const [record] = await loadRecords(app, [organizationId], [userId]);
  return record === undefined ? '' : loginNameOf(record);
}

/** The users in the organizations where the caller may read. Throws limitTooLarge, queryTooDeep, permissionMissing. */
export async function listUsers(
  app: Pick<QueryApp, 'store'>,
  caller: Caller,
  request: UsersRequest,
): Promise<Listed<UserRecord>> {
  const page = parsePage(request.page);
  requireShallow(request.filters);
  const scope = readScope(caller, 'user.read');
  const { filters, sort, signal } = request;
  const asker = { by: turnOf(caller), signal };
  return seenFrom(scope, await app.store.listUsers({ scope, filters, sort, page, asker }));
}

function requireShallow(filters: readonly UserFilter[], depth = 1): void {
  if (filters.length > 0 && depth > filterDepthMax) throw new DomainError('queryTooDeep');
  for (const filter of filters) {
    if (filter.kind === 'not') requireShallow([filter.filter], depth + 1);
    else if ('filters' in filter) requireShallow(filter.filters, depth + 1);
  }
}
