import type { UserId } from '../../domain/ids.ts';
import type { Profile } from '../../domain/user.ts';
import { foldText } from '../../domain/user-filter.ts';
import type { Row } from '../sqlite/rows.ts';

/** The folded e-mail address of whoever has one. */
export function foldedEmail(profile: Profile): string | undefined {
  return profile.kind === 'human' ? foldText(profile.email) : undefined;
}

/** A name as `user name@domain`; both null where it is none. A domain has no "@": the last one parts them. */
function parted(name: string | undefined): readonly [userName: string | null, domain: string | null] {
  const at = name?.lastIndexOf('@') ?? -1;
  return name === undefined || at < 0 ? [null, null] : [name.slice(0, at), name.slice(at + 1)];
}

type Placeholder = (index: number) => string;

/**
 * Finds whoever in the organization signs in by a name that the profile would have as well: user name, e-mail address,
 * or `user name@domain` of one against any of the three of the other.
 */
export function nameTakenSql(placeholder: Placeholder): string {
  const [organizationId, name, email] = [placeholder(1), placeholder(2), placeholder(3)];
  const domain = `(SELECT domain FROM organizations WHERE organization_id = ${organizationId})`;
  const userNameOf = (at: number) => `CASE ${domain} WHEN ${placeholder(at + 1)} THEN ${placeholder(at)} END`;
  const names = `${name}, ${email}, ${name} || '@' || ${domain}`;
  const found = 'SELECT 1 AS taken FROM profiles WHERE';
  // The second organization is no plain column: SQLite, without statistics, would look at everybody in it.
  return (
    `${found} organization_id = ${organizationId} AND user_name_folded IN (${names}, ${userNameOf(4)}, ${userNameOf(6)}) ` +
    `UNION ALL ${found} organization_id || '' = ${organizationId} AND email_folded IN (${names}) LIMIT 1`
  );
}

/** The values of nameTakenSql. */
export function nameTakenValues(organizationId: string, profile: Profile): readonly (string | null)[] {
  const name = foldText(profile.userName);
  const email = foldedEmail(profile);
  return [organizationId, name, email ?? null, ...parted(name), ...parted(email)];
}

/** Whoever signs in by a name: by `user name@domain` (whole) or by a bare one, in one organization or in any. */
export function loginSql(placeholder: Placeholder): string {
  const [name, userName, domain, organizationId] = [1, 2, 3, 4].map(placeholder);
  const inScope = `(${organizationId} IS NULL OR profiles.organization_id = ${organizationId})`;
  return (
    'SELECT profiles.user_id, 1 AS whole FROM organizations JOIN profiles ' +
    'ON profiles.organization_id = organizations.organization_id ' +
    `WHERE organizations.domain = ${domain} AND profiles.user_name_folded = ${userName} AND ${inScope} ` +
    `UNION ALL SELECT user_id, 0 FROM profiles WHERE user_name_folded = ${name} AND ${inScope} ` +
    `UNION ALL SELECT user_id, 0 FROM profiles WHERE email_folded = ${name} AND ${inScope} ` +
    'ORDER BY whole DESC LIMIT 5'
  );
}

/** The values of loginSql; the name is a folded one. */
export function loginValues(name: string, organizationId: string | undefined): readonly (string | null)[] {
  return [name, ...parted(name), organizationId ?? null];
}

/**
 * The one user whom the rows of loginSql mean. A whole name goes before bare ones: nobody elsewhere takes it from its
 * owner by calling themselves the same. A bare name that several have means none of them.
 */
export function parseLogin(rows: readonly Row[]): UserId | undefined {
  const whole = rows.find((row) => row.whole === 1);
  const userIds = new Set((whole === undefined ? rows : [whole]).map((row) => row.user_id as UserId));
  const [userId] = userIds;
  return userIds.size === 1 ? userId : undefined;
}
