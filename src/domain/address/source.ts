/**
 * What an address is counted as, in whatever spelling it comes: one of IPv4 as itself, of IPv6 the first 64 bits, since
 * whoever has one address of a network has all of it (RFC 4291, section 2.5.4). What is no address is itself.
 */
export function sourceOf(address: string): string {
  if (!address.includes(':')) return address;
  const groups = groupsOf(address);
  return carriedIPv4(groups) ?? groups.slice(0, 4).map(inHex).join(':');
}

/** The address itself; of IPv4 in the form of the other, ::ffff:c000:201 or ::FFFF:192.0.2.1, as it is without. */
export function unmapped(address: string): string {
  // As every peer of a socket for both is written, and looked at for each call.
  if (peerForm.test(address)) return address.slice('::ffff:'.length);
  if (!mappedForm.test(address)) return address;
  const groups = groupsOf(address);
  return isMapped(groups) ? (carriedIPv4(groups) ?? address) : address;
}

const peerForm = /^::ffff:\d+\.\d+\.\d+\.\d+$/;
const mappedForm = /^[0:]*:ffff:/i;

/** RFC 4291, section 2.5.5.2. */
const isMapped = ([a, b, c, d, e, f]: readonly number[]): boolean =>
  a === 0 && b === 0 && c === 0 && d === 0 && e === 0 && f === 0xffff;
/** What a translator makes of clients that have IPv4 alone (RFC 6052, section 2.1): one network for all of them. */
const isTranslated = ([a, b, c, d, e, f]: readonly number[]): boolean =>
  a === 0x64 && b === 0xff9b && c === 0 && d === 0 && e === 0 && f === 0;

function carriedIPv4(groups: readonly number[]): string | undefined {
  if (!isMapped(groups) && !isTranslated(groups)) return undefined;
  const [high = 0, low = 0] = groups.slice(6);
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

const inHex = (group: number): string => group.toString(16);

/** Its eight groups, without a zone. */
function groupsOf(address: string): readonly number[] {
  const [plain = ''] = address.split('%', 1);
  const [head = '', tail] = plain.split('::');
  const front = numbersOf(head);
  if (tail === undefined) return front;
  const back = numbersOf(tail);
  const gap = Array<number>(Math.max(0, 8 - front.length - back.length)).fill(0);
  return [...front, ...gap, ...back];
}

// A dotted quad at the end takes the place of two groups.
function numbersOf(part: string): readonly number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}
