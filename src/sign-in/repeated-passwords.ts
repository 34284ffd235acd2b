import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import type { UserId } from '../domain/ids.ts';

const entriesMax = 4;
const usersMax = 10_000;
const lifeMs = 600_000;

interface Entry {
  readonly digest: string;
  readonly atMs: number;
}

export interface Guess {
  readonly userId: UserId;
  readonly password: string;
  /** What it was held against: after a new password nothing repeats, on whichever server that was set. */
  readonly hash: string;
  readonly nowMs: number;
}

/** Wrong passwords of the last minutes, as digests under a key that no disk has seen; gone with the process. */
export interface RepeatedPasswords {
  has(guess: Guess): boolean;
  add(guess: Guess): void;
}

/** Bounded: the users whose last wrong password is the longest ago go first. */
export function createRepeatedPasswords(): RepeatedPasswords {
  // Given bytes, Node makes an error each time to find out that they are no key: most of what an HMAC costs.
  const key = createSecretKey(randomBytes(32));
  const users = new Map<UserId, readonly Entry[]>();
  const digestOf = ({ hash, password }: Guess) =>
    createHmac('sha256', key).update(`${hash}\0${password}`).digest('base64');
  const fresh = (userId: UserId, nowMs: number) =>
    (users.get(userId) ?? []).filter(({ atMs }) => atMs > nowMs - lifeMs);
  return {
    has(guess) {
      const digest = digestOf(guess);
      return fresh(guess.userId, guess.nowMs).some((entry) => entry.digest === digest);
    },
    add(guess) {
      const { userId, nowMs } = guess;
      const entries = [...fresh(userId, nowMs), { digest: digestOf(guess), atMs: nowMs }];
      users.delete(userId);
      users.set(userId, entries.slice(-entriesMax));
      const oldest = users.keys().next().value;
      if (users.size > usersMax && oldest !== undefined) users.delete(oldest);
    },
  };
}
