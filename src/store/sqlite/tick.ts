import { asStoreError } from './error.ts';

/** Runs the reads of one turn of the event loop, all in one snapshot. */
export type Snapshot = (reads: () => void) => void;

/**
 * Gathers the look-ups of one turn of the event loop and makes them together: one read for all that ask for the same
 * key, one snapshot for all reads. They happen after the last of them was asked, so no answer is older than its
 * question: a batch, not a cache.
 */
export class TickReader {
  readonly #snapshot: Snapshot;
  readonly #kinds: Kind<unknown>[] = [];
  #isScheduled = false;

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  /** A kind of look-up by key. All that ask for one key in one turn are given the very same value. */
  of<Value>(read: (key: string) => Value): (key: string) => Promise<Value> {
    const kind: Kind<Value> = { read, asked: new Map() };
    this.#kinds.push(kind as Kind<unknown>);
    return (key) => {
      const there = kind.asked.get(key);
      if (there !== undefined) return there.promise;
      if (!this.#isScheduled) {
        this.#isScheduled = true;
        setImmediate(() => this.#flush());
      }
      const asked = Promise.withResolvers<Value>();
      kind.asked.set(key, asked);
      return asked.promise;
    };
  }

  #flush(): void {
    this.#isScheduled = false;
    const batches = this.#kinds.map(takeAsked);
    try {
      this.#snapshot(() => batches.forEach(answerAll));
    } catch (error) {
      // The snapshot itself failed; for those that are answered already this changes nothing.
      const failure = asStoreError(error);
      for (const { asked } of batches) for (const { reject } of asked.values()) reject(failure);
    }
  }
}

interface Kind<Value> {
  readonly read: (key: string) => Value;
  asked: Map<string, PromiseWithResolvers<Value>>;
}

function takeAsked<Value>(kind: Kind<Value>): Readonly<Kind<Value>> {
  const { read, asked } = kind;
  kind.asked = new Map();
  return { read, asked };
}

function answerAll<Value>({ read, asked }: Readonly<Kind<Value>>): void {
  for (const [key, { resolve, reject }] of asked) {
    try {
      resolve(read(key));
    } catch (error) {
      reject(asStoreError(error));
    }
  }
}
