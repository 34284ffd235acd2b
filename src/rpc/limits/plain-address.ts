import { unmapped } from '../../domain/address/source.ts';

/** An IPv4 peer of a dual-stack socket shows as ::ffff:192.0.2.1, a link-local one as fe80::1%eth0: one client, one spelling. */
export function plainAddress(address: string): string {
  const zone = address.indexOf('%');
  return zone >= 0 ? address.slice(0, zone) : unmapped(address);
}
