import type { ConsoleSessions } from './console/session.ts';
import type { RequestInfo } from './request-info.ts';

/** Whether a browser that is signed in to the console counts as a caller; undefined: there is no console. */
export interface WithConsole {
  readonly consoleSessions?: ConsoleSessions | undefined;
}

/** What the caller shows: the Authorization header, and only where there is none, the console's cookie. */
export function authorizationOf(
  { consoleSessions }: WithConsole,
  info: RequestInfo,
): string | undefined | Promise<string | undefined> {
  const authorization = info.header('authorization');
  if (authorization !== undefined || consoleSessions === undefined) return authorization;
  return info.header('cookie') === undefined ? undefined : consoleSessions.authorizationOf(info);
}
