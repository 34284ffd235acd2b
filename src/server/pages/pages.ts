import { type Exchange, headerOf } from '../http/exchange.ts';
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
}

/** What a browser finds beside the calls. */
export function createPages({ loadReference }: PagesOptions): Pages {
  const load = once(loadReference);
  const reference = (template: string): Page => ({
    template,
    async answer(exchange) {
      const { status, type, body } = await (await load()).answer(questionOf(exchange));
      return documentReply({ status, type, body, headers: protection(exchange) });
    },
  });
  const fixed = new Map<string, Page>([
    ['/openapi.json', reference('/openapi.json')],
    ['/docs', { template: '/docs/', answer: async () => redirect(308, '/docs/') }],
  ]);
  const docs = reference('/docs/');
  return {
    find(path, verb) {
      if (!isRead(verb)) return undefined;
      return path.startsWith('/docs/') ? docs : fixed.get(path);
    },
  };
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
