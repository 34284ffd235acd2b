import type { EventMeta } from '../../domain/events.ts';
import { evolve } from '../../domain/evolve/evolve.ts';
import type { User } from '../../domain/user.ts';
import { lockoutValues } from '../sql/rows.ts';
import type { Change } from '../store.ts';
import type { Connection, Statement } from './connection.ts';
import { unfenced } from './fence.ts';

/** A change that moves a row and writes one event, and the row that it leads to. */
export interface PlainChange {
  readonly change: Change;
  readonly before: User;
  readonly after: User;
}

/** Nearly all changes are plain; undefined for the others, which take a transaction of their own. */
export function parsePlain(change: Change): PlainChange | undefined {
  const { before, events, userId, at, secrets, codes, attemptId } = change;
  const [event] = events;
  // A hash, a code or an attempt is in another row.
  if (secrets !== undefined || codes !== undefined || attemptId !== undefined) return undefined;
  if (before === undefined || event === undefined || events.length > 1) return undefined;
  if (!plainTypes.has(event.type)) return undefined;
  return { change, before, after: evolve(before, event, { userId, createdAt: at.createdAt }) };
}

/** Of events that move the user's row and leave all others alone, but for what ends with a lock. */
export const plainTypes: ReadonlySet<string> = new Set([
  'user.locked',
  'user.unlocked',
  'user.deactivated',
  'user.reactivated',
  'user.human.password.check.failed',
  'user.human.password.check.succeeded',
]);

/**
 * Carries out plain changes of different users in one statement, one commit: answers the ids of the users that moved;
 * the others were stale. Where the statement throws, none has moved.
 *
 * Compare-and-set needs no more than READ COMMITTED. The UPDATE names the version that was decided on. Where another
 * transaction has changed the row and not yet committed, the UPDATE waits for its row lock; then PostgreSQL puts the
 * newest committed version through the WHERE once more (EvalPlanQual), finds another sequence there and leaves the row
 * alone. So of all that decided on one version exactly one moves it, and only what moved is logged. No decision rests
 * on a row that this statement reads but does not write, which is what a stricter level would be for. Where the
 * database is stricter anyway (CockroachDB), the loser fails with 40001 instead, and `withRetries` asks again.
 */
export async function moveAll(
  connection: Connection,
  members: readonly PlainChange[],
  batchId: string,
): Promise<ReadonlySet<string>> {
  // Everybody locks rows in the same order, so that batches of two servers wait for one another but never in a ring.
  const sorted = [...members].sort((one, other) => compare(one.before.userId, other.before.userId));
  const endsTokens = members.some(
    ({ before, after }) => after.tokensEndedSequence !== before.tokensEndedSequence,
  );
  const rows = await connection.query(endsTokens ? moveAndEndTokens : move, [...arrays(sorted), batchId]);
  return new Set(rows.map(({ user_id }) => user_id as string));
}

/** The ids of those whose rows nobody else holds at the moment. Throws where a lock on the whole table is in the way. */
export async function findFree(
  connection: Connection,
  members: readonly PlainChange[],
): Promise<ReadonlySet<string>> {
  const rows = await connection.query(freeRows, [members.map(({ before }) => before.userId)]);
  return new Set(rows.map(({ user_id }) => user_id as string));
}

const freeRows: Statement = {
  name: 'free_rows',
  text: 'SELECT user_id FROM users WHERE user_id = ANY($1::text[]) FOR NO KEY UPDATE SKIP LOCKED',
};

function compare(one: string, other: string): number {
  return one < other ? -1 : 1;
}

/** Which of the changes stand in the log: the event's id at the place where the change would have put it. */
export async function findLogged(
  connection: Connection,
  changes: readonly Change[],
): Promise<ReadonlySet<Change>> {
  const rows = await connection.query(logged, [
    changes.map(({ userId }) => userId),
    changes.map(({ before }) => (before?.sequence ?? 0) + 1),
  ]);
  const eventIds = new Map(rows.map(({ user_id, event_id }) => [user_id, event_id]));
  return new Set(changes.filter(({ userId, at }) => eventIds.get(userId) === at.eventId));
}

const logged: Statement = {
  name: 'find_logged',
  text:
    'SELECT events.user_id, events.event_id FROM unnest($1::text[], $2::bigint[]) AS wanted(user_id, sequence) ' +
    'JOIN events ON events.user_id = wanted.user_id AND events.sequence = wanted.sequence',
};

const metaMembers = {
  actor_user_id: 'actorUserId',
  actor_os_user: 'actorOsUser',
  actor_subject: 'actorSubject',
  ip: 'ip',
  user_agent: 'userAgent',
  request_id: 'requestId',
  traceparent: 'traceparent',
  reason: 'reason',
} as const satisfies Record<string, keyof EventMeta>;

/** Columns of `events` that hold who did it, from where and why, with the members that they are of. */
export const metaColumns: readonly (readonly [string, keyof EventMeta])[] = Object.entries(metaMembers);
/** The columns of them, to be named in SQL. */
export const metaNames: string = metaColumns.map(([column]) => column).join(', ');

function arrays(members: readonly PlainChange[]): readonly (readonly unknown[])[] {
  const lockouts = members.map(({ after }) => lockoutValues(after.lockout));
  return [
    members.map(({ before }) => before.userId),
    members.map(({ before }) => before.sequence),
    members.map(({ after }) => after.state),
    members.map(({ after }) => after.changedAt),
    members.map(({ after }) => after.failedPasswordAttempts),
    members.map(({ after }) => after.tokensEndedSequence),
    lockouts.map(([lockout]) => lockout),
    lockouts.map(([, lockUntil]) => lockUntil),
    members.map(({ change }) => change.at.eventId),
    members.map(({ change }) => change.events[0]?.type),
    members.map(({ change }) => JSON.stringify(change.events[0]?.payload)),
    ...metaColumns.map(([, key]) => members.map(({ change }) => change.meta[key])),
  ];
}

const parameters =
  '$1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[], $9::text[], ' +
  '$10::text[], $11::text[], ' +
  metaColumns.map((_, index) => `$${index + 12}::text[]`).join(', ');

const batchParameter = `$${metaColumns.length + 12}::text`;

const moving =
  `WITH input AS (SELECT * FROM unnest(${parameters}) AS input(user_id, before_sequence, state, changed_at, ` +
  `failed_password_attempts, tokens_ended_sequence, lockout, lock_until, event_id, type, payload, ${metaNames})), ` +
  'moved AS (UPDATE users SET state = input.state, sequence = input.before_sequence + 1, changed_at = input.changed_at, ' +
  'failed_password_attempts = input.failed_password_attempts, tokens_ended_sequence = input.tokens_ended_sequence, ' +
  'lockout = input.lockout, lock_until = input.lock_until FROM input WHERE users.user_id = input.user_id AND users.sequence = input.before_sequence ' +
  `AND ${unfenced} = 1 RETURNING input.*), ` +
  `batch AS (INSERT INTO batches (batch_id, events, created_at) SELECT ${batchParameter}, count(*), max(changed_at) FROM moved HAVING count(*) > 0), ` +
  `logged AS (INSERT INTO events (user_id, sequence, batch_id, place, created_at, event_id, type, payload, ${metaNames}) ` +
  `SELECT user_id, before_sequence + 1, ${batchParameter}, row_number() OVER () - 1, changed_at, event_id, type, payload, ${metaNames} FROM moved)`;

const move: Statement = { name: 'move', text: `${moving} SELECT user_id FROM moved` };

// Who is locked or deactivated loses every token, code and session. Whoever adds one moves the row as well, so none can slip in between.
const moveAndEndTokens: Statement = {
  name: 'move_and_end_tokens',
  text:
    `${moving}, ended AS (DELETE FROM tokens USING moved WHERE tokens.user_id = moved.user_id ` +
    'AND moved.tokens_ended_sequence = moved.before_sequence + 1), ' +
    'voided AS (DELETE FROM codes USING moved WHERE codes.user_id = moved.user_id ' +
    'AND moved.tokens_ended_sequence = moved.before_sequence + 1), ' +
    'signed_out AS (DELETE FROM sessions USING moved WHERE sessions.user_id = moved.user_id ' +
    'AND moved.tokens_ended_sequence = moved.before_sequence + 1) SELECT user_id FROM moved',
};
