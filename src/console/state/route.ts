import { useLayoutEffect, useState } from 'preact/hooks';

const base = '/console/';

/** Where the person is: all of it stands in the address, so that it can be sent to somebody. */
export type Route =
  | { readonly screen: 'locked'; readonly query: URLSearchParams }
  | { readonly screen: 'search'; readonly query: URLSearchParams }
  | { readonly screen: 'waves'; readonly query: URLSearchParams }
  | { readonly screen: 'run'; readonly runId: string }
  | { readonly screen: 'user'; readonly userId: string }
  | { readonly screen: 'policy' | 'about' | 'nowhere' };

function parseRoute(pathname: string, search: string): Route {
  const [first = '', second, ...more] = pathname.slice(base.length).split('/');
  const query = new URLSearchParams(search);
  if (first === '' && second === undefined) return { screen: 'locked', query };
  if (first === 'search' && second === undefined) return { screen: 'search', query };
  if (first === 'waves' && second === undefined) return { screen: 'waves', query };
  if ((first === 'users' || first === 'waves') && second && more.length === 0) return idRoute(first, second);
  if ((first === 'policy' || first === 'about') && second === undefined) return { screen: first };
  return { screen: 'nowhere' };
}

function idRoute(folder: 'users' | 'waves', encoded: string): Route {
  try {
    const id = decodeURIComponent(encoded);
    return folder === 'users' ? { screen: 'user', userId: id } : { screen: 'run', runId: id };
  } catch {
    return { screen: 'nowhere' };
  }
}

/** Addresses of the screens. */
export const to = {
  locked: base,
  policy: `${base}policy`,
  about: `${base}about`,
  waves: `${base}waves`,
  run: (runId: string): string => `${base}waves/${encodeURIComponent(runId)}`,
  user: (userId: string): string => `${base}users/${encodeURIComponent(userId)}`,
  search: (text: string): string => `${base}search?${new URLSearchParams({ q: text })}`,
};

/** Goes there, so that "back" comes back. */
export function navigate(href: string): void {
  history.pushState(null, '', href);
  dispatchEvent(new PopStateEvent('popstate'));
  scrollTo(0, 0);
}

/** Says more of where one is, without a step for "back". */
export function replaceQuery(query: URLSearchParams): void {
  const text = query.toString();
  history.replaceState(null, '', text === '' ? location.pathname : `${location.pathname}?${text}`);
  dispatchEvent(new PopStateEvent('popstate'));
}

/** The route of the address, anew whenever it changes. Links of this page are followed without loading it again. */
export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.pathname, location.search));
  useLayoutEffect(() => {
    const read = () => setRoute(parseRoute(location.pathname, location.search));
    addEventListener('popstate', read);
    document.addEventListener('click', followLink);
    return () => {
      removeEventListener('popstate', read);
      document.removeEventListener('click', followLink);
    };
  }, []);
  return route;
}

function followLink(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (link === null || !isPlain || event.defaultPrevented || link.target !== '' || link.download !== '')
    return;
  if (link.origin !== location.origin || !link.pathname.startsWith(base) || link.hash !== '') return;
  event.preventDefault();
  navigate(link.href);
}
