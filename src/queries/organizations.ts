import { readScope } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import type { Organization } from '../domain/user.ts';
import type { Listed } from '../store/store.ts';
import { type PageRequest, parsePage, seenFrom } from './page.ts';
import type { QueryApp } from './users.ts';

/** The organizations whose users the caller may read, by id. Throws limitTooLarge, permissionMissing. */
export async function listOrganizations(
  app: Pick<QueryApp, 'store'>,
  caller: Caller,
  request: PageRequest,
): Promise<Listed<Organization>> {
  const page = parsePage(request);
  const scope = readScope(caller, 'user.read');
  return seenFrom(scope, await app.store.listOrganizations(scope, page));
}
