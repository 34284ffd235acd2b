import { randomBytes } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import type { CheckClaim, SessionStore } from '../../session-store.ts';
import { loginSql, loginValues, parseLogins } from '../../sql/login-name.ts';
import { parseSessionRecord, sessionRecordColumns, sessionRecordTables } from '../../sql/session-rows.ts';
import { sessionRow } from '../append.ts';
import { sqliteDialect } from '../dialect.ts';
import { reading } from '../error.ts';
import type { Write, WriteOne } from '../write-statements.ts';
import { createAttempts } from './attempts.ts';

type Sessions = Omit<SessionStore, 'listSessions'>;

const keyBytes = 32;

/** Sign-ins in the embedded store. What is written goes the way of every change: through the writer's thread. */
export function createSessions(db: DatabaseSync, write: WriteOne): Sessions {
  const login = db.prepare(loginSql((index) => `?${index}`, sqliteDialect.member));
  const load = `SELECT ${sessionRecordColumns} FROM ${sessionRecordTables} WHERE sessions.session_id = ?`;
  const session = db.prepare(load);
  const over = db.prepare(
    'SELECT session_id FROM sessions WHERE expires_at <= ? ORDER BY expires_at LIMIT ?',
  );
  const claimsOver = db.prepare(
    'SELECT user_id FROM password_checks WHERE until <= ? AND attempt_id IS NULL LIMIT ?',
  );
  const readLogin = reading((values: readonly (string | null)[]) => login.all(...values));
  const signingKey = db.prepare('SELECT secret FROM signing_keys WHERE key_id = ?');
  const readKey = reading((keyId: number) => signingKey.get(keyId)?.secret as Uint8Array | undefined);
  const readOver = reading((nowMs: number, limit: number) => ({
    sessionIds: over.all(nowMs, limit).map((row) => row.session_id as string),
    userIds: claimsOver.all(nowMs, limit).map((row) => row.user_id as string),
  }));
  const only = async (row: Write) => (await write([row, '', 0, [], [], null])) === 'written';

  return {
    findLogins: async (name, where) => parseLogins(await readLogin(loginValues(name, where))),
    loadSession: reading((sessionId) => {
      const row = session.get(sessionId);
      return row && parseSessionRecord(row);
    }),
    async addSession(added) {
      if (!(await only(['insertSession', sessionRow(added)]))) throw new Error('bug: a session id twice');
    },
    changeSession(before, after) {
      const { sessionId, sequence } = before;
      if (after === undefined) return only(['deleteSession', [sessionId, sequence]]);
      return only(['updateSession', [...sessionRow(after), sequence]]);
    },
    async removeSessionsOver(nowMs, limit) {
      const { sessionIds, userIds } = await readOver(nowMs, limit);
      const removed = await Promise.all(sessionIds.map((id) => only(['deleteSessionOver', [id, nowMs]])));
      await Promise.all(userIds.map((id) => only(['deleteCheckOver', [id, nowMs]])));
      return removed.filter(Boolean).length;
    },
    claimCheck: ({ userId, sequence, holder, until, nowMs }: CheckClaim) =>
      only(['claimCheck', [userId, sequence, holder, until, nowMs]]),
    ...createAttempts(db, only),
    async loadSigningKey() {
      const found = await readKey(1);
      if (found !== undefined) return found;
      await only(['insertSigningKey', [randomBytes(keyBytes).toString('hex')]]);
      const made = await readKey(1);
      if (made === undefined) throw new Error('bug: no signing key');
      return made;
    },
  };
}
