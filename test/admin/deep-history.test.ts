/** A page of somebody's history costs as much at its end as at its beginning, and so does a look for their birth. */
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { Client } from 'pg';
import { openDoor } from '../support/door.ts';
import { startMs, startServer } from '../support/start-server.ts';
import { openEmptyDatabase, type StoreKind } from '../support/stores.ts';

const events = 100_000;
const userId = 'old-hand';

/** What a life of so many events leaves behind, in the tables themselves. */
const lived: Readonly<Record<StoreKind, (database: string) => Promise<void>>> = {
  async sqlite(database) {
    // The server on it writes now and then.
    using db = new DatabaseSync(database, { timeout: 5_000 });
    db.exec(`
      WITH RECURSIVE n (nth) AS (SELECT 1 UNION ALL SELECT nth + 1 FROM n WHERE nth < ${events}),
        newest AS (SELECT max(position) AS position FROM events),
        user AS (SELECT sequence, newest_position FROM users WHERE user_id = '${userId}')
      INSERT INTO events (position, user_id, sequence, previous_position, event_id, type, created_at, payload)
        SELECT newest.position + nth, '${userId}', user.sequence + nth,
          CASE nth WHEN 1 THEN user.newest_position ELSE newest.position + nth - 1 END,
          'lived-' || nth, 'user.password.check.failed', 1, '{}'
        FROM n, newest, user;
      UPDATE users SET sequence = sequence + ${events}, newest_position = (SELECT max(position) FROM events)
        WHERE user_id = '${userId}'`);
  },
  async postgres(database) {
    const client = new Client({ connectionString: database });
    await client.connect();
    try {
      await client.query(`
        INSERT INTO batches (batch_id, events, created_at)
          SELECT 'lived-' || lpad(nth::text, 9, '0'), 100, ${startMs} FROM generate_series(0, ${events / 100 - 1}) AS nth`);
      await client.query(`
        INSERT INTO events (user_id, sequence, created_at, event_id, type, payload, batch_id, place)
          SELECT '${userId}', users.sequence + nth + 1, ${startMs}, 'lived-' || nth, 'user.password.check.failed', '{}',
            'lived-' || lpad((nth / 100)::text, 9, '0'), nth % 100
          FROM generate_series(0, ${events - 1}) AS nth, users WHERE users.user_id = '${userId}'`);
      await client.query(`UPDATE users SET sequence = sequence + ${events} WHERE user_id = '${userId}'`);
      await client.query('ANALYZE');
    } finally {
      await client.end();
    }
  },
};

test.each(['sqlite', 'postgres'] as const)('on %s', async (kind) => {
  await using place = await openEmptyDatabase(kind);
  const { database } = place;
  await using first = await startServer({ database });
  await first.people.organization('acme');
  await first.people.user({ organization: 'acme', userId });
  const token = await first.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  // Whoever asks has all of it placed.
  await first.app.store.listEvents({ afterPosition: 0, limit: 1 });
  await lived[kind](database);
  await using server = await startServer({ database });
  await using door = openDoor(server.url, token);
  const page = async (beforeSequence: number) => {
    const { code, response } = await door.ask('ListUserHistory', { userId, beforeSequence, limit: 20 });
    expect(code).toBe('OK');
    const entries = (response.entries ?? []) as { readonly event: { readonly sequence: string } }[];
    return entries.map(({ event }) => Number(event.sequence));
  };
  const leastMs = async (beforeSequence: number): Promise<number> => {
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 10; round += 1) {
      const startedMs = performance.now();
      await page(beforeSequence);
      least = Math.min(least, performance.now() - startedMs);
    }
    return least;
  };
  // What was written beside it gets its places first.
  const deadlineMs = performance.now() + 20_000;
  while ((await page(0))[0] !== events + 1) expect(performance.now()).toBeLessThan(deadlineMs);
  const newest = await page(0);
  expect(newest).toEqual(Array.from({ length: 20 }, (_, nth) => events + 1 - nth));
  expect(await page(10)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
  // A walk through all that is newer takes a hundred times as long and more.
  expect((await leastMs(10)) / (await leastMs(0))).toBeLessThan(10);
}, 120_000);
