import type { IncomingMessage } from 'node:http';
import { badHost, isAuthority } from '../http/authority.ts';
import type { Flaw } from '../http/exchange.ts';

interface Named {
  readonly authority: string;
  /** Of the connection. */
  readonly scheme: 'http' | 'https';
  /** By the target, where it is in absolute form. */
  readonly named: 'http' | 'https' | undefined;
}

const badCoding: Flaw = { status: 400, text: 'the transfer coding does not end in chunked' };
const badVersion: Flaw = {
  status: 505,
  text: 'these are the words of HTTP/1.1, which names no other version',
};

/** What RFC 9112 forbids of a request that Node has read all the same; undefined: nothing. */
export function flawOf(req: IncomingMessage, { authority, scheme, named }: Named): Flaw | undefined {
  const { host } = req.headers;
  // RFC 9112 §3.2; HTTP/1.0 knows no Host, and Node has refused HTTP/1.1 without one.
  const isNone = host === undefined && authority === '' && req.httpVersionMinor === 0;
  const isHost = isNone || (isAuthority(authority) && (host === undefined || isAuthority(host)));
  if (!isHost || hasTwoHosts(req.rawHeaders)) return { status: 400, text: badHost };
  // RFC 9112 §6.3: nobody can tell where such a body ends.
  const coding = req.headers['transfer-encoding'];
  if (coding !== undefined && !/(?:^|,)[ \t]*chunked[ \t]*$/i.test(coding)) return badCoding;
  // RFC 9110 §15.6.6: Node takes "HTTP/2.0" for a version of HTTP/1.
  if (req.httpVersionMajor !== 1) return badVersion;
  if (named === undefined || named === scheme) return undefined;
  // RFC 9110 §7.4: what https names may not be read in the clear.
  return named === 'https' ? { status: 421, text: 'https is not served on this connection' } : undefined;
}

// Node keeps the first of several.
function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts > 1;
}
