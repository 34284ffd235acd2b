import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openDoor } from '../support/door.ts';
import { runSql } from '../support/execute.ts';
import { createPostgresDatabase } from '../support/postgres.ts';
import { startServer } from '../support/start-server.ts';
import { tracesIn, values } from './traces.ts';

test('on PostgreSQL, ANALYZE and VACUUM FULL take the bytes out of the files of the database', async () => {
  const database = await createPostgresDatabase();
  await using server = await startServer({ database });
  await server.people.organization('acme');
  const owner = await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  await using door = openDoor(server.url, owner);
  const { userName: username, givenName, familyName, email, phone, metadataKey: key, reason } = values;
  const profile = { givenName, familyName };
  const human = { profile, email: { email, isVerified: true }, phone: { phone, isVerified: true } };
  const message = { userId: 'qz', organizationId: 'acme', username, human };
  await door.ask('CreateUser', message, owner, { 'latchkey-reason': reason });
  await door.ask('SetUserMetadata', { userId: 'qz', metadata: [{ key, value: 'AAAA' }] });
  // So that samples of the columns are kept.
  await runSql(database, 'ANALYZE');
  const [{ folder = '', oid = '' } = {}] = await runSql(
    database,
    "SELECT current_setting('data_directory') AS folder, (SELECT oid FROM pg_database WHERE datname = current_database())::text AS oid",
  );
  const bytes = async () => {
    await runSql(database, 'CHECKPOINT');
    const place = join(String(folder), 'base', String(oid));
    const files = readdirSync(place).filter((name) => /^\d+/.test(name));
    return files.map((name) => readFileSync(join(place, name), 'latin1')).join('\n');
  };
  const told = [username, givenName, familyName, email, phone, key, reason];
  expect(tracesIn(await bytes()).toSorted()).toEqual(told.toSorted());
  expect((await door.ask('EraseUser', { userId: 'qz' })).code).toBe('OK');
  await runSql(database, 'ANALYZE');
  await runSql(database, 'VACUUM FULL');
  expect(tracesIn(await bytes())).toEqual([]);
}, 120_000);
