import type { DatabaseSync } from 'node:sqlite';
import type { UserId } from '../../../domain/ids.ts';
import type { AttemptStore } from '../../attempt-store.ts';
import { attemptColumns, attemptValues, parseAttempt } from '../../sql/attempt-rows.ts';
import { reading } from '../error.ts';
import type { Write } from '../write-statements.ts';

/** Attempts in the embedded store. `only` says whether the write changed its one row. */
export function createAttempts(db: DatabaseSync, only: (row: Write) => Promise<boolean>): AttemptStore {
  const select = `SELECT ${attemptColumns} FROM password_checks WHERE`;
  const byId = db.prepare(`${select} attempt_id = ?`);
  const byUser = db.prepare(`${select} user_id = ? AND attempt_id IS NOT NULL`);
  const over = db.prepare(`${select} attempt_id IS NOT NULL AND until <= ? ORDER BY until LIMIT ?`);
  const external = db.prepare('SELECT user_id FROM profiles WHERE external_id = ? AND organization_id = ?');
  return {
    beginAttempt: (attempt, nowMs) => only(['beginAttempt', attemptValues(attempt, nowMs)]),
    loadAttempt: reading((by) => {
      const row = 'attemptId' in by ? byId.get(by.attemptId) : byUser.get(by.userId);
      return row && parseAttempt(row);
    }),
    dropAttempt: ({ userId, attemptId }) => only(['deleteAttempt', [userId, attemptId]]),
    listAttemptsOver: reading((nowMs, limit) => over.all(nowMs, limit).map(parseAttempt)),
    findExternal: reading(
      ({ externalId, organizationId }) =>
        external.get(externalId, organizationId)?.user_id as UserId | undefined,
    ),
  };
}
