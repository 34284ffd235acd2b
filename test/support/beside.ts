/** Answers take this long, in milliseconds. */
export interface Beside {
  readonly without: readonly number[];
  readonly with: readonly number[];
}

export interface BesideOptions {
  /** What everybody else does, once. */
  readonly ask: () => Promise<void>;
  /** What one caller, address or organization does without end, until it is aborted. */
  readonly flood: (signal: AbortSignal) => Promise<unknown>;
  readonly rounds: number;
  /** Of each kind in a round. */
  readonly asks: number;
  /** How long a flood goes on before the others are looked at. */
  readonly leadMs: number;
}

/**
 * How long others take beside a flood and without it, in turns within one run: what else the machine does, it does to
 * both.
 */
async function askBeside(options: BesideOptions): Promise<Beside> {
  const { ask, flood, rounds, asks, leadMs } = options;
  const times = { without: [] as number[], with: [] as number[] };
  const measure = async (into: number[]) => {
    for (let nth = 0; nth < asks; nth += 1) {
      const startedMs = performance.now();
      await ask();
      into.push(performance.now() - startedMs);
    }
  };
  await ask();
  for (let round = 0; round < rounds; round += 1) {
    await measure(times.without);
    const end = new AbortController();
    const flooding = flood(end.signal);
    await new Promise((resolve) => setTimeout(resolve, leadMs));
    await measure(times.with);
    end.abort();
    await flooding;
  }
  return times;
}

/** The time that this part of the answers does not exceed. */
export function quantile(times: readonly number[], part: number): number {
  const sorted = times.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** What else a machine does for a second is a tenth of all that is measured: so often it is measured anew, at most. */
const measuresMax = 4;

/**
 * How many times as long others take beside the flood, for the slowest of them but so many. Measured anew where it is not
 * below `max`, and the least counts: what others pay to a flood they pay each time.
 */
export async function leastSlowdown(
  options: BesideOptions,
  { part, max }: { readonly part: number; readonly max: number },
): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let measure = 0; measure < measuresMax && least >= max; measure += 1)
    least = Math.min(least, slowdown(await askBeside(options), part));
  return least;
}

function slowdown(times: Beside, part: number): number {
  return quantile(times.with, part) / quantile(times.without, part);
}

/** So many do the same over and over until the end. */
export function repeatedly(count: number, signal: AbortSignal, work: (nth: number) => Promise<unknown>) {
  const one = async (nth: number) => {
    while (!signal.aborted) await work(nth);
  };
  return Promise.all(Array.from({ length: count }, (_, nth) => one(nth)));
}
