import type { DatabaseSync } from 'node:sqlite';
import type { OrganizationId, UserId } from '../../../domain/ids.ts';
import type { LockCause } from '../../../domain/lock.ts';
import { digestModulus, sliceSize } from '../../../domain/unlock-run.ts';
import { lockDigest, locksQuery } from '../../sql/unlock-runs.ts';
import type { FrozenSet, LockGroup, LocksFound, SelectLocks } from '../../unlock-run-store.ts';
import { sqliteDialect } from '../dialect.ts';

// SQLite hears of no end but from a function that is called, see createLists; not of every row, as a call costs as much
// as the rest.
const endable = '(random() & 63 <> 0 OR go_on() = 1)';

const lockOf = (key: string, type: 'text' | 'number'): string =>
  sqliteDialect.inner('users.lockout', ['lock', key], type);

const source = { dialect: sqliteDialect, from: 'users', lockOf, endable };
// A query with a LIMIT is not merged into the one around it, which would look into the JSON again for each of its conditions.
const sourceOnce = { ...source, once: 'LIMIT -1' };

type TallyRow = readonly [
  userId: string,
  organizationId: string,
  cause: string | null,
  since: number,
  generation: number,
];

const sums = `count(*) AS locks, coalesce(sum(${lockDigest}), 0) % ${digestModulus} AS digest`;

/** How many there are, and which ones: as much of countLocks as tells one set from another, without a row that comes by here. */
export function sumLocks(db: DatabaseSync, query: SelectLocks): FrozenSet {
  const { sql, values } = locksQuery(sourceOnce, query);
  const { locks, digest } = db.prepare(`SELECT ${sums} FROM (${sql})`).get(...values) as unknown as FrozenSet;
  return { locks, digest };
}

/**
 * Counts row by row: a table of a million of them, sorted once for each question, takes longer than all else, and a file
 * where it does not fit into memory. The rows are one statement's, so of one moment.
 */
export function countLocks(
  db: DatabaseSync,
  { sampleSize, ...query }: SelectLocks & { readonly sampleSize: number },
): LocksFound {
  const { sql, values } = locksQuery(sourceOnce, query);
  const tally = new Tally(sampleSize);
  db.aggregate('tally_locks', {
    varargs: true,
    start: 0,
    step(_, ...row) {
      const [userId, organizationId, cause, since, generation] = row as unknown as TallyRow;
      tally.add(organizationId, cause, since, generation);
      tally.offer(userId, since);
      return 0;
    },
  });
  const columns = 'user_id, organization_id, cause, since, generation';
  db.prepare(`SELECT tally_locks(${columns}) AS done FROM (${sql})`).get(...values);
  return tally.found();
}

type Group = { -readonly [Key in keyof LockGroup]: LockGroup[Key] };

/** Sums below it are exact, and so is a lock more. */
const exactMax = 2 ** 52;

// Called for each of a million locks: no array, no second look where a lock is of the same group as the one before.
class Tally {
  readonly #groups = new Map<string, Map<string | null, Group>>();
  readonly #oldest: Sample;
  readonly #newest: Sample;
  #last: Group | undefined;
  #lastCause: string | null = null;

  constructor(sampleSize: number) {
    this.#oldest = new Sample(Math.ceil(sampleSize / 2), 1);
    this.#newest = new Sample(Math.floor(sampleSize / 2), -1);
  }

  add(organizationId: string, cause: string | null, since: number, generation: number): void {
    const last = this.#last;
    const isSame = last?.organizationId === organizationId && this.#lastCause === cause;
    const group = isSame ? last : this.#groupOf(organizationId, cause, since);
    this.#last = group;
    this.#lastCause = cause;
    group.locks += 1;
    if (since < group.earliest) group.earliest = since;
    if (since > group.latest) group.latest = since;
    // The sum of lockDigest, taken modulo now and then.
    group.digest += since * 31 + generation;
    if (group.digest > exactMax) group.digest %= digestModulus;
  }

  offer(userId: string, since: number): void {
    this.#oldest.offer(userId, since);
    this.#newest.offer(userId, since);
  }

  #groupOf(organizationId: string, cause: string | null, since: number): Group {
    const byCause = this.#groups.get(organizationId) ?? new Map<string | null, Group>();
    const known = byCause.get(cause);
    if (known !== undefined) return known;
    const group: Group = {
      organizationId: organizationId as OrganizationId,
      cause: (cause as LockCause | null) ?? undefined,
      ...{ locks: 0, earliest: since, latest: since, digest: 0 },
    };
    byCause.set(cause, group);
    this.#groups.set(organizationId, byCause);
    return group;
  }

  found(): LocksFound {
    const groups = [...this.#groups.values()].flatMap((byCause) => [...byCause.values()]);
    const sample = [...this.#oldest.userIds(), ...this.#newest.userIds()];
    return {
      groups: groups.map((group) => ({ ...group, digest: group.digest % digestModulus })),
      sample: [...new Set(sample)],
    };
  }
}

interface Sampled {
  readonly userId: string;
  readonly since: number;
}

/** The first so many in the order of time, or against it; those held are sorted now and then alone. */
class Sample {
  readonly #size: number;
  readonly #heldMax: number;
  readonly #way: 1 | -1;
  #held: Sampled[] = [];
  /** The last of those that are in it, once there are so many. */
  #last: Sampled | undefined;

  constructor(size: number, way: 1 | -1) {
    this.#size = size;
    this.#heldMax = 16 * size;
    this.#way = way;
  }

  offer(userId: string, since: number): void {
    if (this.#size === 0) return;
    const last = this.#last;
    if (last !== undefined) {
      const order = (since - last.since) * this.#way;
      if (order > 0 || (order === 0 && (userId < last.userId ? -this.#way : this.#way) > 0)) return;
    }
    this.#held.push({ userId, since });
    if (this.#held.length === this.#heldMax) this.#cut();
  }

  #cut(): void {
    const order = (one: Sampled, other: Sampled) =>
      (one.since - other.since || (one.userId < other.userId ? -1 : 1)) * this.#way;
    this.#held = this.#held.sort(order).slice(0, this.#size);
    this.#last = this.#held.length === this.#size ? this.#held.at(-1) : undefined;
  }

  userIds(): readonly UserId[] {
    this.#cut();
    return this.#held.map(({ userId }) => userId as UserId);
  }
}

/** What becomes a row of a run's slices. */
export interface FrozenSlice {
  readonly items: string;
  readonly locks: number;
  readonly digest: number;
}

/** Slices that are handed over at once: some hundred kilobytes. */
const slicesAtOnce = 32;

/**
 * The same set in the order of user ids, some slices at a time; the rows are of one moment for as long as that goes on. A
 * slice is one answer of the database, text and sums: a row of a million that comes by here costs as much as all else.
 */
export function* sliceLocks(db: DatabaseSync, query: SelectLocks): Generator<readonly FrozenSlice[]> {
  // Merged into the one around it: its order is that of the table, so that a slice is found without a look at the others.
  const { sql, values } = locksQuery(source, query, { isPaged: true });
  const [, ...rest] = values;
  const item = 'json_array(user_id, organization_id, generation, lock_until)';
  const statement = db.prepare(
    `SELECT json_group_array(${item}) AS items, ${sums}, max(user_id) AS last ` +
      `FROM (${sql} ORDER BY user_id LIMIT ${sliceSize})`,
  );
  db.exec('BEGIN');
  try {
    let slices: FrozenSlice[] = [];
    for (let last: string | null = ''; last !== null; ) {
      const row = statement.get(last, ...rest) as unknown as FrozenSlice & { readonly last: string | null };
      last = row.locks < sliceSize ? null : row.last;
      if (row.locks > 0) slices.push({ items: row.items, locks: row.locks, digest: row.digest });
      if (slices.length < slicesAtOnce) continue;
      yield slices;
      slices = [];
    }
    if (slices.length > 0) yield slices;
  } finally {
    if (db.isTransaction) db.exec('COMMIT');
  }
}
