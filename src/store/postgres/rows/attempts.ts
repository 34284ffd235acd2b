import type { UserId } from '../../../domain/ids.ts';
import type { AttemptStore } from '../../attempt-store.ts';
import { claimMsMax } from '../../session-store.ts';
import { attemptColumns, attemptValues, parseAttempt } from '../../sql/attempt-rows.ts';
import type { Change } from '../../store.ts';
import type { Connection, Statement } from '../connection.ts';
import { unfenced } from '../fence.ts';
import type { AskRows } from './ask.ts';

/** Attempts in PostgreSQL. Each is one statement. */
export function createAttempts(rows: AskRows): AttemptStore {
  const one = async (statement: Statement, values: readonly unknown[]) => (await rows(statement, values))[0];
  return {
    beginAttempt: async (attempt, nowMs) => (await one(begin, attemptValues(attempt, nowMs))) !== undefined,
    async loadAttempt(by) {
      const row = await ('attemptId' in by ? one(byId, [by.attemptId]) : one(byUser, [by.userId]));
      return row && parseAttempt(row);
    },
    dropAttempt: async ({ userId, attemptId }) => (await one(drop, [userId, attemptId])) !== undefined,
    listAttemptsOver: async (nowMs, limit) => (await rows(over, [nowMs, limit])).map(parseAttempt),
    async findExternal({ externalId, organizationId }) {
      return (await one(external, [externalId, organizationId]))?.user_id as UserId | undefined;
    },
  };
}

/** The attempt that a change is to end is no more: nothing of the change may stay. */
export class AttemptOver extends Error {
  override readonly name = 'AttemptOver';
}

/** Deletes the attempt that the change ends, behind the user's own row. Throws AttemptOver. */
export async function endAttempt(connection: Connection, { userId, attemptId }: Change): Promise<void> {
  if (attemptId === undefined) return;
  if ((await connection.query(drop, [userId, attemptId])).length === 0) throw new AttemptOver();
}

/** A deleted user is not being checked by anybody. */
export const deleteChecks: Statement = {
  name: 'delete_checks',
  text: 'DELETE FROM password_checks WHERE user_id = $1',
};

// As a claim; but nobody takes it from its holder, even when it is over: it is to be counted first.
const begin: Statement = {
  name: 'begin_attempt',
  text:
    'INSERT INTO password_checks AS held (user_id, sequence, holder, until, attempt_id, attempt) ' +
    `VALUES ($1,$2::bigint * ${unfenced},$3,$4,$3,$6) ON CONFLICT (user_id) DO UPDATE ` +
    'SET sequence = excluded.sequence, holder = excluded.holder, until = excluded.until, ' +
    'attempt_id = excluded.attempt_id, attempt = excluded.attempt ' +
    'WHERE held.attempt_id IS NULL AND (held.sequence < excluded.sequence ' +
    `OR held.until NOT BETWEEN $5::bigint + 1 AND $5::bigint + ${claimMsMax}) RETURNING held.user_id`,
};
const select = `SELECT ${attemptColumns} FROM password_checks WHERE`;
const byId: Statement = { name: 'attempt_by_id', text: `${select} attempt_id = $1` };
const byUser: Statement = {
  name: 'attempt_by_user',
  text: `${select} user_id = $1 AND attempt_id IS NOT NULL`,
};
const drop: Statement = {
  name: 'drop_attempt',
  text: `DELETE FROM password_checks WHERE user_id = $1 AND attempt_id = $2 AND ${unfenced} = 1 RETURNING user_id`,
};
const over: Statement = {
  name: 'attempts_over',
  text: `${select} attempt_id IS NOT NULL AND until <= $1 ORDER BY until LIMIT $2`,
};
const external: Statement = {
  name: 'find_external',
  text: 'SELECT user_id FROM profiles WHERE external_id = $1 AND organization_id = $2',
};
