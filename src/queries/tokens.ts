import { readScope } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import type { Listed, TokenFilter, TokenRecord, TokenSortField } from '../store/store.ts';
import { type PageRequest, parsePage } from './page.ts';
import type { QueryApp } from './users.ts';

export type { TokenFilter, TokenRecord, TokenSortField } from '../store/store.ts';

export interface TokensRequest {
  readonly filters: readonly TokenFilter[];
  readonly sort: TokenSortField;
  readonly page: PageRequest;
}

/** The tokens of the users whom the caller may read; expired ones too, ended ones not. Throws limitTooLarge, permissionMissing. */
export async function listTokens(
  app: Pick<QueryApp, 'store'>,
  caller: Caller,
  request: TokensRequest,
): Promise<Listed<TokenRecord>> {
  const page = parsePage(request.page);
  const scope = readScope(caller, 'user.read');
  return app.store.listTokens({ scope, filters: request.filters, sort: request.sort, page });
}
