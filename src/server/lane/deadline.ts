import { Code, ConnectError } from '@connectrpc/connect';

/** Something that ends by itself when its time is over. The links belong to the `Deadlines` that it was given to. */
export interface Timed {
  /** By the clock that never jumps: performance.now. */
  deadlineAtMs: number;
  timer: NodeJS.Timeout | undefined;
  older: Timed | undefined;
  newer: Timed | undefined;
  /** Its time is over. */
  expire(): void;
}

/** Bounds on how long a call may take. */
export interface DeadlineOptions {
  /** For calls that name none. */
  readonly defaultTimeoutMs: number;
  /** No call gets more than this, whatever it names. */
  readonly timeoutMsMax: number;
}

/**
 * The deadlines of all calls in flight. A call that names its own has a timer; all others have the same length, so they
 * stand in one list in the order of their ends, swept a few times a second: no timer for each call.
 */
export class Deadlines {
  readonly timeoutMsMax: number;
  readonly #defaultTimeoutMs: number;
  readonly #sweep: NodeJS.Timeout;
  #oldest: Timed | undefined;
  #newest: Timed | undefined;
  /** How many have started and not stopped. */
  count = 0;

  constructor({ defaultTimeoutMs, timeoutMsMax }: DeadlineOptions) {
    // Node fires a timer beyond 2^31-1 at once.
    this.timeoutMsMax = Math.min(timeoutMsMax, 2 ** 31 - 1);
    this.#defaultTimeoutMs = Math.min(defaultTimeoutMs, this.timeoutMsMax);
    const sweepMs = Math.max(10, Math.min(500, this.#defaultTimeoutMs / 10));
    this.#sweep = setInterval(() => this.#expireOverdue(), sweepMs).unref();
  }

  /** Starts the clock; `timeoutMs` is what the client asked for. */
  start(timed: Timed, timeoutMs: number | undefined): void {
    this.count++;
    if (timeoutMs !== undefined) {
      const boundedMs = Math.min(timeoutMs, this.timeoutMsMax);
      timed.deadlineAtMs = performance.now() + boundedMs;
      timed.timer = setTimeout(expire, boundedMs, timed);
      return;
    }
    timed.deadlineAtMs = performance.now() + this.#defaultTimeoutMs;
    timed.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = timed;
    else this.#newest.newer = timed;
    this.#newest = timed;
  }

  /** Stops the clock; exactly once for each start. */
  stop(timed: Timed): void {
    this.count--;
    if (timed.timer !== undefined) {
      clearTimeout(timed.timer);
      return;
    }
    const { older, newer } = timed;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    timed.older = undefined;
    timed.newer = undefined;
  }

  close(): void {
    clearInterval(this.#sweep);
  }

  #expireOverdue(): void {
    const nowMs = performance.now();
    while (this.#oldest !== undefined && this.#oldest.deadlineAtMs <= nowMs) {
      const overdue = this.#oldest;
      overdue.expire();
      // Whoever expires stops its clock; should one not, the sweep must still end.
      if (this.#oldest === overdue) this.stop(overdue);
    }
  }
}

/** What a call past its deadline is answered with. */
export function deadlineExceeded(): ConnectError {
  return new ConnectError('the operation timed out', Code.DeadlineExceeded);
}

function expire(timed: Timed): void {
  timed.expire();
}
