/** Locks counted on SQLite part by part: the same as one by one, and hardly any of them in JavaScript. */
import { type AggregateOptions, DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openStore } from '../../src/store/open.ts';
import { registerFold } from '../../src/store/sqlite/dialect.ts';
import { countLocks, sumLocks } from '../../src/store/sqlite/lists/locks.ts';
import { type EmptyDatabase, openEmptyDatabase } from '../support/stores.ts';

interface Held {
  readonly userId: string;
  readonly organizationId: string;
  readonly cause: string;
  readonly since: number;
}

const firstMs = 1_800_000_000_000;
const filter = { causes: [], userIds: [], exceptUserIds: [] };
const query = { scope: 'all', filter: { ...filter, causes: ['policy', 'administrator'] } } as const;

/** Hears of each lock that JavaScript is told of. */
class Overheard extends DatabaseSync {
  told = 0;
  /** By one statement. */
  toldMost = 0;

  override aggregate(name: string, options: AggregateOptions): void {
    let ofThis = 0;
    super.aggregate(name, {
      ...options,
      start: () => {
        ofThis = 0;
        return 0;
      },
      step: (...given) => {
        this.told += 1;
        ofThis += 1;
        if (ofThis > this.toldMost) this.toldMost = ofThis;
        return options.step(...given);
      },
    } as AggregateOptions);
  }
}

let empty: EmptyDatabase;
let db: Overheard;

beforeAll(async () => {
  empty = await openEmptyDatabase('sqlite');
  await (await openStore({ database: empty.database }))[Symbol.asyncDispose]();
  db = new Overheard(empty.database);
  registerFold(db);
});
afterAll(async () => {
  db.close();
  await empty[Symbol.asyncDispose]();
});

/** Beside each a user who is not locked. */
function hold(locks: readonly Held[]): void {
  db.exec('BEGIN; DELETE FROM users');
  const insert = db.prepare(
    'INSERT INTO users (user_id, organization_id, kind, state, sequence, created_at, changed_at, ' +
      "failed_password_attempts, tokens_ended_sequence, grants, lockout) VALUES (?, ?, 'human', ?, 2, 0, 0, 0, 0, '[]', ?)",
  );
  for (const { userId, organizationId, cause, since } of locks) {
    const lock = { cause, generation: 2, since, failedAttempts: 0 };
    insert.run(userId, organizationId, 'locked', JSON.stringify({ lock }));
    insert.run(`${userId}-free`, organizationId, 'active', '{}');
  }
  db.exec('COMMIT');
  db.told = 0;
  db.toldMost = 0;
}

const idOf = (nth: number) => `u${String(nth).padStart(6, '0')}`;
/** Without an order, and always the same. */
const mixed = (nth: number) => (nth * 7_919) % 104_729;

/** Where the locks are, and when they were set. */
const nights: Readonly<Record<string, (nth: number, count: number) => Omit<Held, 'userId'>>> = {
  'of one organization, set in any order': (nth) => ({
    ...{ organizationId: 'here', cause: 'policy', since: firstMs + mixed(nth) },
  }),
  'all set at once': () => ({ organizationId: 'here', cause: 'administrator', since: firstMs }),
  'set in the order of their users': (nth) => ({
    ...{ organizationId: 'here', cause: 'policy', since: firstMs + nth },
  }),
  'set against the order of their users': (nth, count) => ({
    ...{ organizationId: 'here', cause: 'policy', since: firstMs + count - nth },
  }),
  'of one organization after the other': (nth, count) => ({
    organizationId: `o${Math.floor((4 * nth) / count)}`,
    cause: nth % 5 === 0 ? 'administrator' : 'policy',
    since: firstMs + (mixed(nth) % 100),
  }),
};

/** One by one, as whoever reads the promise would. */
function counted(locks: readonly Held[], sampleSize: number) {
  const groups = new Map<string, number>();
  for (const { organizationId, cause } of locks) {
    const key = `${organizationId} ${cause}`;
    groups.set(key, (groups.get(key) ?? 0) + 1);
  }
  const ordered = [...locks].sort(
    (one, other) => one.since - other.since || (one.userId < other.userId ? -1 : 1),
  );
  const oldest = ordered.slice(0, Math.ceil(sampleSize / 2));
  const newest = ordered.reverse().slice(0, Math.floor(sampleSize / 2));
  return {
    groups: [...groups].sort(),
    times: ordered.length === 0 ? undefined : { earliest: ordered.at(-1)?.since, latest: ordered[0]?.since },
    sample: [...new Set([...oldest, ...newest].map(({ userId }) => userId))],
  };
}

function found(sampleSize: number) {
  const { groups, digest, times, sample } = countLocks(db, { ...query, sampleSize });
  const locks = groups.reduce((all, group) => all + group.locks, 0);
  expect(sumLocks(db, query)).toEqual({ locks, digest });
  const shown = groups.map((group): [string, number] => [
    `${group.organizationId} ${group.cause}`,
    group.locks,
  ]);
  return { groups: shown.sort(), times, sample };
}

const locksOf = (night: string, count: number): Held[] =>
  Array.from({ length: count }, (_, nth) => {
    const held = nights[night]?.(nth, count);
    if (held === undefined) throw new Error(`no such night: ${night}`);
    return { userId: idOf(nth), ...held };
  });

describe.each(Object.keys(nights))('locks %s', (night) => {
  test('are counted as one by one, where a part ends and one past it', () => {
    for (const count of [0, 1, 2, 99, 127, 128, 129, 1_023, 1_024, 1_025, 5_120, 5_121]) {
      const locks = locksOf(night, count);
      hold(locks);
      for (const sampleSize of [0, 1, 2, 7, 100]) {
        expect(found(sampleSize)).toEqual(counted(locks, sampleSize));
      }
    }
  });

  test('hardly any of forty thousand come by JavaScript', () => {
    const locks = locksOf(night, 40_000);
    hold(locks);
    expect(found(100)).toEqual(counted(locks, 100));
    // Where another organization begins, all do until the end of the part.
    const organizations = new Set(locks.map(({ organizationId }) => organizationId)).size;
    process.stdout.write(`of 40,000 locks ${night} JavaScript was told of ${db.told}\n`);
    expect(db.told).toBeLessThan(organizations * 4_096);
  });
});

test('where every one has to, they come some thousands at a time', () => {
  const locks = Array.from({ length: 40_000 }, (_, nth): Held => {
    const organizationId = `o${nth}`;
    return { userId: idOf(nth), organizationId, cause: 'policy', since: firstMs + mixed(nth) };
  });
  hold(locks);
  expect(found(2)).toEqual(counted(locks, 2));
  expect(db.told).toBeGreaterThan(locks.length);
  // What a function was called with is kept until its statement ends.
  expect(db.toldMost).toBeLessThanOrEqual(4_096);
});
