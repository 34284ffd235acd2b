import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openPostgres } from '../../src/store/postgres/postgres.ts';
import type { Store } from '../../src/store/store.ts';
import { startProxy } from '../support/postgres/proxy.ts';
import { createPostgresDatabase, runSql } from '../support/postgres.ts';

const connectionsMax = 6;
let url: string;

beforeAll(async () => {
  url = await createPostgresDatabase();
});

const resources = new AsyncDisposableStack();
afterAll(() => resources.disposeAsync());

/** More at once than there are connections, of every kind. */
function askMuch(store: Store): Promise<unknown> {
  const page = { offset: 0, limit: 1, ascending: true };
  const calls = Array.from({ length: 30 }, (_none, nth) => [
    store.loadPasswordHash(`u${nth}` as never),
    store.listOrganizations('all', page),
  ]);
  return Promise.allSettled(calls.flat());
}

const held = async () =>
  Number(
    (
      await runSql(
        url,
        "SELECT count(*) AS held FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'latchkey'",
      )
    )[0]?.held,
  );

test('connections stay within their number when the database is back after all of them failed together', async () => {
  const proxy = resources.use(await startProxy(url));
  const store = resources.use(await openPostgres({ url: proxy.url, connectionsMax, patienceMs: 500 }));
  for (let outage = 0; outage < 3; outage += 1) {
    await askMuch(store);
    proxy.setRefusing(true);
    await askMuch(store);
    proxy.setRefusing(false);
    while (!(await store.isReady())) await delay(10);
    // Longer than the longest pause between two attempts. What is too many stays: nobody closes what works.
    for (const endMs = performance.now() + 1_500; performance.now() < endMs; ) await askMuch(store);
    // Of those that were cut the database may hear late.
    for (let look = 0; look < 50 && (await held()) > connectionsMax; look += 1) await delay(50);
    expect(await held()).toBeLessThanOrEqual(connectionsMax);
  }
});

test('a database that refuses is asked by one connection at a time, less and less often', async () => {
  const database = new URL(url);
  const proxy = await startProxy(url);
  const store = resources.use(await openPostgres({ url: proxy.url, connectionsMax, patienceMs: 500 }));
  await askMuch(store);
  await proxy[Symbol.asyncDispose]();
  let knocks = 0;
  const door = createServer((socket) => {
    knocks += 1;
    socket.destroy();
  });
  door.listen(Number(new URL(proxy.url).port), database.hostname);
  await once(door, 'listening');
  resources.defer(() => void door.close());
  await askMuch(store);
  await askMuch(store);
  const before = knocks;
  await delay(3_000);
  // At the longest pause, half a second at least; what is left of the shorter ones before it.
  expect(knocks - before).toBeLessThanOrEqual(8);
});
