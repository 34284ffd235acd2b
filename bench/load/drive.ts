import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, Outcome } from './connection.ts';
import { Histogram } from './histogram.ts';
import { openHttp1 } from './http1-connection.ts';
import { openHttp2 } from './http2-connection.ts';
import { type Dialect, http1Template, http2Templates } from './request.ts';

/** One measurement. Times are seconds. */
export interface Job {
  readonly host: string;
  readonly port: number;
  readonly transport: 'h1' | 'h2';
  readonly dialect: Dialect;
  readonly token: string;
  readonly connections: number;
  /** Calls in flight on one HTTP/2 connection; HTTP/1.1 carries one. */
  readonly streams: number;
  readonly load: Load;
  readonly warmupSeconds: number;
  readonly seconds: number;
  /** Which users are asked for: `count` of them from `first` on, every `step`th, in a scattered order that visits each once. */
  readonly users: {
    readonly first: number;
    readonly count: number;
    readonly step: number;
    readonly skip: number;
  };
}

/**
 * `closed`: a new call as soon as one is answered. `open`: a call every 1/rate seconds whatever the answers do, latency
 * counted from the moment at which the call was due. `count`: closed, and over after so many calls; no warm-up.
 */
export type Load =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly ratePerSecond: number }
  | { readonly kind: 'count'; readonly requests: number };

/** What was measured. Rates are of successful answers inside the measured time; errors are of the whole run. */
export interface Result {
  readonly ok: number;
  readonly errors: number;
  readonly errorTexts: Readonly<Record<string, number>>;
  readonly sent: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** Share of one core that the generator itself used. */
  readonly generatorCpu: number;
}

const drainMs = 3_000;
const errorTextsMax = 5;

/** Runs one job over connections of its own, and closes them. */
export async function drive(job: Job): Promise<Result> {
  const run = new Run(job);
  const connections = await Promise.all(Array.from({ length: job.connections }, () => open(job, run)));
  try {
    return await run.measure(connections);
  } finally {
    for (const connection of connections) connection.close();
  }
}

function open(job: Job, run: Run): Promise<Connection> {
  const { host, port, dialect, token } = job;
  const shape = { dialect, token, authority: `${host}:${port}` };
  const base = { host, port, dialect, onDone: run.onDone };
  if (job.transport === 'h1') return openHttp1({ ...base, template: http1Template(shape) });
  return openHttp2({ ...base, templates: http2Templates(shape), streamsMax: job.streams });
}

class Run {
  readonly #job: Job;
  readonly #histogram = new Histogram();
  readonly #errorTexts: Record<string, number> = {};
  readonly #stride: number;
  readonly #sendsMax: number;
  #place: number;
  #sent = 0;
  #answered = 0;
  #errors = 0;
  #ok = 0;
  #startMs = Number.POSITIVE_INFINITY;
  #endMs = Number.POSITIVE_INFINITY;
  #lastMs = 0;
  readonly #finished = Promise.withResolvers<void>();

  constructor(job: Job) {
    this.#job = job;
    this.#stride = strideOf(job.users.count);
    this.#place = (job.users.skip * this.#stride) % job.users.count;
    this.#sendsMax = job.load.kind === 'count' ? job.load.requests : Number.POSITIVE_INFINITY;
  }

  readonly onDone = (connection: Connection, startedMs: number, outcome: Outcome): void => {
    const nowMs = performance.now();
    this.#answered += 1;
    if (outcome !== undefined) this.#noteError(outcome);
    else if (nowMs >= this.#startMs && nowMs < this.#endMs) {
      this.#ok += 1;
      this.#lastMs = nowMs;
      this.#histogram.record((nowMs - startedMs) * 1000);
    }
    if (this.#job.load.kind !== 'open') this.#fill(connection, nowMs);
    if (this.#answered >= this.#sendsMax) this.#finished.resolve();
  };

  async measure(connections: readonly Connection[]): Promise<Result> {
    const { load, warmupSeconds, seconds } = this.#job;
    const beginMs = performance.now();
    this.#startMs = load.kind === 'count' ? beginMs : beginMs + warmupSeconds * 1000;
    this.#endMs = this.#startMs + seconds * 1000;
    const cpuBefore = process.cpuUsage();
    if (load.kind === 'open') await this.#sendAtRate(connections, load.ratePerSecond);
    else {
      for (const connection of connections) {
        this.#fill(connection, performance.now());
        connection.flush();
      }
      await Promise.race([this.#finished.promise, sleep(this.#endMs - performance.now())]);
    }
    const elapsedMs = performance.now() - beginMs;
    const cpu = process.cpuUsage(cpuBefore);
    await this.#drain();
    // A counted run ends with its last answer; a timed one measures the whole of its time.
    const measuredSeconds = load.kind === 'count' ? (this.#lastMs - this.#startMs) / 1000 : seconds;
    return this.#result(measuredSeconds, (cpu.user + cpu.system) / 1000 / elapsedMs);
  }

  #fill(connection: Connection, nowMs: number): void {
    if (nowMs >= this.#endMs) return;
    for (let room = connection.free(); room > 0 && this.#sent < this.#sendsMax; room--) {
      connection.send(this.#nextUser(), nowMs);
    }
  }

  /**
   * Looks at the clock in every turn of the event loop, so that a call leaves when it is due and not at a timer's
   * millisecond. A call for which there is no room waits, and the wait counts.
   */
  async #sendAtRate(connections: readonly Connection[], ratePerSecond: number): Promise<void> {
    const beginMs = performance.now();
    const gapMs = 1000 / ratePerSecond;
    let turn = 0;
    for (let nowMs = beginMs; nowMs < this.#endMs; nowMs = performance.now()) {
      let full = 0;
      while (beginMs + this.#sent * gapMs <= nowMs && full < connections.length) {
        const connection = connections[turn++ % connections.length];
        if (connection === undefined || connection.free() === 0) {
          full += 1;
          continue;
        }
        full = 0;
        connection.send(this.#nextUser(), beginMs + (this.#sent - 1) * gapMs);
      }
      for (const connection of connections) connection.flush();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #nextUser(): number {
    const { first, step, count } = this.#job.users;
    const user = first + step * this.#place;
    this.#place = (this.#place + this.#stride) % count;
    this.#sent += 1;
    return user;
  }

  async #drain(): Promise<void> {
    const deadlineMs = performance.now() + drainMs;
    while (this.#answered < this.#sent && performance.now() < deadlineMs) await sleep(2);
    for (let lost = this.#sent - this.#answered; lost > 0; lost--) this.#noteError('no answer');
  }

  #noteError(text: string): void {
    this.#errors += 1;
    const known = text in this.#errorTexts || Object.keys(this.#errorTexts).length < errorTextsMax;
    const key = known ? text : 'others';
    this.#errorTexts[key] = (this.#errorTexts[key] ?? 0) + 1;
  }

  #result(seconds: number, generatorCpu: number): Result {
    return {
      ok: this.#ok,
      errors: this.#errors,
      errorTexts: this.#errorTexts,
      sent: this.#sent,
      seconds,
      perSecond: this.#ok / seconds,
      p50Us: this.#histogram.percentileUs(50),
      p90Us: this.#histogram.percentileUs(90),
      p99Us: this.#histogram.percentileUs(99),
      maxUs: this.#histogram.maxUs,
      generatorCpu,
    };
  }
}

/** A step through 0…count−1 that visits each place once: about the golden section of `count`, and coprime to it. */
function strideOf(count: number): number {
  const greatestCommonDivisor = (a: number, b: number): number =>
    b === 0 ? a : greatestCommonDivisor(b, a % b);
  let stride = Math.max(1, Math.round(count * 0.618));
  while (greatestCommonDivisor(stride, count) !== 1) stride += 1;
  return stride;
}
