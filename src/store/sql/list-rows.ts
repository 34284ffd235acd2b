import type { UserId } from '../../domain/ids.ts';
import type { Grant, Profile } from '../../domain/user.ts';
import type { GrantRecord, TokenRecord, UserRecord } from '../store.ts';
import { parsePassword, parseToken, parseUser, type Row, userColumns } from './rows.ts';

/** What parseUserRecord reads, of users, profiles and organizations. */
export const userRecordColumns =
  `${userColumns}, profiles.profile, profiles.password_change_required, profiles.password_changed_at, ` +
  'organizations.domain';

/** A row of userRecordColumns. */
export function parseUserRecord(row: Row): UserRecord {
  return {
    user: parseUser(row),
    profile: JSON.parse(row.profile as string) as Profile,
    password: parsePassword(row),
    organizationDomain: (row.domain as string | null) ?? '',
  };
}

/** What parseTokenRecord reads, of tokens and users. */
export const tokenRecordColumns =
  'tokens.token_id, tokens.user_id, tokens.sequence AS token_sequence, ' +
  'tokens.created_at AS token_created_at, tokens.expires_at, users.organization_id';

/** A row of tokenRecordColumns. */
export function parseTokenRecord(row: Row): TokenRecord {
  return { token: parseToken(row), organizationId: row.organization_id as TokenRecord['organizationId'] };
}

/** A row with user_id, and the grant as text in held. */
export function parseGrantRecord(row: Row): GrantRecord {
  return { userId: row.user_id as UserId, grant: JSON.parse(row.held as string) as Grant };
}
