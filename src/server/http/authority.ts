import { isIPv6 } from 'node:net';

// RFC 3986 §3.2.2 without user information, which RFC 9110 §4.2.4 and RFC 9113 §8.3.1 forbid; never empty (RFC 9110 §4.2.1).
const hostAndPort = /^(?:\[([\dA-Fa-f:.]+)\]|(?:[\w\-.~!$&'()*+,;=]|%[\dA-Fa-f]{2})+)(?::\d*)?$/;

// Most requests of a server name the same host.
let newest = '';

/** Whether a request may name this as its host: RFC 9110 §7.2, `uri-host [ ":" port ]`, and something that a URL can hold. */
export function isAuthority(text: string): boolean {
  if (text === newest) return text !== '';
  const found = hostAndPort.exec(text);
  if (found === null) return false;
  const [, address] = found;
  if (address !== undefined && !isIPv6(address)) return false;
  if (!URL.canParse(`http://${text}/`)) return false;
  newest = text;
  return true;
}

/** What is wrong with a request whose host is missing, doubled or no host. */
export const badHost = 'the request does not name one valid host';

/** The path and the authority of a target in absolute form (RFC 9112 §3.2.2); undefined for a target in another form. */
export function absoluteForm(
  target: string,
): { readonly scheme: 'http' | 'https'; readonly authority: string; readonly path: string } | undefined {
  const [, scheme = '', authority = '', rest = ''] = /^(https?):\/\/([^/?#]*)(.*)$/is.exec(target) ?? [];
  if (scheme === '') return undefined;
  const path = rest.startsWith('/') ? rest : `/${rest}`;
  return { scheme: scheme.toLowerCase() === 'https' ? 'https' : 'http', authority, path };
}
