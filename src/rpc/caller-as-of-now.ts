import type { HandlerContext } from '@connectrpc/connect';
import { type AuthenticateApp, authenticate } from '../auth/authenticate.ts';
import { type Caller, ownerOf } from '../auth/caller.ts';
import { authorizationOf, type WithConsole } from './authorization.ts';
import { requestInfoKey } from './request-info.ts';

/** The token once more: a stream must not outlive the lock, the revocation or the lost role of whoever opened it. */
export async function callerAsOfNow(
  app: AuthenticateApp & WithConsole,
  context: HandlerContext,
): Promise<Caller> {
  const info = context.values.get(requestInfoKey);
  const authorization = await authorizationOf(app, info);
  const caller = await authenticate(app, { authorization, organizationId: undefined, origin: () => ({}) });
  // Whoever follows asks for nothing else for hours.
  info.prove(ownerOf(caller));
  return caller;
}
