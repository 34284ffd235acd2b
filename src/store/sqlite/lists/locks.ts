import type { DatabaseSync } from 'node:sqlite';
import { digestModulus, sliceSize } from '../../../domain/unlock-run.ts';
import { lockDigest, locksQuery } from '../../sql/unlock-runs.ts';
import type { FrozenSet, LocksFound, SelectLocks } from '../../unlock-run-store.ts';
import { sqliteDialect } from '../dialect.ts';
import { snapshot } from '../snapshot.ts';
import { createStatementCache } from '../statements.ts';
import { smallCache } from './small-cache.ts';
import { Tally } from './tally.ts';

// SQLite hears of no end but from a function that is called, see createLists; not of every row, as a call costs as much
// as the rest.
const endable = '(random() & 63 <> 0 OR go_on() = 1)';

const lockOf = (key: string, type: 'text' | 'number'): string =>
  sqliteDialect.inner('users.lockout', ['lock', key], type);

const source = { dialect: sqliteDialect, from: 'users', lockOf, endable };
// A query with a LIMIT is not merged into the one around it, which would look into the JSON again for each of its conditions.
const sourceOnce = { ...source, once: 'LIMIT -1' };

const sums = `count(*) AS locks, coalesce(sum(${lockDigest}), 0) % ${digestModulus} AS digest`;

/** How many there are, and which ones: as much of countLocks as tells one set from another. */
export function sumLocks(db: DatabaseSync, query: SelectLocks): FrozenSet {
  using _cache = smallCache(db);
  const { sql, values } = locksQuery(sourceOnce, query);
  const { locks, digest } = db.prepare(`SELECT ${sums} FROM (${sql})`).get(...values) as unknown as FrozenSet;
  return { locks, digest };
}

/** What one statement answers of so many locks at a time. */
interface Part extends FrozenSet {
  /** The last user of them. */
  readonly last: string | null;
  readonly [known: `known${number}`]: number;
}

/** The last ones of the set, which tell what the others are likely to be. */
const locksFirst = 128;
/** node:sqlite keeps what a function was called with until the statement ends: no more than this. */
const locksAtOnce = 4_096;

/**
 * The database counts, some thousands of locks at a time, and what it is not told of comes by here: locks of a group that those
 * before had little of, and those that may be in the sample. A lock that comes by costs as much as all else, and a table of a
 * million, sorted by group, more. All is of one moment.
 */
export function countLocks(
  db: DatabaseSync,
  { sampleSize, ...query }: SelectLocks & { readonly sampleSize: number },
): LocksFound {
  using _cache = smallCache(db);
  const tally = new Tally(sampleSize);
  db.aggregate('tally_lock', {
    ...{ start: 0, varargs: true },
    step: (_, organizationId, cause) => tally.add(organizationId as string, cause as string | null),
  });
  db.aggregate('offer_lock', {
    ...{ start: 0, varargs: true },
    step: (_, userId, since) => tally.offer(userId as string, since as number),
  });
  return snapshot(db, () => {
    const read = partReader(db, query, tally);
    if (read('', 'DESC', locksFirst).locks < locksFirst) return tally.found();
    tally.startOver();
    // Each time there are more of them, and more is known of what to leave out.
    let locksMax = locksFirst;
    for (let last: string | null = ''; last !== null; ) {
      locksMax = Math.min(8 * locksMax, locksAtOnce);
      const part = read(last, 'ASC', locksMax);
      last = part.locks < locksMax ? null : part.last;
    }
    return tally.found();
  });
}

function partReader(db: DatabaseSync, query: SelectLocks, tally: Tally) {
  const { sql, values } = locksQuery(source, query, { isPaged: true });
  const [, ...rest] = values;
  const bounds = [1, 2, 3, 4].map((nth) => `?${values.length + nth}`);
  const [since1, user1, since2, user2] = bounds;
  const mayBeShown =
    `(since <= ${since1} AND (since < ${since1} OR user_id < ${user1})) OR ` +
    `(since >= ${since2} AND (since > ${since2} OR user_id > ${user2}))`;
  const statements = createStatementCache(db);
  return (after: string, way: 'ASC' | 'DESC', locksMax: number): Part => {
    const known = tally.known();
    const first = values.length + bounds.length + 1;
    const isOf = known.map(
      (_, nth) => `(organization_id = ?${first + 2 * nth} AND cause IS ?${first + 2 * nth + 1})`,
    );
    const others = isOf.length === 0 ? 'TRUE' : `NOT (${isOf.join(' OR ')})`;
    const columns = [
      `${sums}, max(user_id) AS last`,
      ...isOf.map((condition, nth) => `count(*) FILTER (WHERE ${condition}) AS known${nth}`),
      `tally_lock(organization_id, cause) FILTER (WHERE ${others})`,
      `offer_lock(user_id, since) FILTER (WHERE ${mayBeShown})`,
    ];
    const part = statements
      .get(`SELECT ${columns.join(', ')} FROM (${sql} ORDER BY user_id ${way} LIMIT ${locksMax})`)
      .get(after, ...rest, ...tally.bounds(), ...known.flatMap(({ of }) => of)) as unknown as Part;
    tally.addPart(part, known);
    return part;
  };
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
  using _cache = smallCache(db);
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
