import { type Asked, isLoopback } from './same-origin.ts';

/** The browser keeps it for this host alone, and sends it over TLS alone (RFC 6265bis, section 4.1.3.2). */
const hostPrefix = '__Host-';

/** `session` is who is signed in; `signing-in` waits for the company's sign-on to come back. */
export type CookieKind = 'session' | 'signing-in';

const nameOf = (kind: CookieKind): string => `latchkey-${kind}`;

export interface CookieOptions {
  /** The page came over TLS: without, no browser takes a secure cookie but on its own machine. */
  readonly isSecure: boolean;
  readonly maxAgeSeconds: number;
}

/** What `set-cookie` says. `signing-in` comes back with the navigation from another site, so it is Lax; nothing else is. */
export function setCookie(kind: CookieKind, value: string, options: CookieOptions): string {
  const { isSecure, maxAgeSeconds } = options;
  const sameSite = kind === 'session' ? 'Strict' : 'Lax';
  const rest = `Path=/; HttpOnly; SameSite=${sameSite}; Max-Age=${maxAgeSeconds}${isSecure ? '; Secure' : ''}`;
  return `${isSecure ? hostPrefix : ''}${nameOf(kind)}=${value}; ${rest}`;
}

/** Has the browser forget it, under both names. */
export function dropCookie(kind: CookieKind): readonly string[] {
  return [true, false].map((isSecure) => setCookie(kind, '', { isSecure, maxAgeSeconds: 0 }));
}

/** The cookie's value. The name without prefix, which a neighbour's page may have set, counts on one's own machine alone. */
export function readCookie(kind: CookieKind, info: Asked): string | undefined {
  const header = info.header('cookie');
  if (header === undefined) return undefined;
  const found = cookieOf(header, hostPrefix + nameOf(kind));
  if (found !== undefined) return found;
  const url = `http://${info.authority}`;
  const isOwnMachine = URL.canParse(url) && isLoopback(new URL(url).hostname);
  return isOwnMachine ? cookieOf(header, nameOf(kind)) : undefined;
}

// However it came, the pairs are joined by "; " by now (RFC 9113, section 8.2.3).
function cookieOf(header: string, name: string): string | undefined {
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}
