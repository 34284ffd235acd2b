import { passwordKindOf } from '../../commands/import-users.ts';
import { foldText } from '../../domain/filter.ts';
import type { PersonRow } from './person.ts';

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
  /** Place among the rows, from 1 → what it has in common with which earlier line. */
  readonly twice: ReadonlyMap<number, string>;
}

/** Reads all of it once. `onRow` is told after each. */
export async function survey(
  rows: AsyncIterable<PersonRow>,
  onRow: (count: number) => void,
): Promise<Survey> {
  const states: Record<string, number> = {};
  const passwords: Record<string, number> = {};
  const twice = new Map<number, string>();
  const firstLines = new Map<string, number>();
  let count = 0;
  let faults = 0;
  const organizations = new Set<string | undefined>();
  for await (const row of rows) {
    count += 1;
    onRow(count);
    const { user } = row;
    const same = user === undefined ? undefined : sameAsBefore(firstLines, row);
    if (same !== undefined) twice.set(count, same);
    if (user === undefined || same !== undefined) {
      faults += 1;
      continue;
    }
    organizations.add(row.organizationId);
    add(states, user.state);
    add(passwords, user.password ? (passwordKindOf(user.password.hash) ?? 'unknown') : 'none');
  }
  return { rows: count, faults, states, passwords, organizations, twice };
}

function add(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

// Ids are the instance's, names an organization's: who has another's name could not sign in by it.
function sameAsBefore(firstLines: Map<string, number>, row: PersonRow): string | undefined {
  const keys = keysOf(row);
  for (const [what, key] of keys) {
    const first = firstLines.get(key);
    if (first !== undefined) return `has the same ${what} as line ${first}`;
  }
  for (const [, key] of keys) firstLines.set(key, row.line);
  return undefined;
}

function keysOf({ user, organizationId = '' }: PersonRow): readonly (readonly [string, string])[] {
  if (user === undefined) return [];
  const { userId, userName, profile } = user;
  const externalId = profile.kind === 'human' ? profile.externalId : undefined;
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
