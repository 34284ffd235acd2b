import type { HandlerContext } from '@connectrpc/connect';
import { type AuthenticateApp, authenticate } from '../auth/authenticate.ts';
import type { Caller } from '../auth/caller.ts';
import { authorizationOf, type WithConsole } from './authorization.ts';
import { requestInfoKey } from './request-info.ts';

/** The token once more: a stream must not outlive the lock, the revocation or the lost role of whoever opened it. */
export async function callerAsOfNow(
  app: AuthenticateApp & WithConsole,
  context: HandlerContext,
): Promise<Caller> {
  const authorization = await authorizationOf(app, context.values.get(requestInfoKey));
  return authenticate(app, { authorization, organizationId: undefined, origin: () => ({}) });
}
