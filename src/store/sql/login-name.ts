import type { UserEvent } from '../../domain/events.ts';
import { isAdded } from '../../domain/evolve/evolve.ts';
import { evolveProfile } from '../../domain/evolve/profile.ts';
import { foldText } from '../../domain/filter.ts';
import type { UserId } from '../../domain/ids.ts';
import { externalIdOf, type HumanProfile, type Profile } from '../../domain/user.ts';
import type { LoginPlace } from '../session-store.ts';
import type { Change } from '../store.ts';
import type { Row } from './rows.ts';
import type { SqlDialect } from './sql-filter.ts';

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
 * Finds whoever else in the organization signs in by a name that the profile would have as well: user name, e-mail address,
 * or `user name@domain` of one against any of the three of the other; or has the same external id.
 */
export function nameTakenSql(placeholder: Placeholder): string {
  const [organizationId, name, email] = [placeholder(1), placeholder(2), placeholder(3)];
  const domain = `(SELECT domain FROM organizations WHERE organization_id = ${organizationId})`;
  const others = `user_id <> ${placeholder(8)}`;
  const userNameOf = (at: number) => `CASE ${domain} WHEN ${placeholder(at + 1)} THEN ${placeholder(at)} END`;
  const names = `${name}, ${email}, ${name} || '@' || ${domain}`;
  const found = `SELECT 1 AS taken FROM profiles WHERE ${others} AND`;
  // The second organization is no plain column: SQLite, without statistics, would look at everybody in it.
  return (
    `${found} organization_id = ${organizationId} AND user_name_folded IN (${names}, ${userNameOf(4)}, ${userNameOf(6)}) ` +
    `UNION ALL ${found} organization_id || '' = ${organizationId} AND email_folded IN (${names}) ` +
    `UNION ALL ${found} external_id = ${placeholder(9)} AND organization_id = ${organizationId} LIMIT 1`
  );
}

/** Whose names are to be free in the organization. */
export interface NamedUser {
  readonly organizationId: string;
  readonly userId: UserId;
  readonly profile: Profile;
}

/** The user with the names that the change gives them; undefined where it gives none. */
export function newlyNamed({ before, userId, profile, events }: Change): NamedUser | undefined {
  const [first] = events;
  if (first !== undefined && isAdded(first)) return { userId, ...first.payload };
  if (before === undefined || profile === undefined || !events.some(givesName)) return undefined;
  const { organizationId } = before;
  return { organizationId, userId, profile: changedProfile(profile, events) };
}

const naming: ReadonlySet<UserEvent['type']> = new Set([
  'user.username.changed',
  'user.human.email.changed',
  'user.external.id.changed',
]);

function givesName({ type }: UserEvent): boolean {
  return naming.has(type);
}

/** The profile after the events, none of which removes it. */
export function changedProfile(before: Profile, events: readonly UserEvent[]): Profile {
  let after: Profile | undefined = before;
  for (const event of events) after = evolveProfile(after, event);
  if (after === undefined) throw new Error('bug: a changed user without a profile');
  return after;
}

/** The values of nameTakenSql. */
export function nameTakenValues({ organizationId, userId, profile }: NamedUser): readonly (string | null)[] {
  const name = foldText(profile.userName);
  const email = foldedEmail(profile);
  const externalId = externalIdOf(profile) ?? null;
  return [organizationId, name, email ?? null, ...parted(name), ...parted(email), userId, externalId];
}

/**
 * Whoever signs in by a name: by `user name@domain` or by a bare one. The rank says which goes first: 3 the whole name,
 * 2 a bare one that reaches beyond its organization, 1 one that does not, of the caller's own organization.
 */
export function loginSql(placeholder: Placeholder, member: SqlDialect['member']): string {
  const [name, userName, domain, named, own] = [1, 2, 3, 4, 5].map(placeholder);
  const inScope = `(${named} IS NULL OR profiles.organization_id = ${named})`;
  const bare = (column: string, flag: keyof HumanProfile) => {
    const reaches = `${member('profiles.profile', flag)} IS NULL`;
    return (
      `SELECT user_id, CASE WHEN ${reaches} THEN 2 ELSE 1 END AS login_rank FROM profiles WHERE ${column} = ${name} ` +
      `AND ${inScope} AND (${named} IS NOT NULL OR ${reaches} OR profiles.organization_id = ${own})`
    );
  };
  return (
    'SELECT profiles.user_id, 3 AS login_rank FROM organizations JOIN profiles ' +
    'ON profiles.organization_id = organizations.organization_id ' +
    `WHERE organizations.domain = ${domain} AND profiles.user_name_folded = ${userName} AND ${inScope} ` +
    `UNION ALL ${bare('user_name_folded', 'userNameLocal')} UNION ALL ${bare('email_folded', 'emailLocal')} ` +
    'ORDER BY login_rank DESC LIMIT 5'
  );
}

/** The values of loginSql; the name is a folded one. */
export function loginValues(name: string, { named, own }: LoginPlace): readonly (string | null)[] {
  return [name, ...parted(name), named ?? null, own ?? null];
}

/**
 * Whom the rows of loginSql mean: those of the highest rank. A whole name goes before bare ones: nobody elsewhere takes it
 * from its owner by calling themselves the same. In the organization that is named all ranks are one user's.
 */
export function parseLogins(rows: readonly Row[]): readonly UserId[] {
  const [first] = rows;
  const best = rows.filter((row) => row.login_rank === first?.login_rank);
  return [...new Set(best.map((row) => row.user_id as UserId))];
}
