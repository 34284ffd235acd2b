import type { LockedCounts } from '../store.ts';

/** Counts who is locked by the cause that the database reads out of `lockout`. No index: it looks at every user. */
export function lockedByCause(cause: string): string {
  return `SELECT ${cause} AS cause, count(*) AS users FROM users WHERE state = 'locked' GROUP BY 1`;
}

/** What lockedByCause answered. */
export function lockedCounts(rows: readonly Readonly<Record<string, unknown>>[]): LockedCounts {
  const counts = { policy: 0, administrator: 0, command_line: 0, unknown: 0 };
  for (const { cause, users } of rows) counts[isCause(cause) ? cause : 'unknown'] += Number(users);
  return counts;
}

function isCause(cause: unknown): cause is keyof LockedCounts {
  return cause === 'policy' || cause === 'administrator' || cause === 'command_line';
}
