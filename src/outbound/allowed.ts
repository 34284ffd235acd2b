import { isIP } from 'node:net';
import { createRanges, isIn, isRefused, parseRange, type Ranges } from './ranges.ts';

/** What may be connected to beyond the public addresses. */
export interface Allowed {
  readonly hosts: ReadonlySet<string>;
  readonly ranges: Ranges;
}

/** Somewhere to connect to. */
export interface Destination {
  /** As it stands in a URL, an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
  readonly isEncrypted: boolean;
}

/** The server does not connect there; the message says why, and what would have it do so. */
export class OutboundRefused extends Error {
  override readonly name = 'OutboundRefused';
}

// A name of DNS, a name of a machine; a port is none of it.
const hostName = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/** Host names, addresses and CIDR ranges. Throws Error where one is none of them. */
export function parseAllowed(entries: readonly string[]): Allowed {
  const ranges = entries.filter((entry) => parseRange(entry) !== undefined);
  const hosts = entries.filter((entry) => !ranges.includes(entry)).map(plainHost);
  for (const host of hosts) {
    // What ends in a number is an address that is mistyped, not a name (WHATWG URL, "ends in a number").
    if (!hostName.test(host) || host.length > 253 || /(^|\.)\d+$/.test(host)) {
      throw new Error(`neither a host, an address nor a CIDR range: ${JSON.stringify(host)}`);
    }
  }
  return { hosts: new Set(hosts), ranges: createRanges(ranges) };
}

/** One spelling for a name: of lower case, without the dot of the root. */
const plainHost = (host: string): string => host.toLowerCase().replace(/\.$/, '');

/** `host:port` of a URL that the operator configured, as `keyOf` has it; throws TypeError where it is no URL. */
export function keyOfUrl(text: string): string {
  const { hostname, port, protocol } = new URL(text);
  const fallback = protocol === 'https:' ? 443 : 80;
  return keyOf({
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? fallback : Number(port),
  });
}

const keyOf = ({ host, port }: Pick<Destination, 'host' | 'port'>): string => `${plainHost(host)} ${port}`;

/** What keeps a server from connecting somewhere whose operator has not named the host. */
export interface Obstacle {
  readonly host: string;
  readonly why: 'not public' | 'in the clear';
}

/** As far as the text alone tells; undefined where it depends on what the name resolves to, or where it is no URL. */
export function obstacleIn(url: string): Obstacle | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname } = new URL(url);
  const host = plainHost(hostname.replace(/^\[(.*)\]$/, '$1'));
  const isOwn = host === 'localhost' || host.endsWith('.localhost');
  if (isOwn || (isIP(host) !== 0 && isRefused(host))) return { host, why: 'not public' };
  return protocol === 'http:' ? { host, why: 'in the clear' } : undefined;
}

export interface Rules {
  readonly allowed: Allowed;
  /** By `keyOfUrl`: where the configuration itself sends this connection. */
  readonly configured: ReadonlySet<string>;
}

/**
 * The addresses of a destination that may be connected to; throws OutboundRefused where none is left. In the clear only
 * what the operator named is spoken to.
 */
export function allowedAddresses(
  destination: Destination,
  addresses: readonly string[],
  { allowed, configured }: Rules,
): readonly string[] {
  const isNamed = configured.has(keyOf(destination)) || allowed.hosts.has(plainHost(destination.host));
  const left = addresses.filter(
    (address) => isNamed || isIn(allowed.ranges, address) || (destination.isEncrypted && !isRefused(address)),
  );
  if (left.length > 0) return left;
  const { host } = destination;
  if (addresses.some((address) => !isRefused(address))) {
    throw new OutboundRefused(
      `${host} would be spoken to in the clear: use https, or --outbound-allow ${host}`,
    );
  }
  throw new OutboundRefused(
    `${host} is ${addresses.join(', ')}, which is not public: --outbound-allow ${host} would allow it`,
  );
}
