import type { UserId } from '../../domain/ids.ts';
import type { SessionUserAgent } from '../../domain/session.ts';
import type { SessionRecord, StoredSession } from '../session-store.ts';
import { parseUserRecord, userRecordColumns } from './list-rows.ts';
import type { Row } from './rows.ts';

const columns = [
  'session_id',
  'sequence',
  'created_at',
  'changed_at',
  'expires_at',
  'creator_user_id',
  'user_id',
  'user_sequence',
  'user_checked_at',
  'device_id',
  'password_checked_at',
  'metadata',
  'user_agent',
  'token_hash',
];

/** The sessions columns, in the order of sessionValues. */
export const sessionColumns = columns.join(', ');
/** What a session with its user is read by: names of the two would meet. */
export const sessionRecordColumns = `${columns.map((name) => `sessions.${name} AS s_${name}`).join(', ')}, ${userRecordColumns}`;
export const sessionRecordTables =
  'sessions LEFT JOIN users ON users.user_id = sessions.user_id ' +
  'LEFT JOIN profiles ON profiles.user_id = sessions.user_id ' +
  'LEFT JOIN organizations ON organizations.organization_id = users.organization_id';

/** The row's values in the order of sessionColumns, the token's hash apart: it is the last. */
export function sessionValues(session: StoredSession): readonly (string | number | null)[] {
  const { user } = session;
  return [
    session.sessionId,
    session.sequence,
    session.createdAt,
    session.changedAt,
    session.expiresAt ?? null,
    session.creatorUserId ?? null,
    user?.userId ?? null,
    user?.sequence ?? null,
    user?.checkedAt ?? null,
    user?.deviceId ?? null,
    session.passwordCheckedAt ?? null,
    JSON.stringify(session.metadata),
    session.userAgent === undefined ? null : JSON.stringify(session.userAgent),
  ];
}

/** A row of sessionRecordColumns. A deleted user has no profile, and is no owner. */
export function parseSessionRecord(row: Row): SessionRecord {
  return { session: parseSession(row), owner: row.profile === null ? undefined : parseUserRecord(row) };
}

function parseSession(row: Row): StoredSession {
  const agent = row.s_user_agent;
  return {
    sessionId: row.s_session_id as string,
    sequence: row.s_sequence as number,
    createdAt: row.s_created_at as number,
    changedAt: row.s_changed_at as number,
    ...(row.s_expires_at !== null && { expiresAt: row.s_expires_at as number }),
    ...(row.s_creator_user_id !== null && { creatorUserId: row.s_creator_user_id as UserId }),
    ...(row.s_user_id !== null && { user: parseSessionUser(row) }),
    ...(row.s_password_checked_at !== null && { passwordCheckedAt: row.s_password_checked_at as number }),
    metadata: JSON.parse(row.s_metadata as string) as Record<string, string>,
    ...(agent !== null && { userAgent: JSON.parse(agent as string) as SessionUserAgent }),
    tokenHash: row.s_token_hash as Uint8Array,
  };
}

function parseSessionUser(row: Row) {
  return {
    userId: row.s_user_id as UserId,
    sequence: row.s_user_sequence as number,
    checkedAt: row.s_user_checked_at as number,
    ...(row.s_device_id !== null && { deviceId: row.s_device_id as string }),
  };
}
