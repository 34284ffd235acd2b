import type { HandlerContext } from '@connectrpc/connect';
import { type AuthenticateApp, authenticate } from '../auth/authenticate.ts';
import type { Caller } from '../auth/caller.ts';
import { requestInfoKey } from './request-info.ts';

/** The token once more: a stream must not outlive the lock, the revocation or the lost role of whoever opened it. */
export function callerAsOfNow(app: AuthenticateApp, context: HandlerContext): Promise<Caller> {
  const authorization = context.values.get(requestInfoKey).header('authorization');
  return authenticate(app, { authorization, organizationId: undefined, origin: () => ({}) });
}
