import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { openPostgres } from '../../src/store/postgres/postgres.ts';
import { runHere } from '../cli/run-cli.ts';
import { runSql } from '../support/execute.ts';
import { createPostgresDatabase } from '../support/postgres.ts';
import { human, seedOrganization, seedUser } from '../support/seed-users.ts';

async function seeded(): Promise<string> {
  const url = await createPostgresDatabase();
  await using store = await openPostgres({ url });
  await seedOrganization(store, 'here');
  await seedUser(store, { userId: 'ada', organizationId: 'here', profile: human({ userName: 'ada' }) });
  // Who reads events gives them their positions: nothing is left to be done.
  expect(await store.listEvents({ afterPosition: 0, limit: 10 })).toHaveLength(2);
  return url;
}

test('verify and export write nothing in a database that rests: a role that may only read is enough for them', async () => {
  const url = await seeded();
  const reader = `reader_${randomUUID().replaceAll('-', '')}`;
  const readers = new URL(url);
  readers.username = reader;
  readers.password = reader;
  await using cleanup = new AsyncDisposableStack();
  await runSql(url, `CREATE ROLE ${reader} LOGIN PASSWORD '${reader}'`);
  cleanup.defer(async () => {
    await runSql(url, `DROP OWNED BY ${reader}; DROP ROLE ${reader}`);
  });
  const database = readers.pathname.slice(1);
  await runSql(
    url,
    `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${reader}; REVOKE TEMPORARY ON DATABASE ${database} FROM PUBLIC`,
  );
  for (const write of [
    'DELETE FROM users',
    'CREATE TABLE public.made ()',
    'CREATE TEMPORARY TABLE made ()',
  ]) {
    await expect(runSql(readers.href, write)).rejects.toThrow('permission denied');
  }

  const verified = await runHere(['verify', '--db', readers.href]);
  expect(verified).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('0 problems'),
  });
  const { code, stdout } = await runHere(['export', '--db', readers.href]);
  expect([code, stdout]).toEqual([0, (await runHere(['export', '--db', url])).stdout]);
  expect(stdout).toContain('"userId":"ada"');
});
