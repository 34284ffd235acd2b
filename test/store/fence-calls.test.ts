/** Every call that there is, and all that goes on by itself, against a database that a newer version has raised. */
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { sweepAttempts } from '../../src/commands/attempts/settle.ts';
import { sweepSessions } from '../../src/commands/sessions.ts';
import { endLocks } from '../../src/store/lock-ends.ts';
import { attacks, type Target } from '../hidden/attacks.ts';
import { type Door, openDoor } from '../support/door.ts';
import { runSql } from '../support/execute.ts';
import { type MethodName, methods } from '../support/methods.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openEmptyDatabase, type StoreKind, stores } from '../support/stores.ts';
import { previewOf, startOf } from '../unlock-run/runs.ts';

const hourMs = 3_600_000;

async function ask(kind: StoreKind, database: string, sql: string): Promise<readonly Row[]> {
  if (kind === 'postgres') return (await runSql(database, sql)) as readonly Row[];
  using db = new DatabaseSync(database, { timeout: 5_000 });
  return db.prepare(sql).all();
}

type Row = Readonly<Record<string, unknown>>;

const tablesOf = {
  sqlite: "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
  postgres:
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY 1",
} as const;

async function everyRow(kind: StoreKind, database: string): Promise<Readonly<Record<string, string[]>>> {
  const found: Record<string, string[]> = {};
  for (const { name } of await ask(kind, database, tablesOf[kind])) {
    const rows = await ask(kind, database, `SELECT * FROM "${name}"`);
    found[String(name)] = rows.map((row) => JSON.stringify(row)).sort();
  }
  return found;
}

/** Somebody with everything that can be had, whose lock, session and attempt end within the hour. */
async function makeTarget({ people, clock }: TestServer, door: Door): Promise<Target> {
  const ok = async (name: MethodName, message: Parameters<Door['ask']>[1]) => {
    const answer = await door.ask(name, message);
    expect([name, answer.code]).toEqual([name, 'OK']);
    return answer.response;
  };
  const userId = await people.user({ organization: 'abroad', userId: 'victim' });
  const machine = await people.user({ organization: 'abroad', kind: 'machine' });
  const tokenId = (await people.token(machine)).split('.')[0] ?? '';
  const session = await people.session(await people.user({ organization: 'abroad' }));
  await ok('SetUserMetadata', { userId, metadata: [{ key: 'mine', value: 'AAAA' }] });
  await ok('PasswordReset', { userId, returnCode: {} });
  await ok('BeginAttempt', { userId });
  const locked = await people.user({ organization: 'abroad' });
  const until = new Date(clock.nowMs + hourMs / 2).toISOString();
  await ok('LockService.LockUser', { userId: locked, until });
  const waves = await Promise.all(
    Array.from({ length: 100 }, () =>
      people.user({ organization: 'abroad', kind: 'machine', state: 'locked' }),
    ),
  );
  const run = await startOf(door, await previewOf(door, { userIds: waves }), { maxPerSecond: 1 });
  const { subscription } = await ok('CreateSubscription', {
    organizationId: 'abroad',
    url: 'https://127.0.0.1:1/',
  });
  const { subscriptionId } = subscription as { readonly subscriptionId: string };
  const runId = String(run.runId);
  return { organizationId: 'abroad', userId, tokenId, ...session, runId, subscriptionId };
}

test.each(stores.map(([kind]) => kind))('%s: nothing is written by any of them', async (kind) => {
  await using place = await openEmptyDatabase(kind);
  const { database } = place;
  await using server = await startServer({ database });
  for (const id of ['home', 'abroad']) await server.people.organization(id);
  await server.people.user({ organization: 'home', userId: 'own' });
  const owner = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  await using door = openDoor(server.url, owner);
  const target = await makeTarget(server, door);
  await ask(kind, database, "INSERT INTO migrations VALUES (999, '0999-later.sql', 1) RETURNING version");
  // What was under way when it was raised is over once a write has been refused.
  expect(await door.ask('LockUser', { userId: 'own' })).toMatchObject({ code: 'Unavailable' });
  expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
  const before = await everyRow(kind, database);
  for (const name of Object.keys(methods) as MethodName[]) {
    for (const message of attacks[name](target)) await door.ask(name, message);
  }
  server.clock.nowMs += hourMs;
  for (const name of [
    'GetUserByID',
    'GetLock',
    'UnlockUser',
    'SetSession',
    'GetSession',
    'EraseUser',
  ] as const) {
    for (const message of attacks[name](target)) await door.ask(name, message);
  }
  const { app } = server;
  const sweeps = [() => endLocks(app.store, app), () => sweepAttempts(app), () => sweepSessions(app)];
  for (const sweep of sweeps) await sweep().catch(() => undefined);
  expect(await everyRow(kind, database)).toEqual(before);
}, 120_000);
