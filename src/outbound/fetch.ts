import type { Way } from './outbound.ts';
import type { OutboundRequest } from './request.ts';

const timeoutMs = 5_000;

/** What a library asks for that brings no way out of its own. */
export interface FetchOptions {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** The Fetch API's answer, as far as libraries look at it, by this way: 5 seconds, and no redirect is followed. */
export function createFetch(way: Way): (url: string, options: FetchOptions) => Promise<Response> {
  return async (url, { method, headers, body }) => {
    const request: OutboundRequest = {
      url,
      method: method === 'POST' ? 'POST' : 'GET',
      headers: body == null ? headers : { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      timeoutMs,
      ...(body != null && { body: String(body) }),
    };
    const answer = await way.send(request);
    const contentType = answer.headers['content-type'];
    return new Response(new Uint8Array(answer.body), {
      status: answer.status,
      headers: contentType === undefined ? {} : { 'content-type': contentType },
    });
  };
}
