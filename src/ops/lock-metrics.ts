import type { UserEvent } from '../domain/events.ts';
import type { LockCause } from '../domain/lock.ts';
import type { User } from '../domain/user.ts';
import type { StoreMeasures } from './measures.ts';
import { Histogram, type Metric, product, Values } from './registry.ts';

/** 'unknown': a lock from before locks had records. */
const lockCauses = ['policy', 'administrator', 'command_line', 'unknown'] as const;
export type CountedCause = LockCause | 'unknown';

/** How many users are locked, by the cause of the lock. */
export type LockedUsers = Readonly<Record<CountedCause, number>>;

export interface LockMetrics extends Pick<StoreMeasures, 'moved'> {
  readonly metrics: readonly Metric[];
  /** How often the gauge has been moved: what was counted in the database meanwhile may contradict it. */
  readonly moves: number;
  /** What the database says. */
  setLocked(counts: LockedUsers): void;
}

const minute = 60;
const ageSeconds = [
  minute,
  5 * minute,
  15 * minute,
  3_600,
  4 * 3_600,
  86_400,
  3 * 86_400,
  7 * 86_400,
  30 * 86_400,
];

/** Locks and unlocks that this server has written, and who is locked: counted once, then moved by them. */
export function createLockMetrics(): LockMetrics {
  const rows = product({ cause: lockCauses });
  const locked = new Values(
    'gauge',
    { name: 'latchkey_locked_users', help: 'Users who are locked, by the cause of their lock.' },
    rows,
  );
  locked.values.fill(Number.NaN);
  const locks = new Values('counter', { name: 'latchkey_locks', help: 'Locks set, by cause.' }, rows);
  const unlocks = new Values(
    'counter',
    {
      name: 'latchkey_unlocks',
      help: 'Locks ended by an unlock or by their time, by the cause of the lock.',
    },
    rows,
  );
  const age = new Histogram(
    {
      name: 'latchkey_lock_age_seconds',
      help: 'How long those had been locked who were unlocked, by the cause of the lock.',
      unit: 'seconds',
    },
    { bounds: ageSeconds, rows },
  );
  let moves = 0;
  const leave = (cause: number) => {
    locked.add(cause, -1);
    moves += 1;
  };
  return {
    metrics: [locked, locks, unlocks, age],
    get moves() {
      return moves;
    },
    setLocked(counts) {
      for (const [row, cause] of lockCauses.entries()) locked.set(row, counts[cause]);
    },
    moved(before, events, atMs) {
      let cause = lockOf(before);
      for (const event of events) {
        if (event.type === 'user.locked') {
          cause = causeRow(event.payload.cause);
          locks.add(cause, 1);
          locked.add(cause, 1);
          moves += 1;
        } else if (cause !== notLocked && endsLock.has(event.type)) {
          leave(cause);
          if (event.type === 'user.unlocked') {
            unlocks.add(cause, 1);
            age.observe(cause, Math.max(0, atMs - lockedSince(before, atMs)) / 1_000);
          }
          cause = notLocked;
        }
      }
    },
  };
}

const endsLock: ReadonlySet<UserEvent['type']> = new Set([
  'user.unlocked',
  'user.deactivated',
  'user.removed',
]);
const notLocked = -1;

const lockOf = (user: User | undefined) =>
  user?.state === 'locked' ? causeRow(user.lockout.lock?.cause) : notLocked;

const causeRow = (cause: LockCause | undefined) => lockCauses.indexOf(cause ?? 'unknown');

// Before locks had records, the change that locked is the last one that moved the row as a rule.
const lockedSince = (user: User | undefined, atMs: number) =>
  user?.lockout.lock?.since ?? user?.changedAt ?? atMs;
