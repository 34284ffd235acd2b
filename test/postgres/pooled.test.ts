import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openPostgres } from '../../src/store/postgres/postgres.ts';
import type { StoreReport } from '../../src/store/store.ts';
import { runSql } from '../support/execute.ts';
import { isForeignServer, type PostgresServer, startPostgres } from '../support/postgres.ts';
import { human, seedOrganization, seedUser } from '../support/seed-users.ts';

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
});

const reports: StoreReport[] = [];
const onReport = (report: StoreReport) => reports.push(report);

test('whether a pooler stands in between is seen at the start, and said', async () => {
  const url = await postgres.createDatabase();
  await using store = await openPostgres({ url, onReport });
  await seedOrganization(store, 'here');
  await seedUser(store, { userId: 'ada', organizationId: 'here', profile: human({ userName: 'ada' }) });
  expect(await store.isReady()).toBe(true);
  // Without DATABASE_URL there is none here; test/pooled sets one that goes through PgBouncer.
  const isPooled = reports.some(({ text }) => text.includes('a pooler stands before the database'));
  const [own] = await runSql(
    url,
    "SELECT count(*)::int AS n FROM pg_prepared_statements WHERE name LIKE '%.0'",
  );
  if (!isForeignServer) expect(isPooled).toBe(false);
  if (isPooled) expect(own).toEqual({ n: 0 });
});

test('what a pooler does not take is said in one sentence', async () => {
  const url = new URL(await postgres.createDatabase());
  url.search = '?options=-c%20geqo%3Doff';
  const opening = openPostgres({ url: url.href });
  const opened = await opening.then(
    (store) => store[Symbol.asyncDispose]().then(() => 'opened'),
    (error) => String(error.message),
  );
  expect(opened).toMatch(/^opened$|unsupported startup parameter.*name it in ignore_startup_parameters/);
});
