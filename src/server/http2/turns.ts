import { performance } from 'node:perf_hooks';

// So much of one turn of the event loop is for strangers; then everybody else has a word.
const strangersMs = 5;

/** Work for a stranger that waits, or is of no use any more. */
export interface StrangerWork {
  readonly isOver: boolean;
  /** Whether there is room for it until its turn comes. */
  wait(): boolean;
  run(): void;
}

/**
 * Shares the event loop: what strangers' connections have sent is read for a few milliseconds in each turn, with all that
 * comes of it, and the rest in turns to come. Who came last goes first: those who flood wait behind their own flood, and
 * one who has just come does not.
 */
export class Turns {
  readonly #waiting: StrangerWork[] = [];
  #startedMs: number | undefined;

  /** Whether there is time now; if not, the work waits for its turn. */
  take(work: StrangerWork): boolean {
    if (this.#startedMs === undefined) {
      this.#startedMs = performance.now();
      setImmediate(this.#next);
      return true;
    }
    if (this.#waiting.length === 0 && performance.now() - this.#startedMs < strangersMs) return true;
    if (work.wait()) this.#waiting.push(work);
    return false;
  }

  readonly #next = (): void => {
    this.#startedMs = undefined;
    let work = this.#waiting.pop();
    while (work?.isOver === true) work = this.#waiting.pop();
    if (work === undefined) return;
    this.#startedMs = performance.now();
    // One at a time: most of what comes of it runs once this returns.
    setImmediate(this.#next);
    work.run();
  };
}
