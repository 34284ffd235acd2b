/** How fast one key may go, and how much is remembered of all of them. */
export interface BucketLimits {
  /** Refilled evenly. */
  readonly perSecond: number;
  /** How many may come at once after a rest. */
  readonly burst: number;
  /** Buckets kept; memory is bounded by them, whatever comes. */
  readonly bucketsMax: number;
}

/** Token buckets by key. Every method answers the milliseconds to wait, 0 where there is no need to. */
export interface TokenBuckets {
  /** Takes one, or nothing where that means waiting. */
  take(key: string, nowMs: number): number;
  /** Looks without taking. */
  wait(key: string, nowMs: number): number;
  /** Takes one even from an empty bucket: it owes then, and those who owe wait longer, up to a minute. */
  charge(key: string, nowMs: number): void;
  readonly size: number;
}

const debtMsMax = 60_000;
/** Looked at for one new key in a full table, so that a flood costs the same for each call. */
const sweepMax = 16;

/**
 * Makes an empty table. A bucket is one number: the time at which it will be full again (GCRA). Only a full bucket is
 * ever forgotten, and a forgotten one begins full, so no flood of other keys gets anybody a new start. Where every
 * bucket is busy, the keys that found no place share one; those that have theirs notice nothing.
 */
export function createTokenBuckets(
  { perSecond, burst, bucketsMax }: BucketLimits,
  startMs: number,
): TokenBuckets {
  const intervalMs = 1_000 / perSecond;
  const spanMs = burst * intervalMs;
  // Sums of fractions must not make the last of a burst one too many.
  const toleranceMs = intervalMs / 1_000_000;
  // Times since the start, which a double holds far more exactly than those since 1970.
  const fullAt = new Map<string, number>();
  let sharedFullAt = 0;
  let hand = fullAt.entries();

  const makeRoom = (atMs: number): boolean => {
    for (let looked = 0; looked < sweepMax && fullAt.size >= bucketsMax; looked += 1) {
      const { value, done } = hand.next();
      if (done) hand = fullAt.entries();
      else if (value[1] <= atMs) fullAt.delete(value[0]);
    }
    return fullAt.size < bucketsMax;
  };
  /** When the bucket is full; now, where it is. A clock that was set back makes nobody wait longer than a debt does. */
  const read = (key: string, atMs: number): number => {
    const own = fullAt.get(key) ?? (makeRoom(atMs) ? atMs : sharedFullAt);
    return Math.min(Math.max(own, atMs), atMs + spanMs + debtMsMax);
  };
  const write = (key: string, fullMs: number): void => {
    if (fullAt.has(key)) fullAt.set(key, fullMs);
    // A copy: a piece cut out of a long header would keep the whole header in memory.
    else if (fullAt.size < bucketsMax) fullAt.set(Buffer.from(key).toString(), fullMs);
    else sharedFullAt = fullMs;
  };
  const waitFor = (fullMs: number, atMs: number): number =>
    Math.max(0, Math.ceil(fullMs + intervalMs - spanMs - atMs - toleranceMs));

  return {
    take(key, nowMs) {
      const atMs = nowMs - startMs;
      const fullMs = read(key, atMs);
      const waitMs = waitFor(fullMs, atMs);
      if (waitMs === 0) write(key, fullMs + intervalMs);
      return waitMs;
    },
    wait(key, nowMs) {
      const atMs = nowMs - startMs;
      return waitFor(read(key, atMs), atMs);
    },
    charge(key, nowMs) {
      const atMs = nowMs - startMs;
      write(key, Math.min(read(key, atMs) + intervalMs, atMs + spanMs + debtMsMax));
    },
    get size() {
      return fullAt.size;
    },
  };
}
