import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { openStore } from '../../src/store/open.ts';
import { runHere } from '../cli/run-cli.ts';
import { runSql } from '../support/execute.ts';
import { human, seedOrganization, seedTime, seedUser } from '../support/seed-users.ts';
import { openEmptyDatabase, type StoreKind } from '../support/stores.ts';

/** Two people of whom one is deleted. */
async function seed(database: string): Promise<void> {
  await using store = await openStore({ database });
  await seedOrganization(store, 'here');
  const profile = (userName: string) => human({ userName });
  await seedUser(store, { userId: 'ada', organizationId: 'here', profile: profile('ada') });
  const gone = { userId: 'gone', organizationId: 'here', profile: profile('gone') };
  await seedUser(store, { ...gone, afterwards: ['user.removed'] });
}

async function execute(database: string, statements: readonly string[]): Promise<void> {
  if (database.startsWith('postgres')) {
    for (const sql of statements) await runSql(database, sql);
    return;
  }
  using db = new DatabaseSync(database);
  for (const sql of statements) db.exec(sql);
}

/** As a deletion leaves them by a server that knew of no such tables; the living have some too. */
const left = (kind: StoreKind): readonly string[] => [
  ...['one', 'two'].map(
    (key) =>
      `INSERT INTO user_metadata VALUES ('gone', '${key}', ${kind === 'sqlite' ? "x''" : "''"}, ${seedTime}, ${seedTime})`,
  ),
  ...['gone', 'ada'].map((userId) => `INSERT INTO codes VALUES ('${userId}', 'email', 'aa', ${seedTime}, 0)`),
];

describe.each<StoreKind>(['sqlite', 'postgres'])('%s', (kind) => {
  test('what an older version left of a deleted user is named, and --repair takes it away, and nothing else', async () => {
    await using empty = await openEmptyDatabase(kind);
    const { database } = empty;
    await seed(database);
    const asked = ['verify', '--db', database];
    expect(await runHere(asked)).toMatchObject({ code: 0 });
    await execute(database, left(kind));
    const found = await runHere(asked);
    expect(found).toMatchObject({
      code: 5,
      stdout: expect.stringMatching(/^user gone: metadata: the row says/m),
    });
    const mended = await runHere([...asked, '--repair']);
    expect(mended).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/: 3 rows taken away that were left of deleted users\n.* 0 problems/),
    });
    expect(await runHere([...asked, '--repair', '--json'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"mended":0'),
    });
    await using store = await openStore({ database });
    expect(await store.loadCode({ userId: 'ada' as never, kind: 'email' })).toBeDefined();
  });

  test('a row that says something else than its events is named and left', async () => {
    await using empty = await openEmptyDatabase(kind);
    const { database } = empty;
    await seed(database);
    await execute(database, ["UPDATE users SET state = 'locked' WHERE user_id = 'ada'"]);
    const repaired = await runHere(['verify', '--repair', '--db', database]);
    expect(repaired).toMatchObject({ code: 5, stdout: expect.stringMatching(/^user ada: /m) });
    expect(await runHere(['verify', '--db', database])).toMatchObject({ code: 5 });
  });
});

test('on PostgreSQL servers go on, and who is made again just then keeps what is theirs', async () => {
  await using empty = await openEmptyDatabase('postgres');
  const { database } = empty;
  await seed(database);
  await execute(database, left('postgres'));
  const server = new Client({ connectionString: database });
  await server.connect();
  await server.query('BEGIN');
  await server.query("UPDATE users SET state = 'active' WHERE user_id = 'gone'");
  await server.query("UPDATE user_metadata SET value = 'mine' WHERE user_id = 'gone' AND key = 'one'");
  const repairing = runHere(['verify', '--repair', '--db', database]);
  const waiting =
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
  while ((await runSql(database, waiting))[0]?.n !== 1) await new Promise(setImmediate);
  await server.query('COMMIT');
  expect(await repairing).toMatchObject({ stdout: expect.stringContaining(': 0 rows taken away') });
  await server.end();
  expect(await runSql(database, 'SELECT key FROM user_metadata ORDER BY key')).toEqual([
    { key: 'one' },
    { key: 'two' },
  ]);
});

test.each([
  [
    'without positions of batches',
    'INSERT INTO events (user_id, sequence, created_at, event_id, type, payload) VALUES',
  ],
  [
    'with positions of its own',
    'INSERT INTO events (user_id, sequence, position, created_at, event_id, type, payload) VALUES',
  ],
])('on PostgreSQL a server from before batches, %s, writes nothing at all', async (_what, insert) => {
  await using empty = await openEmptyDatabase('postgres');
  await seed(empty.database);
  const values = insert.includes('position,')
    ? "('ada', 2, 9, 1, 'old', 'user.locked', '{}')"
    : "('ada', 2, 1, 'old', 'user.locked', '{}')";
  const transaction = `UPDATE users SET state = 'locked', sequence = 2 WHERE user_id = 'ada'; ${insert} ${values}`;
  await expect(runSql(empty.database, transaction)).rejects.toThrow(/batch_id|position/);
  expect(await runHere(['verify', '--db', empty.database])).toMatchObject({ code: 0 });
});
