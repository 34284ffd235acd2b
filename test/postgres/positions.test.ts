import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client } from 'pg';
import type { RecordedEvent } from '../../src/domain/events.ts';
import { openPostgres } from '../../src/store/postgres/postgres.ts';
import type { Store } from '../../src/store/store.ts';
import { runSql } from '../support/execute.ts';
import { createPostgresDatabase } from '../support/postgres.ts';
import { pick, seededRandom } from '../support/random.ts';
import { human, seedEvents, seedOrganization, seedTime, seedUser } from '../support/seed-users.ts';

let url: string;
let stores: readonly [Store, Store];
const resources = new AsyncDisposableStack();

beforeAll(async () => {
  url = await createPostgresDatabase();
  stores = [resources.use(await openPostgres({ url })), resources.use(await openPostgres({ url }))];
  await seedOrganization(stores[0], 'acme');
  await seedUser(stores[0], {
    userId: 'early',
    organizationId: 'acme',
    profile: human({ userName: 'early' }),
  });
});
afterAll(() => resources.disposeAsync());

/** A reader that remembers the highest position it has seen and asks for what is above it. */
function createFollower(read: (after: number) => Promise<readonly { readonly position: number }[]>) {
  const seen: number[] = [];
  return {
    seen,
    async follow() {
      const page = await read(seen.at(-1) ?? 0);
      seen.push(...page.map(({ position }) => position));
    },
  };
}

test('a position from a sequence hides what commits late: the naive way', async () => {
  await runSql(url, 'CREATE TABLE naive (position BIGSERIAL PRIMARY KEY)');
  const { seen, follow } = createFollower(
    async (after) =>
      (await runSql(
        url,
        `SELECT position::int FROM naive WHERE position > ${after} ORDER BY position`,
      )) as never,
  );
  const late = new Client({ connectionString: url });
  await late.connect();
  await late.query('BEGIN');
  await late.query('INSERT INTO naive DEFAULT VALUES');
  await runSql(url, 'INSERT INTO naive DEFAULT VALUES');
  await follow();
  await late.query('COMMIT');
  await late.end();
  await follow();
  expect(seen).toEqual([2]);
  expect((await runSql(url, 'SELECT count(*)::int AS n FROM naive'))[0]?.n).toBe(2);
});

test('ours shows it, behind what committed before it', async () => {
  const ids: string[] = [];
  const { follow } = createFollower(async (after) => {
    const events = await stores[1].listEvents({ afterPosition: after, limit: 100 });
    ids.push(...events.map(({ eventId }) => eventId));
    return events;
  });
  await follow();
  ids.length = 0;
  const late = new Client({ connectionString: url });
  await late.connect();
  await late.query('BEGIN');
  await late.query("INSERT INTO batches VALUES ('late', 1, 0)");
  await late.query(
    "INSERT INTO events (user_id, sequence, batch_id, place, created_at, event_id, type, payload) VALUES ('late', 1, 'late', 0, 0, 'late', 'user.locked', '{}')",
  );
  await seedEvents(stores[0], 'early', [{ type: 'user.locked', payload: {} }]);
  await follow();
  expect(ids).toEqual(['later-early-1']);
  await late.query('COMMIT');
  await late.end();
  await follow();
  expect(ids).toEqual(['later-early-1', 'late']);
  await runSql(url, "DELETE FROM events WHERE event_id = 'late'");
});

test('a user whose servers have clocks apart keeps the order of the sequences', async () => {
  const profile = human({ userName: 'skewed' });
  await seedUser(stores[0], { userId: 'skewed', organizationId: 'acme', profile, at: 9_000 });
  for (const [nth, createdAt] of [8_000, 7_000, 9_500, 1_000].entries()) {
    const before = await stores[0].loadUser('skewed' as never);
    const type = nth % 2 === 0 ? 'user.locked' : 'user.unlocked';
    const at = { createdAt: seedTime + createdAt, eventId: `skewed-${nth}` };
    await stores[nth % 2 === 0 ? 0 : 1].append({
      before,
      userId: 'skewed' as never,
      events: [{ type, payload: {} }],
      at,
      meta: {},
    });
  }
  const events = await stores[1].listEvents({ afterPosition: 0, limit: 100, userId: 'skewed' as never });
  expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5]);
  const positions = events.map(({ position }) => position);
  expect(positions).toEqual(positions.toSorted((one, other) => one - other));
});

test('a follower ends with the events of the table, no gap and no repeat, while 8 writers write', async () => {
  const writers = 8;
  const eventsEach = 150;
  for (let nth = 0; nth < writers; nth += 1) {
    const profile = human({ userName: `writer-${nth}` });
    await seedUser(stores[0], { userId: `writer-${nth}`, organizationId: 'acme', profile });
  }
  let writing = writers;
  const write = async (nth: number) => {
    const random = seededRandom(nth);
    const userId = `writer-${nth}` as never;
    for (let turn = 0; turn < eventsEach; turn += 1) {
      const store = pick(random, stores);
      const before = await store.loadUser(userId);
      const type = before?.state === 'locked' ? 'user.unlocked' : 'user.locked';
      // The clocks of the writers differ by up to a second.
      const createdAt = seedTime + turn * 10 + Math.floor(random() * 1_000);
      const at = { createdAt, eventId: `${nth}-${turn}` };
      const after = await store.append({ before, userId, events: [{ type, payload: {} }], at, meta: {} });
      expect(after).toMatchObject({ sequence: turn + 2 });
    }
    writing -= 1;
  };
  const followed: [RecordedEvent[], RecordedEvent[]] = [[], []];
  const follow = async (nth: 0 | 1) => {
    const read = async () => {
      const afterPosition = followed[nth].at(-1)?.position ?? 0;
      const page = await stores[nth].listEvents({ afterPosition, limit: 7 + nth });
      followed[nth].push(...page);
      return page.length;
    };
    for (let isOver = false; !isOver; ) {
      const wasWriting = writing > 0;
      const length = await read();
      isOver = !wasWriting && length === 0;
    }
  };
  await Promise.all([...Array.from({ length: writers }, (_none, nth) => write(nth)), follow(0), follow(1)]);

  const table = await runSql(url, 'SELECT event_id, position::int FROM log ORDER BY position');
  for (const events of followed) {
    expect(events.map(({ eventId, position }) => ({ event_id: eventId, position }))).toEqual(table);
    for (const [, own] of Map.groupBy(events, ({ userId }) => userId)) {
      expect(own.map(({ sequence }) => sequence)).toEqual(own.map((_event, index) => index + 1));
    }
  }
  expect(table.length).toBeGreaterThan(writers * eventsEach);
}, 60_000);

test('events get their positions in the background too, where nobody reads them', async () => {
  const [row] = await runSql(url, 'SELECT last_position::int AS last FROM placer');
  await seedEvents(stores[0], 'early', [{ type: 'user.unlocked', payload: {} }]);
  for (let last = row?.last; last === row?.last; ) {
    last = (await runSql(url, 'SELECT last_position::int AS last FROM placer'))[0]?.last;
  }
  const unplaced = await runSql(url, 'SELECT 1 FROM log WHERE position IS NULL');
  expect(unplaced).toEqual([]);
});
