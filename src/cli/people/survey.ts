import { passwordKindOf } from '../../commands/import-users.ts';
import { foldText } from '../../domain/filter.ts';
import type { PersonRow } from './person.ts';
import { createSeen, type Seen } from './seen.ts';

/** What a file holds, before anything of it is written. */
export interface Survey {
  readonly rows: number;
  /** Rows that cannot be read, or are somebody whom an earlier row is already. */
  readonly faults: number;
  readonly states: Readonly<Record<string, number>>;
  /** By what their passwords are hashed; `none` has none, `unknown` is none that is checked here. */
  readonly passwords: Readonly<Record<string, number>>;
  /** That the rows name; undefined where some row names none. */
  readonly organizations: ReadonlySet<string | undefined>;
}

/** Reads all rows, which come without those that are there twice. `onRow` is told after each. */
export async function survey(
  rows: AsyncIterable<PersonRow>,
  onRow: (count: number) => void,
): Promise<Survey> {
  const states: Record<string, number> = {};
  const passwords: Record<string, number> = {};
  let count = 0;
  let faults = 0;
  const organizations = new Set<string | undefined>();
  for await (const row of rows) {
    count += 1;
    onRow(count);
    const { user } = row;
    if (user === undefined) {
      faults += 1;
      continue;
    }
    organizations.add(row.organizationId);
    add(states, user.state);
    add(passwords, user.password ? (passwordKindOf(user.password.hash) ?? 'unknown') : 'none');
  }
  return { rows: count, faults, states, passwords, organizations };
}

function add(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

/**
 * The rows, of whom somebody is already in an earlier one have a fault instead. Ids are the instance's, names an
 * organization's: who has another's name could not sign in by it.
 */
export async function* withoutTwice(rows: AsyncIterable<PersonRow>): AsyncGenerator<PersonRow> {
  const seen = createSeen();
  let place = 0;
  for await (const row of rows) {
    place += 1;
    const fault = sameAsBefore(seen, row);
    yield fault === undefined ? { ...row, place } : { line: row.line, name: row.name, place, fault };
  }
}

function sameAsBefore(seen: Seen, row: PersonRow): string | undefined {
  const keys = keysOf(row);
  const texts = keys.map(([, key]) => key);
  const met = seen.meet(texts, row.line);
  return met && `has the same ${keys[met.at]?.[0]} as line ${met.line}`;
}

function keysOf({ user, organizationId = '' }: PersonRow): readonly (readonly [string, string])[] {
  if (user === undefined) return [];
  const { userId, userName, profile } = user;
  const externalId = profile.kind === 'machine' ? undefined : profile.externalId;
  const nameKey = (name: string) => `name ${organizationId} ${foldText(name.trim())}`;
  const keys: (readonly [string, string])[] = [];
  if (userId !== undefined) keys.push(['id', `id ${userId}`]);
  if (externalId !== undefined) keys.push(['external id', `external ${organizationId} ${externalId}`]);
  if (userName !== undefined) keys.push(['user name', nameKey(userName)]);
  if (profile.kind === 'human') {
    const email = nameKey(profile.email);
    if (!keys.some(([, key]) => key === email)) keys.push(['e-mail address', email]);
  }
  return keys;
}
