import { type Exchange, headerOf, type Reply } from '../http/exchange.ts';
import type { ConsolePages } from './console/answer.ts';
import { documentReply, isRead, type Page, type Pages, redirect } from './page.ts';
import { protection } from './protection.ts';

/** A question for the reference. */
export interface ReferenceQuestion {
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** Scheme, host and port by which the asker reaches this server, such as `https://latchkey.example`. */
  readonly origin: string;
}

export interface ReferenceAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
}

/** The OpenAPI document and the pages of the calls. */
export interface Reference {
  answer(question: ReferenceQuestion): Promise<ReferenceAnswer>;
}

export interface PagesOptions {
  /** Asked for by the first who looks at it. */
  readonly loadReference: () => Promise<Reference>;
  /** undefined: there is no console. */
  readonly console: ConsolePages | undefined;
}

/** A server that nobody looks at with a browser never reads what a browser is shown. */
const loadConsole = () => import('./console/answer.ts');

/** What a browser finds beside the calls. */
export function createPages({ loadReference, console }: PagesOptions): Pages {
  const docs = referencePage('/docs/', once(loadReference));
  const desk = console && consolePage(console);
  const fixed = new Map<string, Page>([
    ['/', fixedPage('/', (exchange) => front(exchange, console !== undefined))],
    ['/robots.txt', fixedPage('/robots.txt', () => text('User-agent: *\nDisallow: /\n'))],
    ['/favicon.ico', fixedPage('/favicon.ico', () => favicon(console !== undefined))],
    ['/openapi.json', { ...docs, template: '/openapi.json' }],
    ['/docs', fixedPage('/docs/', () => redirect(308, '/docs/'))],
  ]);
  if (desk !== undefined)
    fixed.set(
      '/console',
      fixedPage('/console/', () => redirect(308, '/console/')),
    );
  return {
    find(path, verb) {
      if (path.startsWith('/console/')) return desk;
      if (!isRead(verb)) return undefined;
      return path.startsWith('/docs/') ? docs : fixed.get(path);
    },
  };
}

function fixedPage(template: string, answer: (exchange: Exchange) => Reply): Page {
  return { template, answer: async (exchange) => answer(exchange) };
}

function referencePage(template: string, load: () => Promise<Reference>): Page {
  return {
    template,
    async answer(exchange) {
      const { status, type, body } = await (await load()).answer(questionOf(exchange));
      return documentReply({ status, type, body, headers: protection(exchange) });
    },
  };
}

const consoleActs: ReadonlyMap<string, boolean> = new Map([
  ['/console/session', true],
  ['/console/session/renew', false],
  ['/console/sign-on', false],
]);

function consolePage(console: ConsolePages): Page {
  const load = once(async () => (await loadConsole()).createConsole(console));
  return { template: '/console/', answer: async (exchange) => (await load())(exchange), acts: consoleActs };
}

/** A browser is led to the console, whoever asks with anything else is told in a line. */
function front(exchange: Exchange, hasConsole: boolean): Reply {
  const isBrowser = /\btext\/html\b/i.test(headerOf(exchange.headers, 'accept') ?? '');
  if (isBrowser) return redirect(302, hasConsole ? '/console/' : '/docs/');
  const origin = `${schemeOf(exchange)}://${exchange.authority}`;
  const where = hasConsole ? `, the console at ${origin}/console/` : '';
  return text(`Latchkey: every call is told of at ${origin}/docs/ and in ${origin}/openapi.json${where}\n`);
}

function favicon(hasConsole: boolean): Reply {
  return hasConsole ? redirect(302, '/console/assets/icon.svg') : text('not found\n', 404);
}

function text(body: string, status = 200): Reply {
  return documentReply({ status, type: 'text/plain; charset=utf-8', body });
}

/** Files that cannot be read now may be there when somebody asks again. */
function once<Value>(load: () => Promise<Value>): () => Promise<Value> {
  let loaded: Promise<Value> | undefined;
  return () => {
    loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
}

function questionOf(exchange: Exchange): ReferenceQuestion {
  const { target, authority } = exchange;
  const queryAt = target.indexOf('?');
  return {
    path: queryAt === -1 ? target : target.slice(0, queryAt),
    query: queryAt === -1 ? '' : target.slice(queryAt + 1),
    origin: `${schemeOf(exchange)}://${authority}`,
  };
}

// A proxy that ends TLS says so. Whoever makes it up is told a wrong address, and nobody else is: no cache keeps it.
function schemeOf({ scheme, headers }: Exchange): string {
  return headerOf(headers, 'x-forwarded-proto') === 'https' ? 'https' : scheme;
}
