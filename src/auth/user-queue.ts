import { DomainError } from '../domain/errors.ts';

/** Of all users together, under way or waiting; the next one is turned away. */
const checksMax = 256;

/** Work about one user at a time. */
export interface UserQueue {
  /** Throws overloaded. */
  run<Value>(key: string, work: () => Promise<Value>): Promise<Value>;
}

/**
 * Checks of one user's password run one after the other: parallel guesses cannot all start before the first is counted
 * (CVE-2023-47111 and its kin). Names that nobody has wait in the same way, so that parallel guesses do not tell them
 * apart. Other servers are held by the store's claims.
 */
export function createUserQueue(): UserQueue {
  const queues = new Map<string, Promise<unknown>>();
  let checks = 0;
  return {
    async run(key, work) {
      if (checks >= checksMax) throw new DomainError('overloaded');
      checks += 1;
      const turn = (queues.get(key) ?? Promise.resolve()).then(work, work);
      queues.set(key, turn);
      try {
        return await turn;
      } finally {
        checks -= 1;
        if (queues.get(key) === turn) queues.delete(key);
      }
    },
  };
}
