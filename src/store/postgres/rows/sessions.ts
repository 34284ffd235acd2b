import { randomBytes } from 'node:crypto';
import { claimMsMax, type SessionStore, type StoredSession } from '../../session-store.ts';
import { loginSql, loginValues, parseLogins } from '../../sql/login-name.ts';
import type { Row } from '../../sql/rows.ts';
import {
  parseSessionRecord,
  sessionColumns,
  sessionRecordColumns,
  sessionRecordTables,
  sessionValues,
} from '../../sql/session-rows.ts';
import type { Change, Store } from '../../store.ts';
import type { Connection, Statement } from '../connection.ts';
import { postgresDialect } from '../dialect.ts';
import { unfenced } from '../fence.ts';
import { batchLoads } from '../loads.ts';
import type { Pool } from '../pool.ts';
import { askOf, isNoText, rowsOf } from './ask.ts';
import { createAttempts } from './attempts.ts';

type Sessions = Omit<SessionStore, 'listSessions'>;
type Append = Store['append'];

const keyBytes = 32;

/**
 * Sign-ins in PostgreSQL. Each is one statement, so none needs a transaction of its own; a session that an append begins
 * is the next one, so that the append goes into one batch with everybody else's.
 */
export function createSessions(
  pool: Pool,
  patienceMs: number,
  append: Append,
): Sessions & { readonly append: Append } {
  const ask = askOf(pool, patienceMs);
  const rows = rowsOf(ask);
  const tell = async (statement: Statement, values: readonly unknown[]) =>
    (await rows(statement, values)).length === 1;
  const readKey = async () => (await rows(signingKey, []))[0]?.secret as Uint8Array | undefined;

  const addSession = async (session: StoredSession): Promise<void> => {
    // Nobody else makes a session of this id: where it is there, an attempt whose answer was lost has made it.
    const isNew = await tell(insert, rowOf(session));
    if (!isNew && !(await isStored(session))) throw new Error('bug: a session id twice');
  };

  return {
    append: beginning(append, addSession),
    findLogins: createFinder(pool, patienceMs),
    async loadSession(sessionId) {
      const [row] = await rows(load, [sessionId]);
      return row && parseSessionRecord(row);
    },
    addSession,
    async changeSession(before, after) {
      const { sessionId, sequence } = before;
      if (after === undefined)
        return ask((connection, mayBeDone) => deleted(connection, sessionId, sequence, mayBeDone));
      // Lost answers: the row that stands there with this token's hash is the one that this change made.
      return (await tell(update, [...rowOf(after), sequence])) || (await isStored(after));
    },
    async removeSessionsOver(nowMs, limit) {
      const removed = await rows(deleteOver, [nowMs, limit]);
      await rows(deleteChecksOver, [nowMs, limit]);
      return removed.length;
    },
    claimCheck: ({ userId, sequence, holder, until, nowMs }) =>
      tell(claim, [userId, sequence, holder, until, nowMs]),
    ...createAttempts(rows),
    async loadSigningKey() {
      const found = await readKey();
      if (found !== undefined) return found;
      await rows(insertKey, [randomBytes(keyBytes)]);
      const made = await readKey();
      if (made === undefined) throw new Error('bug: no signing key');
      return made;
    },
  };

  async function isStored({ sessionId, sequence, tokenHash }: StoredSession): Promise<boolean> {
    return tell(stored, [sessionId, sequence, tokenHash]);
  }
}

/** Of a change that begins a session, the append and then the session. */
function beginning(append: Append, addSession: Sessions['addSession']): Append {
  const both = async (change: Change, session: StoredSession) => {
    const outcome = await append(change);
    if (typeof outcome !== 'string') await addSession(session);
    return outcome;
  };
  return (change) => (change.session === undefined ? append(change) : both(change, change.session));
}

// Where an answer was lost, a row that is gone may have been deleted by this very call: gone is what was asked for.
async function deleted(
  connection: Connection,
  sessionId: string,
  sequence: number,
  mayBeDone: boolean,
): Promise<boolean> {
  const rows = await connection.query(remove, [sessionId, sequence]);
  if (rows.length === 1 || !mayBeDone) return rows.length === 1;
  return (await connection.query(load, [sessionId])).length === 0;
}

function rowOf(session: StoredSession): readonly unknown[] {
  return [...sessionValues(session), session.tokenHash];
}

/** Many names at once in one query. */
function createFinder(pool: Pool, patienceMs: number): Sessions['findLogins'] {
  const logins = batchLoads({ pool, patienceMs }, readLogins);
  return async (name, where) => {
    const values = loginValues(name, where);
    return values.some(isNoText) ? [] : parseLogins((await logins(JSON.stringify(values))) ?? []);
  };
}

/** The rows of loginSql for each of its values, as JSON. */
async function readLogins(
  connection: Connection,
  keys: readonly string[],
): Promise<ReadonlyMap<string, readonly Row[]>> {
  const sought = keys.map((key) => JSON.parse(key) as ReturnType<typeof loginValues>);
  const columns = [0, 1, 2, 3, 4].map((index) => sought.map((values) => values[index]));
  const rows = await connection.query(logins, columns);
  return Map.groupBy(rows, ({ place }) => keys[Number(place) - 1] ?? '');
}

const logins: Statement = {
  name: 'find_logins',
  text:
    'SELECT sought.place, found.user_id, found.login_rank ' +
    'FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) ' +
    'WITH ORDINALITY AS sought(value1, value2, value3, value4, value5, place) ' +
    `CROSS JOIN LATERAL (${loginSql((index) => `sought.value${index}`, postgresDialect.member)}) AS found ` +
    'ORDER BY sought.place, found.login_rank DESC',
};
const load: Statement = {
  name: 'load_session',
  text: `SELECT ${sessionRecordColumns} FROM ${sessionRecordTables} WHERE sessions.session_id = $1`,
};
const stored: Statement = {
  text: 'SELECT 1 AS stored FROM sessions WHERE session_id = $1 AND sequence = $2 AND token_hash = $3',
};
const insert: Statement = {
  name: 'insert_session',
  text:
    `INSERT INTO sessions (${sessionColumns}) VALUES ($1,$2::bigint * ${unfenced},$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14) ` +
    'ON CONFLICT DO NOTHING RETURNING session_id',
};
const update: Statement = {
  name: 'update_session',
  text:
    `UPDATE sessions SET (${sessionColumns}) = ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14) ` +
    `WHERE session_id = $1 AND sequence = $15 AND ${unfenced} = 1 RETURNING session_id`,
};
const remove: Statement = {
  name: 'delete_session',
  text: `DELETE FROM sessions WHERE session_id = $1 AND sequence = $2 AND ${unfenced} = 1 RETURNING session_id`,
};
const deleteOver: Statement = {
  name: 'delete_sessions_over',
  text:
    'DELETE FROM sessions WHERE session_id IN (SELECT session_id FROM sessions WHERE expires_at <= $1 ' +
    `ORDER BY expires_at LIMIT $2) AND expires_at <= $1 AND ${unfenced} = 1 RETURNING session_id`,
};
const deleteChecksOver: Statement = {
  name: 'delete_checks_over',
  text:
    'DELETE FROM password_checks WHERE user_id IN (SELECT user_id FROM password_checks WHERE until <= $1 AND attempt_id IS NULL LIMIT $2) ' +
    `AND until <= $1 AND attempt_id IS NULL AND ${unfenced} = 1`,
};
// The row's own lock puts two that claim at once in order: the second sees what the first wrote.
const claim: Statement = {
  name: 'claim_check',
  text:
    `INSERT INTO password_checks AS held (user_id, sequence, holder, until) VALUES ($1,$2::bigint * ${unfenced},$3,$4) ON CONFLICT (user_id) DO UPDATE ` +
    'SET sequence = excluded.sequence, holder = excluded.holder, until = excluded.until ' +
    `WHERE held.attempt_id IS NULL AND (held.sequence < excluded.sequence OR held.until NOT BETWEEN $5::bigint + 1 AND $5::bigint + ${claimMsMax} ` +
    'OR held.holder = excluded.holder) RETURNING held.user_id',
};
const signingKey: Statement = { text: 'SELECT secret FROM signing_keys WHERE key_id = 1' };
const insertKey: Statement = {
  text: `INSERT INTO signing_keys VALUES (${unfenced}, $1) ON CONFLICT DO NOTHING`,
};
