import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Answer } from '../support/answer.ts';
import { type Door, openDoor } from '../support/door.ts';
import { runSql } from '../support/execute.ts';
import { createPostgresDatabase } from '../support/postgres.ts';
import { startServer, type TestServer } from '../support/start-server.ts';

const resources = new AsyncDisposableStack();
let database: string;
let server: TestServer;
let door: Door;
const userId = 'ada';

beforeAll(async () => {
  database = await createPostgresDatabase();
  server = resources.use(await startServer({ database }));
  await server.people.organization('acme');
  await server.people.user({ organization: 'acme', userId });
  door = resources.use(
    openDoor(server.url, await server.people.caller({ organization: 'acme', roles: ['IAM_OWNER'] })),
  );
});
afterAll(() => resources.disposeAsync());

/** Calls whose statements together read every table, some of them in a transaction. */
const calls: readonly (() => Promise<Answer>)[] = [
  () => door.ask('GetLockoutPolicy', { organizationId: 'acme' }, undefined, { 'x-zitadel-orgid': 'acme' }),
  () => door.ask('AddHumanUser', { organization: { orgDomain: 'acme.example' }, ...newHuman() }),
  () => door.ask('ListEvents', {}),
  () => door.ask('ListEvents', { userId }),
  () => door.ask('ListEvents', { type: 'user.locked' }),
  () => door.ask('ExplainUser', { userId }),
  () => door.ask('ListUsers', {}),
  () => door.ask('ListOrganizations', {}),
  () => door.ask('ListPersonalAccessTokens', {}),
  () => door.ask('CreateSession', { checks: { user: { userId } } }),
  () => door.ask('ListSessions', {}),
  async () => {
    const { response } = await door.ask('CreateUser', { organizationId: 'acme', human: newHuman() });
    const id = String(response.id);
    await door.ask('LockService.LockUser', { userId: id, requestId: 'lock' });
    await door.ask('GetLock', { userId: id });
    return door.ask('LockService.UnlockUser', { userId: id, requestId: 'unlock' });
  },
];

let count = 0;
function newHuman() {
  count += 1;
  const profile = { givenName: 'Given', familyName: 'Family' };
  return { profile, email: { email: `new-${count}@mail.example`, isVerified: true } };
}

/** All calls at once, several times over, so that several connections have each statement prepared. */
async function askAll(): Promise<readonly string[]> {
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => calls)
      .flat()
      .map((call) => call()),
  );
  // Alone: of several at once, all but one are told to try again.
  answers.push(await door.ask('SetLockoutPolicy', { organizationId: 'acme', policy: {} }));
  return answers.map(({ code, message }) => `${code} ${message}`.trim());
}

const view = `SELECT events.*, batches.first_position, batches.first_position + batches.events AS next_position,
  batches.first_position + events.place AS position
  FROM events LEFT JOIN batches ON batches.batch_id = events.batch_id`;

test('a server goes on while the next version adds a column to every table', async () => {
  expect(new Set(await askAll())).toEqual(new Set(['OK']));
  const tables = await runSql(
    database,
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
  );
  expect(tables.length).toBeGreaterThan(8);
  for (const { table_name: table } of tables) {
    await runSql(database, `ALTER TABLE ${table} ADD COLUMN of_the_next_version TEXT`);
    if (table === 'events') await runSql(database, `DROP VIEW log; CREATE VIEW log AS ${view}`);
    expect({ table, said: new Set(await askAll()) }).toEqual({ table, said: new Set(['OK']) });
  }
});
