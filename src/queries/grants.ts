import { readScope } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import type { OrganizationId, UserId } from '../domain/ids.ts';
import type { GrantRecord, Listed } from '../store/store.ts';
import { type PageRequest, parsePage, seenFrom } from './page.ts';
import type { QueryApp } from './users.ts';

export interface GrantsRequest {
  readonly userId: UserId | undefined;
  readonly organizationId: OrganizationId | undefined;
  readonly page: PageRequest;
}

/**
 * Who holds which role, by user id: as far as the caller may read the holder and, for a role on an organization, that
 * organization too. Throws limitTooLarge, permissionMissing.
 */
export async function listGrants(
  app: Pick<QueryApp, 'store'>,
  caller: Caller,
  request: GrantsRequest,
): Promise<Listed<GrantRecord>> {
  const { userId, organizationId } = request;
  const page = parsePage(request.page);
  const scope = readScope(caller, 'user.read');
  const listed = await app.store.listGrants({
    scope,
    page,
    ...(userId !== undefined && { userId }),
    ...(organizationId !== undefined && { organizationId }),
  });
  return seenFrom(scope, listed);
}
