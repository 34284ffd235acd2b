import { type AddedEvent, isAdded } from '../../domain/evolve/evolve.ts';
import type { User } from '../../domain/user.ts';
import { nameTakenSql, nameTakenValues, newlyNamed } from '../sql/login-name.ts';
import { userValues } from '../sql/user-values.ts';
import type { Change } from '../store.ts';
import { evolveAll, lockOrganization } from './append.ts';
import { metaColumns, plainTypes } from './batch.ts';
import { eventsPerBatchMax } from './batch-id.ts';
import type { Connection, Statement } from './connection.ts';
import { unfenced } from './fence.ts';
import type { Grouping } from './group-commit.ts';
import { transaction } from './pool.ts';
import { foldedProfileValues } from './rows/users.ts';

/** A change that makes a user of an id that was never used. */
export interface Newcomer {
  readonly change: Change;
  readonly added: AddedEvent;
  readonly after: User;
  /** Values of nameTakenSql. */
  readonly names: readonly (string | null)[];
}

/** Nearly all who are made are such; undefined for the others, and for what the database would refuse a whole group for. */
export function parseNewcomer(change: Change): Newcomer | undefined {
  const { before, events, codes, attemptId, secrets, metadata } = change;
  const [added, ...rest] = events;
  if (before !== undefined || added === undefined || !isAdded(added)) return undefined;
  if (codes !== undefined || attemptId !== undefined || metadata !== undefined) return undefined;
  if (secrets?.tokenSecretHash !== undefined || !rest.every(({ type }) => plainTypes.has(type)))
    return undefined;
  const named = newlyNamed(change);
  if (named === undefined || isNoText(JSON.stringify([change.userId, added.payload]))) return undefined;
  return { change, added, after: evolveAll(change), names: nameTakenValues(named) };
}

// NUL, and half a surrogate pair.
const isNoText = (json: string) => /\\u(0000|d[89a-f])/.test(json);

/**
 * Who joins one organization goes together, as its lock lets one transaction in at a time; another organization's do not
 * wait for them. None goes beside somebody who might have the same name: the second is to find the first.
 */
export class ByOrganization<Member extends Newcomer> implements Grouping<Member> {
  readonly #busy = new Set<string>();

  take(waiting: readonly Member[]): { members: Member[]; left: Member[] } {
    const members: Member[] = [];
    const left: Member[] = [];
    const names = new Names();
    let organizationId: string | undefined;
    let events = 0;
    for (const member of waiting) {
      const { after, change } = member;
      if (organizationId === undefined && !this.#busy.has(after.organizationId))
        organizationId = after.organizationId;
      const fits =
        after.organizationId === organizationId && events + change.events.length <= eventsPerBatchMax;
      if (!fits || !names.add(member.names)) left.push(member);
      else {
        members.push(member);
        events += change.events.length;
      }
    }
    if (organizationId !== undefined) this.#busy.add(organizationId);
    return { members, left };
  }

  release(members: readonly Member[]): void {
    for (const { after } of members) this.#busy.delete(after.organizationId);
  }
}

/** What the users of one group are called. */
class Names {
  readonly #whole = new Set<string>();
  readonly #userNames = new Set<string>();
  readonly #withoutDomain = new Set<string>();

  /** Whether none of them might be taken for the newcomer; then it is one of them. The domain may be any. */
  add([, userName, email, ofName, , ofEmail, , userId, externalId]: Newcomer['names']): boolean {
    const whole = [userName, email, `id ${userId}`, externalId && `external ${externalId}`].filter(isThere);
    const withoutDomain = [ofName, ofEmail].filter(isThere);
    const clashes =
      whole.some((name) => this.#whole.has(name)) ||
      withoutDomain.some((name) => this.#userNames.has(name)) ||
      (isThere(userName) && this.#withoutDomain.has(userName));
    if (clashes) return false;
    for (const name of whole) this.#whole.add(name);
    for (const name of withoutDomain) this.#withoutDomain.add(name);
    if (isThere(userName)) this.#userNames.add(userName);
    return true;
  }
}

const isThere = (text: string | null | undefined): text is string => typeof text === 'string' && text !== '';

export interface Made {
  /** Ids of who was made. */
  readonly made: ReadonlySet<string>;
  /** Ids of those whose name somebody has. Of neither: the id was used meanwhile. */
  readonly taken: ReadonlySet<string>;
}

/** Makes users of one organization in one transaction. Where it throws, none was made. */
export async function makeAll(
  connection: Connection,
  members: readonly Newcomer[],
  batchId: string,
): Promise<Made> {
  return transaction(connection, 'BEGIN ISOLATION LEVEL READ COMMITTED', async () => {
    // No constraint says that a user name is nobody's e-mail address: those who join an organization go one by one.
    await connection.query(lockOrganization, [members[0]?.after.organizationId]);
    const taken = idsOf(await connection.query(namesTaken, columns(members.map(({ names }) => names))));
    const free = members.filter(({ after }) => !taken.has(after.userId));
    if (free.length === 0) return { made: new Set(), taken };
    return { made: idsOf(await connection.query(make, [...valuesOf(free), batchId])), taken };
  });
}

const idsOf = (rows: readonly Readonly<Record<string, unknown>>[]): ReadonlySet<string> =>
  new Set(rows.map(({ user_id }) => user_id as string));

/** Rows of one length, turned. */
function columns(rows: readonly (readonly unknown[])[]): readonly (readonly unknown[])[] {
  return (rows[0] ?? []).map((_, index) => rows.map((row) => row[index]));
}

function valuesOf(members: readonly Newcomer[]): readonly (readonly unknown[])[] {
  const rows = members.map(({ change, added, after }) => [
    ...userValues(after),
    ...foldedProfileValues(change, added).slice(2),
  ]);
  const events = members.flatMap(({ change: { userId, events, at, meta } }) =>
    events.map(({ type, payload }, index) => [
      ...[userId, index + 1, at.createdAt, at.eventId, type, JSON.stringify(payload)],
      ...metaColumns.map(([, key]) => meta[key]),
    ]),
  );
  return [...columns(rows), ...columns(events)];
}

const nameTypes = Array.from({ length: 9 }, (_, index) => `$${index + 1}::text[]`).join(', ');
const nameColumns = Array.from({ length: 9 }, (_, index) => `value${index + 1}`).join(', ');

const namesTaken: Statement = {
  name: 'names_taken',
  text:
    `SELECT wanted.value8 AS user_id FROM unnest(${nameTypes}) AS wanted(${nameColumns}) ` +
    `WHERE EXISTS (${nameTakenSql((index) => `wanted.value${index}`)})`,
};

const typed = (columns: readonly string[], from: number): string =>
  columns.map((column, index) => `$${from + index}::${numbers.has(column) ? 'bigint' : 'text'}[]`).join(', ');
const numbers: ReadonlySet<string> = new Set([
  'sequence',
  'created_at',
  'changed_at',
  'failed_password_attempts',
  'tokens_ended_sequence',
  'lock_until',
  'password_change_required',
  'password_changed_at',
]);
const userColumns = (
  'user_id organization_id kind state sequence created_at changed_at failed_password_attempts ' +
  'tokens_ended_sequence grants lockout lock_until'
).split(' ');
const profileColumns = (
  'user_name user_name_folded profile password_hash password_change_required password_changed_at ' +
  'email_folded external_id profile_folded'
).split(' ');
const eventColumns = [
  ...'user_id sequence created_at event_id type payload'.split(' '),
  ...metaColumns.map(([column]) => column),
];
const rowColumns = [...userColumns, ...profileColumns];
const batchParameter = `$${rowColumns.length + eventColumns.length + 1}::text`;
const names = {
  user: userColumns.join(', '),
  profile: profileColumns.join(', '),
  event: eventColumns.join(', '),
};

const make: Statement = {
  name: 'make_users',
  text:
    `WITH input AS (SELECT * FROM unnest(${typed(rowColumns, 1)}) AS input(${rowColumns.join(', ')})), ` +
    `made AS (INSERT INTO users (${names.user}) SELECT ${names.user} FROM input WHERE ${unfenced} = 1 ORDER BY user_id ` +
    'ON CONFLICT DO NOTHING RETURNING user_id), ' +
    `profiled AS (INSERT INTO profiles (user_id, organization_id, ${names.profile}) ` +
    `SELECT user_id, organization_id, ${names.profile} FROM input JOIN made USING (user_id)), ` +
    `told AS (SELECT told.* FROM unnest(${typed(eventColumns, rowColumns.length + 1)}) AS told(${names.event}) ` +
    'JOIN made USING (user_id)), ' +
    `batch AS (INSERT INTO batches (batch_id, events, created_at) SELECT ${batchParameter}, count(*), max(created_at) ` +
    'FROM told HAVING count(*) > 0), ' +
    `logged AS (INSERT INTO events (batch_id, place, ${names.event}) SELECT ${batchParameter}, ` +
    `row_number() OVER (ORDER BY user_id, sequence) - 1, ${names.event} FROM told) SELECT user_id FROM made`,
};
