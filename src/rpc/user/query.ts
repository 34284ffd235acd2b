import type { ServiceImpl } from '@connectrpc/connect';
import { AuthenticationMethodType } from '../../../gen/es/zitadel/user/v2/authentication_method_pb.js';
import { UserFieldName } from '../../../gen/es/zitadel/user/v2/query_pb.js';
import type { UserService } from '../../../gen/es/zitadel/user/v2/user_service_pb.js';
import { parseUserId } from '../../domain/ids.ts';
import { parseLimit } from '../../queries/page.ts';
import { listTokens } from '../../queries/tokens.ts';
import { getUser, listUsers, type QueryApp } from '../../queries/users.ts';
import { detailsOf } from '../convert/details.ts';
import { listDetailsOf, pageOf } from '../convert/list.ts';
import { parseTokenFilters, parseTokenSort, tokenOf } from '../convert/token.ts';
import { userOf } from '../convert/user.ts';
import { parseUserFilters, parseUserSort } from '../convert/user-filter.ts';
import { callerKey } from '../limits/caller-key.ts';

type UserQueryHandlers = Pick<
  ServiceImpl<typeof UserService>,
  'getUserByID' | 'listUsers' | 'listPersonalAccessTokens' | 'listAuthenticationMethodTypes'
>;

/** The calls that read users and tokens. */
export function userQueryHandlers(app: QueryApp): UserQueryHandlers {
  return {
    async getUserByID(req, context) {
      const record = await getUser(app, context.values.get(callerKey), parseUserId(req.userId));
      return { details: detailsOf(record.user), user: userOf(record) };
    },
    async listUsers(req, context) {
      const found = await listUsers(app, context.values.get(callerKey), {
        filters: parseUserFilters(req.queries),
        sort: parseUserSort(req.sortingColumn),
        page: pageOf(req.query),
        signal: context.signal,
      });
      return {
        details: listDetailsOf(found, app.now()),
        sortingColumn: req.sortingColumn || UserFieldName.CREATION_DATE,
        result: found.rows.map(userOf),
      };
    },
    async listAuthenticationMethodTypes(req, context) {
      const { user, password } = await getUser(app, context.values.get(callerKey), parseUserId(req.userId));
      const authMethodTypes = password === undefined ? [] : [AuthenticationMethodType.PASSWORD];
      const listed = { total: authMethodTypes.length, position: user.sequence };
      return { details: listDetailsOf(listed, app.now()), authMethodTypes };
    },
    async listPersonalAccessTokens(req, context) {
      const page = pageOf(req.pagination);
      const found = await listTokens(app, context.values.get(callerKey), {
        filters: parseTokenFilters(req.filters),
        sort: parseTokenSort(req.sortingColumn),
        page,
      });
      return {
        pagination: { totalResult: BigInt(found.total), appliedLimit: BigInt(parseLimit(page.limit)) },
        result: found.rows.map(tokenOf),
      };
    },
  };
}
