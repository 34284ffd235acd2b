import type { RequestInfo } from '../request-info.ts';

/** What a form of any page in the world may send without asking first (Fetch, "CORS-safelisted request-header"). */
const simpleTypes = /^\s*(application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)\s*(;|$)/i;

/** Asked of a request before a cookie counts for anything. */
export type Asked = Pick<RequestInfo, 'header' | 'authority'>;

/**
 * Whether a page of this very server sent it, by the browser's own word: Sec-Fetch-Site where there is one, which no page
 * can set, else Origin; and of a content type that no page of another origin can send without a preflight.
 */
export function isSameOrigin(info: Asked): boolean {
  const contentType = info.header('content-type');
  if (contentType === undefined || simpleTypes.test(contentType)) return false;
  const site = info.header('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin';
  const origin = originOf(info);
  return origin !== undefined && origin.host === hostOf(`${origin.protocol}//${info.authority}`);
}

/** Where the page is that sent it, as its browser says; undefined: it says nothing. */
export function originOf(info: Asked): URL | undefined {
  const origin = info.header('origin');
  return origin !== undefined && URL.canParse(origin) ? new URL(origin) : undefined;
}

/** Host and port, without the port that the scheme implies. */
function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}

/** Whether a host is this machine: what is sent there crosses no network. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/i.test(hostname);
}
