import type { UserId } from '../../domain/ids.ts';
import type { AttemptFacts, StoredAttempt } from '../attempt-store.ts';
import type { Row } from './rows.ts';

/** Of password_checks, for parseAttempt. */
export const attemptColumns = 'user_id, sequence, until, attempt_id, attempt';

/** A row of attemptColumns that is an attempt. */
export function parseAttempt(row: Row): StoredAttempt {
  return {
    ...(JSON.parse(row.attempt as string) as AttemptFacts),
    attemptId: row.attempt_id as string,
    userId: row.user_id as UserId,
    sequence: row.sequence as number,
    until: row.until as number,
  };
}

/** User id, sequence, attempt id, until, now, and the rest as JSON. */
export function attemptValues(
  { userId, sequence, attemptId, until, ...facts }: StoredAttempt,
  nowMs: number,
): readonly (string | number)[] {
  return [userId, sequence, attemptId, until, nowMs, JSON.stringify(facts)];
}
