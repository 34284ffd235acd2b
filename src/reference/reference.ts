import { callPage } from './call-page.ts';
import { type Call, readContract } from './contract.ts';
import { type Ids, idsOf } from './fill.ts';
import { indexPage, missingPage } from './index-page.ts';
import { style } from './layout.ts';

/** A question for the reference. */
export interface Question {
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** Scheme, host and port by which the asker reaches this server. */
  readonly origin: string;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
}

export interface ReferenceOptions {
  /** Ids of this server that anybody may know, for a page's snippets. */
  exampleIds(call: Pick<Call, 'name'>): Promise<Ids>;
  /** Milliseconds since 1970. */
  now(): number;
}

const htmlType = 'text/html; charset=utf-8';

/** Reads what is generated, once, and answers `/openapi.json` and what is below `/docs/`. Throws where a file is missing. */
export function openReference({ exampleIds, now }: ReferenceOptions): {
  answer(asked: Question): Promise<Answer>;
} {
  const contract = readContract();
  const calls = new Map(
    contract.services.flatMap((service) =>
      service.calls.map((call) => [`/docs/${service.name}.${call.name}`, { service: service.name, call }]),
    ),
  );
  // Encoded once: whoever asks for them costs no more than a copy.
  const index = Buffer.from(indexPage(contract));
  const documentOf = remembered(Buffer.from(`,${contract.rest}`));
  return {
    async answer({ path, query, origin: claimed }) {
      const origin = originOf(claimed);
      if (path === '/openapi.json')
        return { status: 200, type: 'application/json', body: documentOf(origin) };
      if (path === '/docs/') return { status: 200, type: htmlType, body: index };
      if (path === '/docs/style.css') return { status: 200, type: 'text/css; charset=utf-8', body: style };
      const found = calls.get(path);
      if (found === undefined) return { status: 404, type: htmlType, body: missingPage() };
      const ids = { ...(await exampleIds(found.call)), ...idsOf(query) };
      return { status: 200, type: htmlType, body: callPage({ contract, ...found, ids, origin, now: now() }) };
    },
  };
}

// So many names a server has at most; whoever makes up others pays with a copy of the document each.
const originsMax = 8;

/** The document for each of the last origins: `servers` first, the rest behind it. All who ask share its bytes. */
function remembered(rest: Uint8Array): (origin: string) => Uint8Array {
  const documents = new Map<string, Uint8Array>();
  return (origin) => {
    const known = documents.get(origin);
    if (known !== undefined) return known;
    const servers = Buffer.from(`{"servers":${JSON.stringify([{ url: origin }])}`);
    const made = Buffer.concat([servers, rest]);
    for (const oldest of documents.keys()) {
      if (documents.size < originsMax) break;
      documents.delete(oldest);
    }
    documents.set(origin, made);
    return made;
  };
}

// A host may be more than what every language and shell takes for a plain word; then it is left out.
const plainOrigin = /^https?:\/\/([\w.-]+|\[[\da-fA-F:.]+\])(:\d{1,5})?$/;

function originOf(claimed: string): string {
  return plainOrigin.test(claimed) && URL.canParse(claimed) ? claimed : 'http://localhost';
}
