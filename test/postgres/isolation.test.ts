import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';
import type { UserId } from '../../src/domain/ids.ts';
import type { User } from '../../src/domain/user.ts';
import { openPostgres } from '../../src/store/postgres/postgres.ts';
import type { Change, Store } from '../../src/store/store.ts';
import { runSql } from '../support/execute.ts';
import { createPostgresDatabase } from '../support/postgres.ts';
import { historyOf } from '../support/replay.ts';
import { human, seedOrganization, seedTime, seedUser } from '../support/seed-users.ts';

let url: string;
let stores: readonly [Store, Store];
const resources = new AsyncDisposableStack();

beforeAll(async () => {
  url = await createPostgresDatabase();
  stores = [resources.use(await openPostgres({ url })), resources.use(await openPostgres({ url }))];
  await seedOrganization(stores[0], 'acme');
});
afterAll(() => resources.disposeAsync());

let count = 0;
async function newUser(): Promise<User> {
  count += 1;
  const userId = `u${count}`;
  return seedUser(stores[0], { userId, organizationId: 'acme', profile: human({ userName: userId }) });
}

function lock(before: User, meta: Change['meta'] = {}): Change {
  count += 1;
  const at = { createdAt: seedTime, eventId: `lock-${count}` };
  return { before, userId: before.userId, events: [{ type: 'user.locked', payload: {} }], at, meta };
}

async function session(): Promise<Client & AsyncDisposable> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

/** Until so many sessions of this database wait for a lock. */
async function untilWaiting(sessions: number): Promise<void> {
  for (let seen = -1; seen !== sessions; ) {
    const rows = await runSql(
      url,
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    seen = rows[0]?.n as number;
  }
}

describe('two sessions that decided on the same version', () => {
  test('without compare-and-set both win at READ COMMITTED: the naive way', async () => {
    const { userId } = await newUser();
    await using one = await session();
    await using other = await session();
    const naive = "UPDATE users SET sequence = 2, state = 'locked' WHERE user_id = $1";
    for (const client of [one, other]) await client.query('BEGIN');
    for (const client of [one, other]) {
      const read = await client.query('SELECT state FROM users WHERE user_id = $1', [userId]);
      expect(read.rows).toEqual([{ state: 'active' }]);
    }
    await one.query(naive, [userId]);
    const waiting = other.query(naive, [userId]);
    await untilWaiting(1);
    await one.query('COMMIT');
    expect((await waiting).rowCount).toBe(1);
    await other.query('ROLLBACK');
  });

  test.each([
    ['COMMIT', 'stale'],
    ['ROLLBACK', 'won'],
  ])('with it, who waits for a %s has %s', async (end, outcome) => {
    const before = await newUser();
    await using other = await session();
    await other.query('BEGIN');
    await other.query('UPDATE users SET sequence = 2 WHERE user_id = $1 AND sequence = 1', [before.userId]);
    const waiting = stores[0].append(lock(before));
    await untilWaiting(1);
    await other.query(end);
    const after = await waiting;
    if (outcome === 'stale') expect(after).toBe('stale');
    else expect(after).toMatchObject({ sequence: 2, state: 'locked' });
    expect((await historyOf(stores[0], before.userId)).length).toBe(outcome === 'stale' ? 1 : 2);
  });
});

test.each([
  'read committed',
  'repeatable read',
  'serializable',
])('where the database says %s, one of many wins, and who does not compete suffers nothing', async (level) => {
  const strict = await createPostgresDatabase();
  await runSql(
    strict,
    `ALTER DATABASE ${new URL(strict).pathname.slice(1)} SET default_transaction_isolation = '${level}'`,
  );
  await using one = await openPostgres({ url: strict });
  await using other = await openPostgres({ url: strict });
  await seedOrganization(one, 'acme');
  const people: User[] = [];
  for (let nth = 0; nth < 12; nth += 1) {
    const profile = human({ userName: `p${nth}` });
    people.push(await seedUser(one, { userId: `p${nth}`, organizationId: 'acme', profile }));
  }
  const outcomes = await Promise.all(
    people.flatMap((before) => [one, other, one, other].map((store) => store.append(lock(before)))),
  );
  const winners = outcomes.filter((outcome) => typeof outcome !== 'string').map(({ userId }) => userId);
  expect(winners.sort()).toEqual(people.map(({ userId }) => userId).sort());
  expect(outcomes.filter((outcome) => outcome === 'stale').length).toBe(3 * people.length);
  expect((await one.listEvents({ afterPosition: 0, limit: 100 })).length).toBe(1 + 2 * people.length);
});

describe('a member of a batch', () => {
  test('whose text PostgreSQL cannot keep fails alone', async () => {
    const people = [await newUser(), await newUser(), await newUser()];
    const metas = [{}, { reason: 'a\0b' }, {}];
    const outcomes = await Promise.allSettled(
      people.map((before, nth) => stores[0].append(lock(before, metas[nth]))),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { error: 'fieldInvalid' } });
  });

  test('whose row somebody holds fails alone, and soon', async () => {
    const people = [await newUser(), await newUser(), await newUser()];
    await using other = await session();
    await other.query('BEGIN');
    await other.query('SELECT 1 FROM users WHERE user_id = $1 FOR UPDATE', [people[1]?.userId]);
    const outcomes = await Promise.allSettled(people.map((before) => stores[0].append(lock(before))));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { error: 'storeUnavailable' } });
    await other.query('ROLLBACK');
    expect((await stores[0].loadUser(people[1]?.userId as UserId))?.state).toBe('active');
  });

  test('goes on without the many whose rows somebody holds, and these wait together', async () => {
    const people = await Promise.all(Array.from({ length: 20 }, newUser));
    await using other = await session();
    await other.query('BEGIN');
    const held = people.filter((_user, nth) => nth % 2 === 0).map(({ userId }) => userId);
    await other.query('SELECT 1 FROM users WHERE user_id = ANY($1::text[]) FOR UPDATE', [held]);
    const startedMs = performance.now();
    const outcomes = await Promise.allSettled(people.map((before) => stores[0].append(lock(before))));
    const tookMs = performance.now() - startedMs;
    await other.query('ROLLBACK');
    expect(outcomes.map(({ status }) => status)).toEqual(
      people.map((_user, nth) => (nth % 2 === 0 ? 'rejected' : 'fulfilled')),
    );
    // One after the other they would wait ten times a second.
    expect(tookMs).toBeLessThan(5_000);
  });

  // As ALTER TABLE or VACUUM FULL lock it, and CREATE INDEX or LOCK by hand.
  test.each([
    'users',
    'events',
    'batches',
  ])('of a table that somebody holds is refused soon, with all others: %s', async (table) => {
    const people = await Promise.all(Array.from({ length: 20 }, newUser));
    await using other = await session();
    await other.query('BEGIN');
    await other.query(`LOCK TABLE ${table} IN SHARE MODE`);
    const startedMs = performance.now();
    const outcomes = await Promise.allSettled(people.map((before) => stores[0].append(lock(before))));
    const tookMs = performance.now() - startedMs;
    await other.query('ROLLBACK');
    expect(outcomes).toEqual(
      people.map(() =>
        expect.objectContaining({ reason: expect.objectContaining({ error: 'storeUnavailable' }) }),
      ),
    );
    expect(tookMs).toBeLessThan(8_000);
    const again = await Promise.all(people.map((before) => stores[0].append(lock(before))));
    expect(again.every((outcome) => typeof outcome !== 'string')).toBe(true);
  });

  test('is answered for itself, many in one statement', async () => {
    const people = await Promise.all(Array.from({ length: 40 }, newUser));
    const changes = people.map((before, nth) => lock(nth % 3 === 0 ? { ...before, sequence: 7 } : before));
    const outcomes = await Promise.all(changes.map((change) => stores[0].append(change)));
    expect(outcomes.map((outcome) => typeof outcome === 'string')).toEqual(
      people.map((_user, nth) => nth % 3 === 0),
    );
  });
});

test('an id with NUL, or with half a surrogate pair, is nobody', async () => {
  for (const id of ['a\0b', 'a\ud800']) {
    expect(await stores[0].loadUser(id as UserId)).toBeUndefined();
    expect(await stores[0].loadToken(id)).toBeUndefined();
    expect(await stores[0].loadPasswordHash(id as UserId)).toBeUndefined();
    expect(await stores[0].loadOrganization({ domain: id })).toBeUndefined();
  }
});

test('a profile that PostgreSQL cannot keep is refused whole', async () => {
  for (const givenName of ['a\0b', 'a\ud800']) {
    const seed = { userId: 'bad', organizationId: 'acme', profile: human({ userName: 'bad', givenName }) };
    await expect(seedUser(stores[0], seed)).rejects.toMatchObject({ error: 'fieldInvalid' });
    expect(await stores[0].loadUser('bad' as UserId)).toBeUndefined();
  }
});

test('a token that is added while its owner is locked is void, or not added', async () => {
  for (let round = 0; round < 20; round += 1) {
    const before = await newUser();
    const tokenId = `t-${before.userId}`;
    const adding = stores[1].append({
      before,
      userId: before.userId,
      events: [{ type: 'user.pat.added', payload: { tokenId, expiresAt: seedTime } }],
      at: { createdAt: seedTime, eventId: `token-${before.userId}` },
      meta: {},
      secrets: { tokenSecretHash: new Uint8Array(32) },
    });
    const outcomes = await Promise.all([adding, stores[0].append(lock(before))]);
    expect(outcomes.filter((outcome) => outcome === 'stale').length).toBe(1);
    const isLocked = typeof outcomes[1] !== 'string';
    expect((await stores[0].loadToken(tokenId)) === undefined).toBe(isLocked);
  }
});

test('positions have no hole, whatever was stale, refused or rolled back', async () => {
  const last = (await stores[0].listOrganizations('all', { offset: 0, limit: 1, ascending: true })).position;
  const [counted] = await runSql(
    url,
    'SELECT count(*)::int AS events, count(DISTINCT position)::int AS positions, min(position)::int AS first, max(position)::int AS last FROM log',
  );
  expect(last).toBeGreaterThan(100);
  expect(counted).toEqual({ events: last, positions: last, first: 1, last });
});
