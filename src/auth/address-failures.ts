import { isIP, isIPv6 } from 'node:net';
import { DomainError } from '../domain/errors.ts';

const windowMs = 600_000;
const addressesMax = 100_000;

interface Window {
  readonly startedMs: number;
  failures: number;
}

/** Failed sign-ins by address, whoever they were about. */
export interface AddressFailures {
  /** Before a password is looked at. Throws addressFailing where the address has failed too often; 0: no limit. */
  require(address: string | undefined, failuresMax: number, nowMs: number): void;
  add(address: string | undefined, nowMs: number): void;
}

/**
 * In memory, of this server: a window of ten minutes from an address's first failure. Bounded: where a hundred thousand
 * addresses fail, the oldest windows go first.
 */
export function createAddressFailures(): AddressFailures {
  const windows = new Map<string, Window>();
  const current = (key: string, nowMs: number) => {
    const window = windows.get(key);
    return window !== undefined && nowMs < window.startedMs + windowMs ? window : undefined;
  };
  return {
    require(address, failuresMax, nowMs) {
      if (address === undefined || failuresMax === 0) return;
      const window = current(keyOf(address), nowMs);
      if (window === undefined || window.failures < failuresMax) return;
      throw new DomainError('addressFailing', { retryAfterMs: window.startedMs + windowMs - nowMs });
    },
    add(address, nowMs) {
      if (address === undefined) return;
      const key = keyOf(address);
      const window = current(key, nowMs);
      if (window !== undefined) {
        window.failures += 1;
        return;
      }
      windows.delete(key);
      windows.set(key, { startedMs: nowMs, failures: 1 });
      const oldest = windows.keys().next().value;
      if (windows.size > addressesMax && oldest !== undefined) windows.delete(oldest);
    },
  };
}

/** What a caller says of where a user is may be any text. */
export function isAddress(text: string | undefined): text is string {
  return text !== undefined && isIP(text) !== 0;
}

// One subscriber has at least a /64 of IPv6: its addresses count together.
const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

function keyOf(address: string): string {
  // RFC 4291, section 2.5.5.2: an IPv4 address in the form of the other.
  const inner = mapped.exec(address)?.[1];
  if (inner !== undefined || !isIPv6(address)) return inner ?? address;
  const [head = '', tail] = address.split('%', 1)[0]?.split('::') ?? [];
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? [] : Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0');
  const groups = [...front, ...gap, ...back].slice(0, 4);
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':');
}
