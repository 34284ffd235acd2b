/** What a metric is called and means; `name` without the suffixes of its type. */
export interface MetricSpec {
  readonly name: string;
  readonly help: string;
  readonly unit?: 'seconds' | 'bytes';
}

export type Labels = Readonly<Record<string, string>>;

/** One value for each row: a counter, which never falls, a gauge, or a fact. */
export class Values {
  readonly kind: 'counter' | 'gauge' | 'info';
  readonly spec: MetricSpec;
  readonly rows: readonly Labels[];
  /** NaN: not known, and not shown. */
  readonly values: Float64Array;

  constructor(kind: Values['kind'], spec: MetricSpec, rows: readonly Labels[] = [{}]) {
    this.kind = kind;
    this.spec = spec;
    this.rows = rows;
    this.values = new Float64Array(rows.length);
  }

  add(row: number, amount: number): void {
    this.values[row] = (this.values[row] ?? 0) + amount;
  }

  set(row: number, value: number): void {
    this.values[row] = value;
  }

  isShown(row: number): boolean {
    return !Number.isNaN(this.values[row]);
  }
}

export interface HistogramOptions {
  /** Upper bounds of the buckets, ascending; one without a bound comes after them. */
  readonly bounds: readonly number[];
  readonly rows?: readonly Labels[];
  /** Rows that are shown before they have counted anything; default: all. */
  readonly shownAtZero?: (labels: Labels) => boolean;
}

/** For each row how many values fell into each bucket, and their sum. Room is taken when rows are added, never later. */
export class Histogram {
  readonly kind = 'histogram';
  readonly spec: MetricSpec;
  readonly rows: Labels[] = [];
  readonly bounds: Float64Array;
  /** Row by row: one count a bucket, not cumulative. */
  counts = new Float64Array(0);
  sums = new Float64Array(0);
  readonly #shownAtZero: (labels: Labels) => boolean;

  constructor(spec: MetricSpec, { bounds, rows = [{}], shownAtZero = () => true }: HistogramOptions) {
    this.spec = spec;
    this.bounds = Float64Array.from(bounds);
    this.#shownAtZero = shownAtZero;
    this.addRows(rows);
  }

  /** Answers the number of the first of them. Before the first value is counted, or between two. */
  addRows(rows: readonly Labels[]): number {
    const base = this.rows.push(...rows) - rows.length;
    const { counts, sums } = this;
    this.counts = new Float64Array(this.rows.length * (this.bounds.length + 1));
    this.sums = new Float64Array(this.rows.length);
    this.counts.set(counts);
    this.sums.set(sums);
    return base;
  }

  observe(row: number, value: number): void {
    const { bounds, counts, sums } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket += 1;
    const at = row * (bounds.length + 1) + bucket;
    counts[at] = (counts[at] ?? 0) + 1;
    sums[row] = (sums[row] ?? 0) + value;
  }

  /** How many values the row has counted. */
  total(row: number): number {
    const width = this.bounds.length + 1;
    return this.counts.subarray(row * width, (row + 1) * width).reduce((sum, count) => sum + count, 0);
  }

  isShown(row: number): boolean {
    return this.#shownAtZero(this.rows[row] ?? {}) || this.total(row) > 0;
  }
}

export type Metric = Values | Histogram;

/** Every combination of the labels' values, the last label changing fastest. */
export function product(labels: Readonly<Record<string, readonly string[]>>): readonly Labels[] {
  let rows: Labels[] = [{}];
  for (const [name, values] of Object.entries(labels)) {
    rows = rows.flatMap((row) => values.map((value) => ({ ...row, [name]: value })));
  }
  return rows;
}
