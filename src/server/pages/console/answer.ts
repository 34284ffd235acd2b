import { Code } from '@connectrpc/connect';
import { asConnectError } from '../../../rpc/connect-error.ts';
import type { ConsoleSessions } from '../../../rpc/console/session.ts';
import { httpStatusOf, statusBody } from '../../dialects/rest-error.ts';
import { type Exchange, headerOf, type Log, type Reply } from '../../http/exchange.ts';
import { documentReply, isRead } from '../page.ts';
import { protection } from '../protection.ts';
import { type ConsoleFiles, loadFiles } from './files.ts';
import { begin, end, renew } from './sign-in.ts';
import { beginSignOn, finishSignOn, type SignOnPages } from './sign-on.ts';

/** What the console's pages stand on. */
export interface ConsolePages {
  readonly sessions: ConsoleSessions;
  /** undefined: a token is pasted, or nobody signs in. */
  readonly signOn: SignOnPages | undefined;
  /** Told to those who are signed in. */
  readonly version: string;
  /** Whether an unlock needs a reason. */
  readonly reason: 'required' | 'optional';
  readonly log: Log;
}

type Answer = (exchange: Exchange) => Reply | Promise<Reply>;

/** Everything under /console/, by path and verb. */
export async function createConsole(pages: ConsolePages): Promise<Answer> {
  const files = await loadFiles();
  return async (exchange) => {
    try {
      return await answerOf(pages, files, exchange);
    } catch (thrown) {
      return refusal(pages, exchange, thrown);
    }
  };
}

function answerOf(pages: ConsolePages, files: ConsoleFiles, exchange: Exchange): Reply | Promise<Reply> {
  const { sessions, signOn } = pages;
  const { verb } = exchange;
  const [path = ''] = exchange.target.split('?');
  const rest = path.slice('/console/'.length);
  if (rest === 'session') {
    if (isRead(verb)) return facts(pages, exchange);
    if (verb === 'POST') return begin(pages, exchange);
    return verb === 'DELETE' ? end(exchange) : wrongVerb(exchange, 'GET, HEAD, POST, DELETE');
  }
  if (rest === 'session/renew') return verb === 'POST' ? renew(pages, exchange) : wrongVerb(exchange, 'POST');
  if (rest === 'sign-on' && signOn !== undefined)
    return verb === 'POST' ? beginSignOn(sessions, signOn, exchange) : wrongVerb(exchange, 'POST');
  if (!isRead(verb)) return wrongVerb(exchange, 'GET, HEAD');
  if (rest === 'sign-on/callback' && signOn !== undefined) return finishSignOn(sessions, signOn, exchange);
  if (!rest.startsWith('assets/')) return files.shell(exchange);
  return files.asset(rest.slice('assets/'.length), exchange) ?? missing(exchange);
}

/** What the page has to know before anybody has signed in. */
function facts({ signOn, reason, sessions }: ConsolePages, exchange: Exchange): Reply {
  const body = JSON.stringify({ signOn: signOn !== undefined, reason, now: sessions.now() });
  return documentReply({ type: 'application/json', body, headers: protection(exchange) });
}

function missing(exchange: Exchange): Reply {
  const type = 'text/plain; charset=utf-8';
  return documentReply({ status: 404, type, body: 'not found\n', headers: protection(exchange) });
}

function wrongVerb(exchange: Exchange, allow: string): Reply {
  const headers = ['allow', allow, ...protection(exchange)];
  const type = 'text/plain; charset=utf-8';
  return documentReply({ status: 405, type, body: 'method not allowed\n', headers });
}

/** As `google.rpc.Status` for the page's script, as a page for a browser that was sent here. */
function refusal({ log }: ConsolePages, exchange: Exchange, thrown: unknown): Reply {
  const { requestId } = exchange;
  const error = asConnectError(thrown, (cause) => log('console.failed', { requestId, cause }));
  const status = httpStatusOf(error.code);
  const isNavigation = headerOf(exchange.headers, 'sec-fetch-mode') === 'navigate';
  if (isNavigation) {
    return documentReply({
      status,
      type: 'text/html; charset=utf-8',
      body: refusedPage(error.rawMessage),
      headers: protection(exchange),
    });
  }
  const retryAfter = error.code === Code.ResourceExhausted ? error.metadata.get('retry-after') : null;
  const headers = retryAfter === null ? [] : ['retry-after', retryAfter];
  const { body } = statusBody(error);
  return documentReply({
    status,
    type: 'application/json',
    body,
    headers: [...headers, ...protection(exchange)],
  });
}

function refusedPage(message: string): string {
  const text = message.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Not signed in</title><main><h1>Not signed in</h1><p>${text}</p><p><a href="/console/">Try again</a></p></main></html>\n`;
}
