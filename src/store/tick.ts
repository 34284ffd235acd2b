import { asStoreError } from './sqlite-error.ts';

interface Group {
  readonly read: () => unknown;
  readonly waiting: { readonly resolve: (value: never) => void; readonly reject: (error: unknown) => void }[];
}

/** Runs the reads of one turn of the event loop, all in one snapshot. */
export type Snapshot = (reads: () => void) => void;

/**
 * Gathers the look-ups of one turn of the event loop and makes them together: one read for all that ask for the same
 * key, one snapshot for all reads. They happen after the last of them was asked, so no answer is older than its
 * question: a batch, not a cache.
 */
export class TickReader {
  readonly #snapshot: Snapshot;
  #groups = new Map<string, Group>();

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  /** `kind` keeps apart the keys of different reads; one character, for the sake of speed. */
  read<Value>(kind: string, key: string, read: (key: string) => Value): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      if (this.#groups.size === 0) setImmediate(() => this.#flush());
      const name = kind + key;
      const group = this.#groups.get(name);
      if (group === undefined) {
        this.#groups.set(name, { read: () => read(key), waiting: [{ resolve, reject }] });
      } else group.waiting.push({ resolve, reject });
    });
  }

  #flush(): void {
    const groups = this.#groups;
    this.#groups = new Map();
    try {
      this.#snapshot(() => {
        for (const group of groups.values()) answer(group);
      });
    } catch (error) {
      // The snapshot itself failed; for those that are answered already this changes nothing.
      const failure = asStoreError(error);
      for (const { waiting } of groups.values()) for (const { reject } of waiting) reject(failure);
    }
  }
}

function answer({ read, waiting }: Group): void {
  try {
    const value = read();
    for (const { resolve } of waiting) resolve(value as never);
  } catch (error) {
    const failure = asStoreError(error);
    for (const { reject } of waiting) reject(failure);
  }
}
