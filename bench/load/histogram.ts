const subBuckets = 64;
const bucketCount = subBuckets * 32;

/**
 * Counts latencies in log-linear buckets (64 for every power of two, so a reading is off by less than 1.6 %).
 * Values are microseconds; memory is fixed, and nothing is sampled away.
 */
export class Histogram {
  readonly #counts = new Float64Array(bucketCount);
  #total = 0;
  #maxUs = 0;

  /** Counts one value; negative ones count as 0. */
  record(us: number): void {
    const value = us < 0 ? 0 : Math.round(us);
    const bucket = bucketOf(value);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total += 1;
    if (value > this.#maxUs) this.#maxUs = value;
  }

  get total(): number {
    return this.#total;
  }

  get maxUs(): number {
    return this.#maxUs;
  }

  /** The value that `percent` of the counted ones do not exceed; 0 where nothing was counted. */
  percentileUs(percent: number): number {
    const rank = Math.ceil((percent / 100) * this.#total);
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= rank && seen > 0) return Math.min(upperEdgeOf(bucket), this.#maxUs);
    }
    return 0;
  }
}

function bucketOf(value: number): number {
  if (value < subBuckets * 2) return value;
  const shift = Math.floor(Math.log2(value)) - 6;
  return Math.min(bucketCount - 1, shift * subBuckets + Math.floor(value / 2 ** shift));
}

function upperEdgeOf(bucket: number): number {
  if (bucket < subBuckets * 2) return bucket;
  const shift = Math.floor(bucket / subBuckets) - 1;
  return (bucket - shift * subBuckets + 1) * 2 ** shift - 1;
}
