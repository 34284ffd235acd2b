import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openApp } from '../../src/app/app.ts';
import { instanceStream, type RecordedEvent } from '../../src/domain/events.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { registerFold } from '../../src/store/sqlite/dialect.ts';
import { openSqlite } from '../../src/store/sqlite/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { createPeople } from '../support/people.ts';
import { human, seedEvents, seedOrganization, seedUser } from '../support/seed-users.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-chain-'));
  path = join(folder, 'latchkey.db');
});
afterEach(() => rm(folder, { recursive: true }));

const [ada, bob] = ['ada' as UserId, 'bob' as UserId];

/** Page by page, as a client goes through a history. */
async function readAll(store: Store, userId: UserId, limit: number, type?: string): Promise<RecordedEvent[]> {
  const found: RecordedEvent[] = [];
  for (;;) {
    const afterPosition = found.at(-1)?.position ?? 0;
    const page = await store.listEvents({ afterPosition, limit, userId, ...(type && { type }) });
    found.push(...page);
    expect(page.length).toBeLessThanOrEqual(limit);
    if (page.length < limit) return found;
  }
}

/** Two people whose events lie between one another: `count` of ada's, fewer of bob's. */
async function liveLong(store: Store, count: number): Promise<void> {
  await seedOrganization(store, 'here');
  for (const userId of [ada, bob]) {
    await seedUser(store, { userId, organizationId: 'here', profile: human({ userName: userId }) });
  }
  for (let round = 1; round < count; round += 1) {
    const type = round % 2 === 1 ? 'user.locked' : 'user.unlocked';
    const people = round % 3 === 0 ? [ada, bob] : [ada];
    await Promise.all(people.map((userId) => seedEvents(store, userId, [{ type, payload: {} }])));
  }
}

test('a history of any length is read in pages of any size, each event once and in order', async () => {
  await using store = openSqlite({ path });
  await liveLong(store, 400);
  for (const limit of [1, 7, 63, 64, 65, 128, 399, 400, 401, 5_000]) {
    const events = await readAll(store, ada, limit);
    expect(events.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 400 }, (_, at) => at + 1));
    expect(new Set(events.map(({ userId }) => userId))).toEqual(new Set([ada]));
  }
  const newest = await store.listEvents({ afterPosition: 0, limit: 3, userId: ada, newestFirst: true });
  expect(newest.map(({ sequence }) => sequence)).toEqual([400, 399, 398]);
  for (const beforeSequence of [1, 2, 3, 63, 64, 65, 66, 128, 129, 384, 385, 399, 400, 401, 5_000]) {
    const page = { afterPosition: 0, limit: 70, userId: ada, newestFirst: true, beforeSequence };
    const last = Math.min(beforeSequence - 1, 400);
    const expected = Array.from({ length: Math.min(last, 70) }, (_, at) => last - at);
    expect((await store.listEvents(page)).map(({ sequence }) => sequence)).toEqual(expected);
  }
  expect((await readAll(store, ada, 10, 'user.unlocked')).length).toBe(199);
  expect((await readAll(store, ada, 10, 'user.human.added')).map(({ sequence }) => sequence)).toEqual([1]);
  expect((await readAll(store, bob, 50)).map(({ sequence }) => sequence)).toEqual(
    Array.from({ length: 134 }, (_, at) => at + 1),
  );
  expect((await readAll(store, instanceStream, 50)).length).toBe(1);
  expect(await readAll(store, 'nobody' as UserId, 50)).toEqual([]);
});

test('a chain that is damaged ends there, and never leads to another user or in a circle', async () => {
  await using store = openSqlite({ path });
  await liveLong(store, 10);
  const events = await readAll(store, ada, 50);
  const other = (await readAll(store, bob, 50))[1];
  using db = new DatabaseSync(path);
  const link = db.prepare('UPDATE events SET previous_position = ? WHERE position = ?');
  for (const position of [other?.position, events[8]?.position, 4_000_000]) {
    link.run(position ?? 0, events[5]?.position ?? 0);
    expect((await readAll(store, ada, 50)).map(({ sequence }) => sequence)).toEqual([6, 7, 8, 9, 10]);
  }
});

test('a database from before the chain is brought over with all that it held', async () => {
  await using now = await openApp({
    database: join(folder, 'now.db'),
    passwordAttemptsMax: 5,
    logLevel: 'silent',
  });
  const people = createPeople(now);
  await people.organization('here');
  await people.user({ organization: 'here', userId: 'ada', state: 'locked' });
  await people.user({ organization: 'here', userId: 'bot', kind: 'machine' });
  await people.grant('bot', { role: 'ORG_OWNER', organization: 'here' });
  await people.token('bot');
  await people.user({ organization: 'here', userId: 'gone', state: 'deleted' });
  for (let round = 0; round < 100; round += 1) {
    await people.act('ada', 'unlock');
    await people.act('ada', 'lock');
  }
  {
    using old = new DatabaseSync(path);
    old.exec(
      'CREATE TABLE migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)',
    );
    registerFold(old);
    for (const [at, name] of [
      '0001-initial.sql',
      '0002-lockout.sql',
      '0003-sessions.sql',
      '0004-actor-subject.sql',
    ].entries()) {
      old.exec(readFileSync(new URL(`../../src/store/sqlite/migrations/${name}`, import.meta.url), 'utf8'));
      old.prepare('INSERT INTO migrations VALUES (?, ?, 1)').run(at + 1, name);
    }
    old.prepare('ATTACH ? AS now').run(join(folder, 'now.db'));
    for (const { name } of old.prepare("SELECT name FROM main.sqlite_schema WHERE type = 'table'").all()) {
      if (name === 'migrations') continue;
      const columns = old
        .prepare('SELECT name FROM pragma_table_info(?)')
        .all(String(name))
        .map((column) => column.name);
      old.exec(`INSERT INTO main.${name} (${columns}) SELECT ${columns} FROM now.${name}`);
    }
  }
  expect(() => openSqlite({ path, migrateNot: true })).toThrow('schema version 4');
  await using store = openSqlite({ path });
  expect(await verify(store)).toMatchObject({ users: 3, organizations: 1, problems: [] });
  for (const userId of [ada, 'bot' as UserId, 'gone' as UserId, instanceStream]) {
    expect(await store.loadUser(userId)).toEqual(await now.store.loadUser(userId));
    expect(await readAll(store, userId, 50)).toEqual(await readAll(now.store, userId, 50));
  }
  const { sequence } = await seedEvents(store, ada, [{ type: 'user.unlocked', payload: {} }]);
  expect((await readAll(store, ada, 50)).at(-1)?.sequence).toBe(sequence);
  expect((await verify(store)).problems).toEqual([]);
});
