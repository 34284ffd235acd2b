import { setTimeout as delay } from 'node:timers/promises';
import type { LockBackend, LockRow, LockToEnd } from '../backend-lock.ts';
import { toFailure } from '../failure.ts';

/** What became of one lock of a wave; `failed` is what says nothing of the user. */
export type Outcome = 'unlocked' | 'newer_lock' | 'not_locked' | 'not_found' | 'not_permitted' | 'failed';

export interface Item {
  readonly userId: string;
  readonly loginName: string;
  readonly generation: number;
  readonly outcome: Outcome;
  /** Why not, in the words of the refusal. */
  readonly message?: string;
}

export interface Wave {
  readonly locks: readonly LockRow[];
  readonly order: Pick<LockToEnd, 'ticket' | 'requestId'>;
  /** A second; 0: no limit. */
  readonly rate: number;
}

type Unlocks = Pick<LockBackend, 'unlockUser'>;

/** So many are under way at once: enough that the server's commits are full, and few beside all its other callers. */
const atOnceMax = 32;

/** Ends each of these very locks, in their order. Throws where the server stays away, is too slow, or takes no token. */
export async function* unlockEach(backend: Unlocks, wave: Wave): AsyncGenerator<Item> {
  const { locks, rate } = wave;
  const startMs = performance.now();
  const slice = rate === 0 ? atOnceMax : Math.min(rate, atOnceMax);
  for (let from = 0; from < locks.length; from += slice) {
    if (rate > 0) await delay(Math.max(0, startMs + (from / rate) * 1_000 - performance.now()));
    const asked = locks.slice(from, from + slice);
    yield* await Promise.all(asked.map((lock) => unlockOne(backend, wave, lock)));
  }
}

const triesMax = 30;
const againAfterMs = 1_000;

/** The request id makes another try safe: an unlock whose answer was lost is not done again. */
async function unlockOne(backend: Unlocks, { order }: Wave, lock: LockRow): Promise<Item> {
  const { userId, loginName, generation } = lock;
  const item = { userId, loginName, generation };
  for (let tries = 1; ; tries += 1) {
    try {
      await backend.unlockUser({ ...order, userId, expectedGeneration: BigInt(generation) });
      return { ...item, outcome: 'unlocked' };
    } catch (error) {
      const failure = toFailure(error);
      const { code, reason = '', message } = failure;
      if (code === 'unauthenticated') throw error;
      if (code === 'unavailable' || code === 'resource_exhausted') {
        if (tries === triesMax) throw error;
        await delay(againAfterMs);
      } else return { ...item, outcome: outcomes[reason] ?? byCode[code] ?? 'failed', message };
    }
  }
}

const outcomes: Readonly<Partial<Record<string, Outcome>>> = {
  LOCK_IS_ANOTHER: 'newer_lock',
  USER_NOT_LOCKED: 'not_locked',
};

const byCode: Readonly<Partial<Record<string, Outcome>>> = {
  not_found: 'not_found',
  permission_denied: 'not_permitted',
};
