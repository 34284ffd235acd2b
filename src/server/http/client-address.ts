import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import { plainAddress } from '../../rpc/limits/plain-address.ts';

/** Whose word on the client's address counts. */
export interface ClientAddressOptions {
  /** Addresses or CIDR ranges of the proxies in front; none: the peer of the socket is the client. */
  readonly trustedProxies: readonly string[];
  /**
   * The one header that those proxies set. The other is never read: a proxy that sets one passes the other through
   * from the client as it came.
   */
  readonly header?: 'x-forwarded-for' | 'forwarded';
}

/** The address of the client, given the socket's peer and the forwarding header's value. Never throws. */
export type ClientAddressOf = (peer: string | undefined, forwarded: string | undefined) => string;

/** Beyond so many trusted proxies in a row, the chain is a forgery or a loop. */
const hopsMax = 32;

/**
 * Makes the function that answers who the client is: the peer, unless it is a trusted proxy; then the right-most
 * forwarded address that is not one. An entry that is no address ends the walk, since nothing left of it is vouched
 * for. Throws on a proxy that is neither address nor CIDR range.
 */
export function createClientAddress(options: ClientAddressOptions): ClientAddressOf {
  if (options.trustedProxies.length === 0) return (peer) => plainAddress(peer ?? '');
  const trusted = createBlockList(options.trustedProxies);
  const entriesOf = options.header === 'forwarded' ? forwardedEntries : listEntries;

  return (peer, forwarded) => {
    let address = plainAddress(peer ?? '');
    if (forwarded === undefined || !isIn(trusted, address)) return address;
    for (const entry of entriesOf(forwarded).reverse().slice(0, hopsMax)) {
      const hop = parseEntry(entry);
      if (hop === undefined) return address;
      address = hop;
      if (!isIn(trusted, address)) return address;
    }
    return address;
  };
}

/** Whether an address is that of a trusted proxy. Throws on a proxy that is neither address nor CIDR range. */
export function createTrusted(proxies: readonly string[]): (address: string) => boolean {
  if (proxies.length === 0) return () => false;
  const trusted = createBlockList(proxies);
  return (address) => isIn(trusted, address);
}

/** The same list. Throws on what is neither an address nor a CIDR range. */
export function requireProxies(proxies: readonly string[]): readonly string[] {
  createBlockList(proxies);
  return proxies;
}

function createBlockList(proxies: readonly string[]): BlockList {
  const list = new BlockList();
  for (const proxy of proxies) {
    const [address = '', prefix, ...rest] = proxy.split('/');
    const bitsMax = isIPv6(address) ? 128 : 32;
    const bits = prefix === undefined ? bitsMax : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
    if (isIP(address) === 0 || rest.length > 0 || bits < 0 || bits > bitsMax) {
      throw new Error(`not an address or a CIDR range: ${JSON.stringify(proxy)}`);
    }
    list.addSubnet(address, bits, familyOf(address));
  }
  return list;
}

function isIn(list: BlockList, address: string): boolean {
  return isIP(address) !== 0 && list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}

// Empty elements of a list mean nothing (RFC 9110 §5.6.1).
function listEntries(header: string): string[] {
  return header
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

// RFC 7239 §4: for="[2001:db8::1]:4711";proto=https, for=192.0.2.1. An element without `for` stays, as no address.
function forwardedEntries(header: string): string[] {
  return listEntries(header).map((element) => {
    const pair = element.split(';').find((part) => /^\s*for=/i.test(part)) ?? '';
    return pair
      .slice(pair.indexOf('=') + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1');
  });
}

/** 192.0.2.1, 192.0.2.1:443, 2001:db8::1, [2001:db8::1], [2001:db8::1]:443; undefined for the rest. */
function parseEntry(entry: string): string | undefined {
  if (isIP(entry) !== 0) return plainAddress(entry);
  const bracketed = /^\[([0-9a-fA-F:.]+)\](?::\d{1,5})?$/.exec(entry)?.[1];
  if (bracketed !== undefined) return isIPv6(bracketed) ? plainAddress(bracketed) : undefined;
  const withPort = /^([0-9.]+):\d{1,5}$/.exec(entry)?.[1];
  return withPort !== undefined && isIPv4(withPort) ? withPort : undefined;
}
