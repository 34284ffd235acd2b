/** A place that was taken, to be given back once. */
export interface Place extends Disposable {
  /** What was done in it took long: until when its owner is kept apart. */
  hung(): void;
}

interface Waiting {
  readonly owner: string;
  readonly let: (place: Place) => void;
}

interface Known {
  readonly servedAtMs: number;
  readonly slowUntilMs: number;
}

/** How long whoever kept a place for long leaves the last one to others. */
const slowForMs = 3_600_000;

/**
 * A few places, for owners in turns: who holds fewest goes first, and of these who has had none for the longest. Of several
 * places one is kept free of owners who kept one for long lately: they wait for one another, and nobody for them.
 */
export class Places {
  readonly #max: number;
  readonly #taken = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();
  /** Of those who wait or were slow. */
  readonly #known = new Map<string, Known>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Rejects with the signal's reason once it is aborted: then nobody waits any more. */
  enter(owner: string, signal: AbortSignal): Promise<Place> {
    const { promise, resolve, reject } = Promise.withResolvers<Place>();
    const waiting: Waiting = { owner, let: resolve };
    this.#waiting.add(waiting);
    const leave = () => {
      if (this.#waiting.delete(waiting)) reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#letIn();
    return promise;
  }

  #letIn(): void {
    const nowMs = performance.now();
    this.#forget(nowMs);
    for (let next = this.#next(nowMs); next !== undefined; next = this.#next(nowMs)) {
      this.#waiting.delete(next);
      next.let(this.#place(next.owner, nowMs));
    }
  }

  #next(nowMs: number): Waiting | undefined {
    let [taken, slow] = [0, 0];
    for (const [owner, count] of this.#taken) {
      taken += count;
      if (this.#isSlow(owner, nowMs)) slow += count;
    }
    if (taken >= this.#max) return undefined;
    const hasRoomForSlow = slow < Math.max(1, this.#max - 1);
    let next: Waiting | undefined;
    for (const one of this.#waiting) {
      if (!hasRoomForSlow && this.#isSlow(one.owner, nowMs)) continue;
      if (next === undefined || this.#isBefore(one.owner, next.owner)) next = one;
    }
    return next;
  }

  #isBefore(owner: string, other: string): boolean {
    const [own, others] = [this.#taken.get(owner) ?? 0, this.#taken.get(other) ?? 0];
    return own < others || (own === others && this.#servedAtMs(owner) < this.#servedAtMs(other));
  }

  #place(owner: string, servedAtMs: number): Place {
    const slowUntilMs = this.#known.get(owner)?.slowUntilMs ?? 0;
    this.#known.set(owner, { servedAtMs, slowUntilMs });
    this.#taken.set(owner, (this.#taken.get(owner) ?? 0) + 1);
    return {
      hung: () => {
        this.#known.set(owner, { servedAtMs, slowUntilMs: performance.now() + slowForMs });
      },
      [Symbol.dispose]: () => {
        const left = (this.#taken.get(owner) ?? 0) - 1;
        if (left > 0) this.#taken.set(owner, left);
        else this.#taken.delete(owner);
        this.#letIn();
      },
    };
  }

  #servedAtMs(owner: string): number {
    return this.#known.get(owner)?.servedAtMs ?? 0;
  }

  #isSlow(owner: string, nowMs: number): boolean {
    return (this.#known.get(owner)?.slowUntilMs ?? 0) > nowMs;
  }

  // Where nobody waits, nobody's turn counts.
  #forget(nowMs: number): void {
    if (this.#waiting.size > 1) return;
    for (const [owner, { slowUntilMs }] of this.#known) {
      if (slowUntilMs <= nowMs && !this.#taken.has(owner)) this.#known.delete(owner);
    }
  }
}
