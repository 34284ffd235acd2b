import { sourceOf as sourceOfAddress } from '../domain/address/source.ts';
import { DomainError } from '../domain/errors.ts';
import { standIn } from './line.ts';

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
  /**
   * The same, and takes one of the failures that the address has left until it is disposed: what is under way may fail
   * as well, so many at once get no more attempts than one after the other. Where those under way hold all that are
   * left, it waits for what becomes of them: they may be everybody in an office who signs in at nine. Throws overloaded
   * where the signal is aborted meanwhile.
   */
  begin(address: string | undefined, limit: FailureLimit): Promise<Disposable>;
  add(address: string | undefined, nowMs: number): void;
}

/** How many failures, by which clock, and how long to wait for one. */
export interface FailureLimit {
  readonly failuresMax: number;
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
}

/** Checks of one source under way, and those that wait: each begins or is refused if it can be, and says whether. */
interface UnderWay {
  count: number;
  readonly waiting: (() => boolean)[];
}

/**
 * In memory, of this server: a window of ten minutes from an address's first failure. Bounded: where a hundred thousand
 * addresses fail, the oldest windows go first. One that begins ten minutes from now is of a clock that ran ahead, and
 * none. What is under way is bounded by the places of the queue.
 */
export function createAddressFailures(): AddressFailures {
  const windows = new Map<string, Window>();
  const sources = new Map<string, UnderWay>();
  const current = (source: string, nowMs: number) => {
    const window = windows.get(source);
    return window !== undefined && Math.abs(nowMs - window.startedMs) < windowMs ? window : undefined;
  };
  /** Failures that the source has left. */
  const left = (source: string, failuresMax: number, nowMs: number): number => {
    if (failuresMax === 0) return Number.POSITIVE_INFINITY;
    const window = current(source, nowMs);
    const count = failuresMax - (window?.failures ?? 0);
    if (window === undefined || count > 0) return count;
    throw new DomainError('addressFailing', { retryAfterMs: window.startedMs + windowMs - nowMs });
  };
  const end = (source: string, underWay: UnderWay) => {
    underWay.count -= 1;
    while (underWay.waiting[0]?.()) underWay.waiting.shift();
    if (underWay.count === 0) sources.delete(source);
  };
  return {
    require(address, failuresMax, nowMs) {
      const source = sourceOf(address);
      if (source !== undefined) left(source, failuresMax, nowMs);
    },
    begin(address, { failuresMax, now, signal }) {
      const source = sourceOf(address);
      if (source === undefined) return Promise.resolve({ [Symbol.dispose]: () => undefined });
      const underWay = sources.get(source) ?? { count: 0, waiting: [] };
      sources.set(source, underWay);
      return new Promise((resolve, reject) => {
        const begins = (): boolean => {
          try {
            if (left(source, failuresMax, now()) <= underWay.count) return false;
            underWay.count += 1;
            resolve({ [Symbol.dispose]: () => end(source, underWay) });
          } catch (error) {
            reject(error);
          }
          return true;
        };
        if (!begins()) standIn(underWay.waiting, begins, { signal, turnAway: reject });
        if (underWay.count === 0) sources.delete(source);
      });
    },
    add(address, nowMs) {
      const source = sourceOf(address);
      if (source === undefined) return;
      const window = current(source, nowMs);
      if (window !== undefined) {
        window.failures += 1;
        return;
      }
      windows.delete(source);
      windows.set(ownCopy(source), { startedMs: nowMs, failures: 1 });
      const oldest = windows.keys().next().value;
      if (windows.size > addressesMax && oldest !== undefined) windows.delete(oldest);
    },
  };
}

// A piece cut out of a long forwarding header would keep the whole header in memory.
const ownCopy = (text: string) => Buffer.from(text).toString();

/** What an address is counted as, where it is known. */
export function sourceOf(address: string | undefined): string | undefined {
  return address === undefined ? undefined : sourceOfAddress(address);
}
