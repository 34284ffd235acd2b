import { Code, ConnectError } from '@connectrpc/connect';
import { dropCookie, readCookie, setCookie } from '../../../rpc/console/cookie.ts';
import type { ConsoleSession, ConsoleSessions } from '../../../rpc/console/session.ts';
import type { Exchange, Reply } from '../../http/exchange.ts';
import { readJson } from '../body.ts';
import { documentReply } from '../page.ts';
import { protection } from '../protection.ts';
import { requireOwnPage, sessionCookie } from './sign-in.ts';

/** The company's sign-on, as the pages know it: see auth/issuer/sign-on.ts. */
export interface SignOnPages {
  begin(redirectUri: string): Promise<{ readonly url: string; readonly pending: Pending }>;
  finish(pending: Pending, returnedTo: URL): Promise<readonly string[]>;
}

interface Pending {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly redirectUri: string;
}

const pendingSeconds = 600;

/** Answers where the browser is to go; what has to be remembered meanwhile goes with it, sealed. */
export async function beginSignOn(
  sessions: ConsoleSessions,
  signOn: SignOnPages,
  exchange: Exchange,
): Promise<Reply> {
  const origin = requireOwnPage(exchange);
  await readJson(exchange);
  const redirectUri = `${origin.origin}/console/sign-on/callback`;
  const { url, pending } = await sessions.guarded(exchange, () => signOn.begin(redirectUri));
  const kept = { ...pending, until: sessions.now() + pendingSeconds * 1_000 };
  const sealed = (await sessions.seal()).close('console-signing-in', JSON.stringify(kept));
  const isSecure = origin.protocol === 'https:';
  const cookie = setCookie('signing-in', sealed, { isSecure, maxAgeSeconds: pendingSeconds });
  return documentReply({
    type: 'application/json',
    body: JSON.stringify({ url }),
    headers: ['set-cookie', cookie, ...protection(exchange)],
  });
}

/**
 * Where the issuer sends the browser back to. It answers a page that moves on: the session's cookie would not be sent with
 * a navigation that began at another site.
 */
export async function finishSignOn(
  sessions: ConsoleSessions,
  signOn: SignOnPages,
  exchange: Exchange,
): Promise<Reply> {
  const pending = await openPending(sessions, exchange);
  const { redirectUri } = pending;
  const returnedTo = new URL(exchange.target, redirectUri);
  const tokens = await sessions.guarded(exchange, () => signOn.finish(pending, returnedTo));
  const session = await firstSession(sessions, exchange, tokens);
  const cookies = [sessionCookie(session, new URL(redirectUri), sessions.now()), ...dropCookie('signing-in')];
  return documentReply({
    type: 'text/html; charset=utf-8',
    body: '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=/console/"><title>Signed in</title><p>Signed in. <a href="/console/">Go on</a></p></html>\n',
    headers: [...cookies.flatMap((cookie) => ['set-cookie', cookie]), ...protection(exchange)],
  });
}

async function openPending(sessions: ConsoleSessions, exchange: Exchange): Promise<Pending> {
  const sealed = readCookie('signing-in', exchange);
  const text = sealed && (await sessions.seal()).open('console-signing-in', sealed);
  const pending = text ? (JSON.parse(text) as Pending & { readonly until: number }) : undefined;
  const leftMs = pending === undefined ? 0 : pending.until - sessions.now();
  // With much more left than there was at first, it is of a clock that ran ahead.
  if (pending !== undefined && leftMs > 0 && leftMs <= 2 * pendingSeconds * 1_000) return pending;
  throw new ConnectError('nobody is signing in here, or it took too long', Code.FailedPrecondition);
}

/** What the issuer gives for its own and what it gives for us may be two tokens: the one that is for us counts. */
async function firstSession(
  sessions: ConsoleSessions,
  exchange: Exchange,
  tokens: readonly string[],
): Promise<ConsoleSession> {
  let refusal: unknown = new ConnectError('the issuer gave no token that is a JWT', Code.Unauthenticated);
  for (const token of tokens) {
    try {
      return await sessions.begin(exchange, token);
    } catch (error) {
      refusal = error;
    }
  }
  throw refusal;
}
