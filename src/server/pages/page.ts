import type { Exchange, Reply } from '../http/exchange.ts';

/** What a browser may ask for beside the calls. */
export interface Page {
  /** What it is counted as: one of a few names, whatever the path. */
  readonly template: string;
  answer(exchange: Exchange): Promise<Reply>;
  /** Paths at which a verb that is no read does something; true: and a read finds something there. */
  readonly acts?: ReadonlyMap<string, boolean>;
}

/** Pages, found by their path once it is known to be no call. */
export interface Pages {
  /** undefined: nothing is here for that verb. */
  find(path: string, verb: string): Page | undefined;
}

/** A body of a known type. */
export interface Document {
  readonly status?: number;
  readonly type: string;
  readonly body: string | Uint8Array;
  /** Names in lower case and values, in turn. */
  readonly headers?: readonly string[];
}

/** The answer, of which no cache keeps a copy unless its headers say so. */
export function documentReply({ status = 200, type, body, headers = [] }: Document): Reply {
  const own = headers.includes('cache-control') ? [] : ['cache-control', 'no-store'];
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return {
    status,
    headers: ['content-type', type, ...own, ...headers],
    body: bytes,
    trailers: undefined,
  };
}

/** The answer that sends a browser elsewhere on this server. */
export function redirect(status: 302 | 308, location: string): Reply {
  return {
    status,
    headers: ['location', location, 'cache-control', 'no-store'],
    body: undefined,
    trailers: undefined,
  };
}

/** Whether a page may be asked for with this verb. */
export const isRead = (verb: string): boolean => verb === 'GET' || verb === 'HEAD';
