import type { DatabaseSync } from 'node:sqlite';
import type { OrganizationId, UserId } from '../../../domain/ids.ts';
import type { LockCause } from '../../../domain/lock.ts';
import { digestModulus, digestOf, digestOfAll, sliceSize } from '../../../domain/unlock-run.ts';
import { itemsText, locksQuery } from '../../sql/unlock-runs.ts';
import type { LockGroup, LocksFound, SelectLocks } from '../../unlock-run-store.ts';
import { sqliteDialect } from '../dialect.ts';

// SQLite hears of no end but from a function that is called, see createLists; not of every row, as a call costs as much
// as the rest.
const endable = '(random() & 63 <> 0 OR go_on() = 1)';

const lockOf = (key: string, type: 'text' | 'number'): string =>
  sqliteDialect.inner('users.lockout', ['lock', key], type);

const source = { dialect: sqliteDialect, from: 'users', lockOf, endable };

type TallyRow = readonly [
  userId: string,
  organizationId: string,
  cause: string | null,
  since: number,
  generation: number,
];

/**
 * Counts row by row: a table of a million of them, sorted once for each question, takes longer than all else, and a file
 * where it does not fit into memory. The rows are one statement's, so of one moment.
 */
export function countLocks(
  db: DatabaseSync,
  { sampleSize, ...query }: SelectLocks & { readonly sampleSize: number },
): LocksFound {
  const { sql, values } = locksQuery(source, query);
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
    // The sum of what digestOf says, taken modulo now and then.
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

type SliceRow = readonly [
  userId: string,
  organizationId: string,
  generation: number,
  until: number | null,
  since: number,
];

/** The same set in the order of user ids, some slices at a time; the rows are of one moment for as long as that goes on. */
export function* sliceLocks(db: DatabaseSync, query: SelectLocks): Generator<readonly FrozenSlice[]> {
  const { sql, values } = locksQuery(source, query);
  const columns = 'user_id, organization_id, generation, lock_until, since';
  const statement = db.prepare(`SELECT ${columns} FROM (${sql}) ORDER BY user_id`);
  statement.setReturnArrays(true);
  let slices: FrozenSlice[] = [];
  let rows: SliceRow[] = [];
  for (const row of statement.iterate(...values) as Iterable<unknown> as Iterable<SliceRow>) {
    rows.push(row);
    if (rows.length < sliceSize) continue;
    slices.push(frozen(rows));
    rows = [];
    if (slices.length < slicesAtOnce) continue;
    yield slices;
    slices = [];
  }
  if (rows.length > 0) slices.push(frozen(rows));
  if (slices.length > 0) yield slices;
}

function frozen(rows: readonly SliceRow[]): FrozenSlice {
  const digest = digestOfAll(rows.map(([, , generation, , since]) => digestOf(since, generation)));
  const items = rows.map(([userId, organizationId, generation, until]) => ({
    userId: userId as UserId,
    organizationId: organizationId as OrganizationId,
    generation,
    until: until ?? undefined,
  }));
  return { items: itemsText(items), locks: rows.length, digest };
}
