import { claimMsMax } from '../session-store.ts';
import { nameTakenSql } from '../sql/login-name.ts';
import { sessionColumns } from '../sql/session-rows.ts';
import { subscriptionColumns } from '../sql/subscription-rows.ts';

/** Every statement that writes, by name; the writer's thread prepares each once. */
export const writeStatements = {
  insertUser:
    'INSERT INTO users (newest_position, user_id, organization_id, kind, state, sequence, created_at, changed_at, ' +
    'failed_password_attempts, tokens_ended_sequence, grants, lockout, lock_until) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) ' +
    'ON CONFLICT DO NOTHING',
  /** What most changes move. Compare-and-set: no row changes where the sequence is another. */
  moveUser:
    'UPDATE users SET newest_position = ?, state = ?, sequence = ?, changed_at = ?, failed_password_attempts = ?, ' +
    'tokens_ended_sequence = ?, lockout = ?, lock_until = ? WHERE user_id = ? AND sequence = ?',
  /** The whole row, for new grants and for a deleted id that is used again. */
  updateUser:
    'UPDATE users SET newest_position = ?, organization_id = ?, kind = ?, state = ?, sequence = ?, created_at = ?, ' +
    'changed_at = ?, failed_password_attempts = ?, tokens_ended_sequence = ?, grants = ?, lockout = ?, lock_until = ? ' +
    'WHERE user_id = ? AND sequence = ?',
  insertEvent:
    'INSERT INTO events (position, previous_position, user_id, sequence, event_id, type, created_at, payload, ' +
    'actor_user_id, actor_os_user, actor_subject, ip, user_agent, request_id, traceparent, reason) ' +
    'VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)',
  nameTaken: nameTakenSql((index) => `?${index}`),
  insertProfile: 'INSERT INTO profiles VALUES (?,?,?,?,?,?,?,?,?,?)',
  updateProfile:
    'UPDATE profiles SET user_name = ?, user_name_folded = ?, profile = ?, email_folded = ?, external_id = ? WHERE user_id = ?',
  deleteProfile: 'DELETE FROM profiles WHERE user_id = ?',
  setPassword:
    'UPDATE profiles SET password_hash = ?, password_change_required = ?, password_changed_at = ? WHERE user_id = ?',
  /** The same password, kept in another way. */
  replaceHash: 'UPDATE profiles SET password_hash = ? WHERE user_id = ?',
  /** The secret's hash comes as hex: what passes between the threads is JSON. */
  insertToken: 'INSERT INTO tokens VALUES (?,?,?,unhex(?),?,?)',
  deleteToken: 'DELETE FROM tokens WHERE token_id = ? AND user_id = ?',
  deleteTokens: 'DELETE FROM tokens WHERE user_id = ?',
  /** As with tokens, the hash comes as hex. */
  insertSession: `INSERT INTO sessions (${sessionColumns}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,unhex(?)) ON CONFLICT DO NOTHING`,
  /** Behind the events that begin it, where nobody asks whether it is new: two of one id must fail. */
  beginSession: `INSERT INTO sessions (${sessionColumns}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,unhex(?))`,
  updateSession:
    `UPDATE sessions SET (${sessionColumns}) = (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,unhex(?14)) ` +
    'WHERE session_id = ?1 AND sequence = ?15',
  deleteSession: 'DELETE FROM sessions WHERE session_id = ? AND sequence = ?',
  deleteSessionOver: 'DELETE FROM sessions WHERE session_id = ? AND expires_at <= ?',
  deleteSessions: 'DELETE FROM sessions WHERE user_id = ?',
  claimCheck:
    'INSERT INTO password_checks (user_id, sequence, holder, until) VALUES (?1,?2,?3,?4) ON CONFLICT (user_id) DO UPDATE ' +
    'SET sequence = excluded.sequence, holder = excluded.holder, until = excluded.until ' +
    `WHERE attempt_id IS NULL AND (sequence < excluded.sequence OR until NOT BETWEEN ?5 + 1 AND ?5 + ${claimMsMax} OR holder = excluded.holder)`,
  /** As a claim; but nobody takes it from its holder, even when it is over: it is to be counted first. */
  beginAttempt:
    'INSERT INTO password_checks (user_id, sequence, holder, until, attempt_id, attempt) VALUES (?1,?2,?3,?4,?3,?6) ' +
    'ON CONFLICT (user_id) DO UPDATE SET sequence = excluded.sequence, holder = excluded.holder, until = excluded.until, ' +
    'attempt_id = excluded.attempt_id, attempt = excluded.attempt ' +
    `WHERE attempt_id IS NULL AND (sequence < excluded.sequence OR until NOT BETWEEN ?5 + 1 AND ?5 + ${claimMsMax})`,
  /** Finds something where the attempt is no more. */
  attemptOver:
    'SELECT 1 AS over WHERE NOT EXISTS (SELECT 1 FROM password_checks WHERE user_id = ? AND attempt_id = ?)',
  deleteAttempt: 'DELETE FROM password_checks WHERE user_id = ? AND attempt_id = ?',
  deleteCheck: 'DELETE FROM password_checks WHERE user_id = ?',
  deleteCheckOver: 'DELETE FROM password_checks WHERE user_id = ? AND until <= ? AND attempt_id IS NULL',
  insertSigningKey: 'INSERT INTO signing_keys VALUES (1, unhex(?)) ON CONFLICT DO NOTHING',
  insertOrganization: 'INSERT INTO organizations VALUES (?,?,?,?) ON CONFLICT DO NOTHING',
  setCode:
    'INSERT INTO codes (user_id, kind, digest, expires_at, tries) VALUES (?,?,?,?,?) ON CONFLICT (user_id, kind) DO UPDATE ' +
    'SET digest = excluded.digest, expires_at = excluded.expires_at, tries = excluded.tries',
  deleteCode: 'DELETE FROM codes WHERE user_id = ? AND kind = ?',
  deleteCodes: 'DELETE FROM codes WHERE user_id = ?',
  /** The value comes as hex, as the tokens' hash does. */
  setMetadata:
    'INSERT INTO user_metadata (user_id, key, value, created_at, changed_at) VALUES (?1,?2,unhex(?3),?4,?4) ' +
    'ON CONFLICT (user_id, key) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at',
  deleteMetadata: 'DELETE FROM user_metadata WHERE user_id = ? AND key = ?',
  deleteAllMetadata: 'DELETE FROM user_metadata WHERE user_id = ?',
  insertSubscription: `INSERT INTO subscriptions (${subscriptionColumns}) VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`,
  updateSubscription:
    `UPDATE subscriptions SET (${subscriptionColumns}) = (?1,?2,?3,?4,?5,?6,?7,?8) ` +
    'WHERE subscription_id = ?1 AND sequence = ?9',
  deleteSubscription: 'DELETE FROM subscriptions WHERE subscription_id = ? AND sequence = ?',
  insertErasure:
    'INSERT INTO erasures (user_id, erased_at) VALUES (?,?) ON CONFLICT (user_id) DO UPDATE SET erased_at = excluded.erased_at',
  deleteErasure: 'DELETE FROM erasures WHERE user_id = ?',
  /** What an erasure leaves of it. */
  rewriteEvent:
    'UPDATE events SET payload = ?, ip = ?, user_agent = ?, request_id = ?, traceparent = ?, reason = ? ' +
    'WHERE position = ? AND user_id = ?',
  insertPolicy: 'INSERT INTO lockout_policies VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING',
  /** Compare-and-set, as for a user. */
  movePolicy:
    'UPDATE lockout_policies SET policy = ?, sequence = ?, changed_at = ? WHERE organization_id = ? AND sequence = ?',
  insertRun:
    'INSERT INTO unlock_runs (run_id, version, state, lease_until, run, request_key) VALUES (?,?,?,?,?,?) ON CONFLICT DO NOTHING',
  moveRun:
    'UPDATE unlock_runs SET version = ?, state = ?, lease_until = ?, run = ? WHERE run_id = ? AND version = ?',
  deleteRun: 'DELETE FROM unlock_runs WHERE run_id = ? AND version = ?',
  insertRunSlice:
    'INSERT INTO unlock_run_slices (run_id, slice, items) VALUES (?,?,?) ON CONFLICT DO NOTHING',
  setRunResults: 'UPDATE unlock_run_slices SET results = ?, outcomes = ? WHERE run_id = ? AND slice = ?',
  /** Finds something where the run is no more. */
  runGone: 'SELECT 1 AS gone WHERE NOT EXISTS (SELECT 1 FROM unlock_runs WHERE run_id = ?)',
  deleteSomeSlices:
    'DELETE FROM unlock_run_slices WHERE run_id = ?1 AND slice IN (SELECT slice FROM unlock_run_slices WHERE run_id = ?1 LIMIT ?2)',
  deleteRunSlices: 'DELETE FROM unlock_run_slices WHERE run_id = ?',
} as const;

export type WriteName = keyof typeof writeStatements;
export type WriteValue = string | number | null;

/** A statement and its values, in a form that passes between threads. */
export type Write = readonly [name: WriteName, values: readonly WriteValue[]];

/** One member of a batch: it happens as a whole or not at all. A tuple, because names would be most of the message. */
export type WriteRequest = readonly [
  /**
   * Must change exactly one row; where it changes none, the member is 'stale'. A user's row gets the position of the newest
   * event before the values.
   */
  row: Write,
  /** Whose events they are; empty: the instance's, which is counted on the spot, and whose row has no position. */
  userId: string,
  /** Position of the newest of them so far; null: to be looked up. */
  previous: number | null,
  /** Sequence, id, type and so on, in the order of insertEvent. */
  events: readonly (readonly WriteValue[])[],
  rest: readonly Write[],
  /** A SELECT that must find nothing; where it finds something, the member is 'guarded'. */
  guard: Write | null,
];

export type WriteOutcome = 'written' | 'stale' | 'guarded' | WriteFailure;

/** Has it written; an error is thrown here, not answered. */
export type WriteOne = (request: WriteRequest) => Promise<Exclude<WriteOutcome, WriteFailure>>;

/** An error on its way between threads. */
export interface WriteFailure {
  readonly message: string;
  /** SQLite's extended result code. */
  readonly errcode: number | undefined;
}
