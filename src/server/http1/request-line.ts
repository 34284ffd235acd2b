import { performance } from 'node:perf_hooks';
import type { StrangerWork, Turns } from '../http/turns.ts';

// So many are handled at once, for most of what comes of them runs after all of them; fewer, where they take long by themselves.
const atOnceMax = 4;
const atOnceMs = 1;

/** What a line needs of its connection. */
export interface LineOptions {
  readonly turns: Turns;
  readonly address: string;
  /** Whether nobody is there to be answered any more. */
  readonly isGone: () => boolean;
}

/**
 * Requests of one connection without a valid token, behind one that waits for its answer: one read of a socket may hold a
 * hundred of them, of which a few are handled in each turn of the event loop.
 */
export class RequestLine implements StrangerWork {
  readonly address: string;
  readonly isRest = true;
  readonly #turns: Turns;
  readonly #isGone: () => boolean;
  readonly #handlers: (() => void)[] = [];
  #isWaiting = false;

  constructor({ turns, address, isGone }: LineOptions) {
    this.address = address;
    this.#turns = turns;
    this.#isGone = isGone;
  }

  get isOver(): boolean {
    return this.#isGone();
  }

  add(handle: () => void): void {
    this.#handlers.push(handle);
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#turns.put(this);
  }

  /** Each is counted where it came in. */
  wait(): boolean {
    return true;
  }

  run(): void {
    this.#isWaiting = false;
    const startedMs = performance.now();
    for (let handled = 0; handled < atOnceMax && !this.#isGone(); handled++) {
      this.#handlers.shift()?.();
      if (this.#handlers.length === 0) return;
      if (performance.now() - startedMs >= atOnceMs) break;
    }
    if (this.#isGone()) return;
    this.#isWaiting = true;
    this.#turns.put(this);
  }
}
