import { Code, ConnectError } from '@connectrpc/connect';
import { dropCookie, setCookie } from '../../../rpc/console/cookie.ts';
import { isLoopback, isSameOrigin, originOf } from '../../../rpc/console/same-origin.ts';
import type { ConsoleSession, ConsoleSessions } from '../../../rpc/console/session.ts';
import type { Exchange, Reply } from '../../http/exchange.ts';
import { readJson } from '../body.ts';
import { documentReply } from '../page.ts';
import { protection } from '../protection.ts';

interface SignInPages {
  readonly sessions: ConsoleSessions;
  readonly version: string;
}

/** Signs in whoever pastes a token: it goes into a cookie that no script reads. */
export async function begin(pages: SignInPages, exchange: Exchange): Promise<Reply> {
  const origin = requireOwnPage(exchange);
  const { token } = await readJson(exchange);
  if (typeof token !== 'string' || token.trim() === '')
    throw new ConnectError('token: must not be empty', Code.InvalidArgument);
  return sessionReply(exchange, pages, { session: await pages.sessions.begin(exchange, token), origin });
}

/** The same session, seen now. */
export async function renew(pages: SignInPages, exchange: Exchange): Promise<Reply> {
  const origin = requireOwnPage(exchange);
  await readJson(exchange);
  return sessionReply(exchange, pages, { session: await pages.sessions.renew(exchange), origin });
}

/** Has the browser forget the session. */
export async function end(exchange: Exchange): Promise<Reply> {
  requireOwnPage(exchange);
  await readJson(exchange);
  const cookies = dropCookie('session').flatMap((cookie) => ['set-cookie', cookie]);
  return {
    status: 204,
    headers: [...cookies, 'cache-control', 'no-store'],
    body: undefined,
    trailers: undefined,
  };
}

/** Throws PermissionDenied where another site's page sent it, FailedPrecondition where the way here is open to all. */
export function requireOwnPage(exchange: Exchange): URL {
  const origin = originOf(exchange);
  if (!isSameOrigin(exchange) || origin === undefined)
    throw new ConnectError("only the console's own page may ask for this", Code.PermissionDenied);
  if (origin.protocol === 'https:' || isLoopback(origin.hostname)) return origin;
  const text =
    'this page came unencrypted, and a token must not: serve it with --tls-cert and --tls-key, or behind a proxy that does TLS';
  throw new ConnectError(text, Code.FailedPrecondition);
}

/** `set-cookie` for the session, for as long as it can last. */
export function sessionCookie(session: ConsoleSession, origin: URL, now: number): string {
  const maxAgeSeconds = Math.max(1, Math.floor((session.endsAt - now) / 1_000));
  return setCookie('session', session.sealed, { isSecure: origin.protocol === 'https:', maxAgeSeconds });
}

function sessionReply(
  exchange: Exchange,
  { sessions: { now }, version }: SignInPages,
  { session, origin }: { readonly session: ConsoleSession; readonly origin: URL },
): Reply {
  const { endsAt, idleEndsAt } = session;
  return documentReply({
    type: 'application/json',
    body: JSON.stringify({ endsAt, idleEndsAt, now: now(), version }),
    headers: ['set-cookie', sessionCookie(session, origin, now()), ...protection(exchange)],
  });
}
