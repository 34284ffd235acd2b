import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** IANA's registries of special-purpose addresses (RFC 6890 and later), and what clouds keep for themselves. */
const refusedIPv4 = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // shared by customers of a carrier; Alibaba's metadata
  '127.0.0.0/8', // loopback
  '168.63.129.16/32', // Azure's own service, of a public range
  '169.254.0.0/16', // link-local, metadata
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments; Oracle's metadata
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
];

/**
 * Of IPv6 what is given out as global unicast is allowed, and nothing else: so neither loopback, link-local, unique local
 * and multicast, nor forms that carry an IPv4 address (::ffff:0:0/96, ::/96, NAT64's 64:ff9b::/96 and 64:ff9b:1::/48).
 */
const globalIPv6 = ['2000::/3'];
const refusedIPv6 = [
  '2001::/23', // Teredo, which carries IPv4, and other protocols
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4, which carries IPv4
  '3fff::/20', // documentation
];

let made: { readonly refused: Ranges; readonly global: Ranges } | undefined;

/** Made when first asked for: every start of the command line reads this file. */
function registries() {
  made ??= { refused: createRanges([...refusedIPv4, ...refusedIPv6]), global: createRanges(globalIPv6) };
  return made;
}

/** Kept apart by family: one list for both holds an IPv4 address to be in ranges of IPv6, and mapped ones the other way. */
export interface Ranges {
  readonly ipv4: BlockList;
  readonly ipv6: BlockList;
}

/** Whether nobody outside is reached by this address, or it is none. */
export function isRefused(address: string): boolean {
  const { refused, global } = registries();
  if (isIPv4(address)) return isIn(refused, address);
  return !isIn(global, address) || isIn(refused, address);
}

/** An address with a zone, such as fe80::1%eth0, is in none. */
export function isIn({ ipv4, ipv6 }: Ranges, address: string): boolean {
  if (isIPv4(address)) return ipv4.check(address, 'ipv4');
  return isIPv6(address) && !address.includes('%') && ipv6.check(address, 'ipv6');
}

/** Addresses and CIDR ranges. Throws Error where one is neither. */
export function createRanges(texts: readonly string[]): Ranges {
  const ranges = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const text of texts) {
    const range = parseRange(text);
    if (range === undefined) throw new Error(`not an address or a CIDR range: ${JSON.stringify(text)}`);
    ranges[range.family].addSubnet(range.address, range.bits, range.family);
  }
  return ranges;
}

/** `10.1.2.3`, `10.0.0.0/8`, `fd00::/8`; undefined for the rest. */
export function parseRange(
  text: string,
): { readonly address: string; readonly bits: number; readonly family: 'ipv4' | 'ipv6' } | undefined {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
  if (family === undefined || rest.length > 0) return undefined;
  const bitsMax = family === 'ipv4' ? 32 : 128;
  if (prefix === undefined) return { address, bits: bitsMax, family };
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bitsMax) return undefined;
  return { address, bits: Number(prefix), family };
}
