import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import type { UserId } from '../../src/domain/ids.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { openStore } from '../../src/store/open.ts';
import { runSql } from '../support/execute.ts';
import { seedEvents } from '../support/seed-users.ts';
import { type StoreKind, stores } from '../support/stores.ts';

async function execute(kind: StoreKind, database: string, sql: string): Promise<void> {
  if (kind === 'postgres') await runSql(database, sql);
  else {
    using db = new DatabaseSync(database);
    db.exec(sql);
  }
}

const number = { sqlite: 'INTEGER', postgres: 'BIGINT' } as const;

/** A database as the first release made it: the schema's first version, in the migrations' own table. */
function firstRelease(kind: StoreKind): string {
  const first = new URL(`../../src/store/${kind}/migrations/0001-initial.sql`, import.meta.url);
  return (
    `CREATE TABLE migrations (version ${number[kind]} PRIMARY KEY, name TEXT NOT NULL, applied_at ${number[kind]} NOT NULL);` +
    `INSERT INTO migrations VALUES (1, '0001-initial.sql', 1);${readFileSync(first, 'utf8')}`
  );
}

const lives: Readonly<Record<string, readonly string[]>> = {
  active: [],
  'locked-by-hand': ['locked'],
  'locked-again': ['locked', 'unlocked', 'human.password.check.failed', 'locked'],
  'locked-by-guesses': ['human.password.check.failed', 'human.password.check.failed', 'locked'],
  failed: ['human.password.check.failed'],
  inactive: ['locked', 'deactivated'],
};

/** Its people, as its code wrote them: every event with nothing in it, and no more than a count in the row. */
function people(): string {
  let position = 0;
  const rows = Object.entries(lives).flatMap(([userId, events]) => {
    const profile = JSON.stringify({
      kind: 'human',
      userName: userId,
      givenName: 'G',
      familyName: 'F',
      email: 'e',
    });
    const event = (type: string, payload: string, sequence: number) => {
      position += 1;
      return (
        'INSERT INTO events (position, user_id, sequence, event_id, type, created_at, payload) VALUES ' +
        `(${position}, '${userId}', ${sequence}, 'e${position}', 'user.${type}', ${1_000 + position}, '${payload}');`
      );
    };
    const added = JSON.stringify({ organizationId: 'here', state: 'active', profile: JSON.parse(profile) });
    const first = 1_001 + position;
    const written = [
      event('human.added', added, 1),
      ...events.map((type, nth) => event(type, '{}', nth + 2)),
    ];
    const state = { locked: 'locked', deactivated: 'inactive' }[events.at(-1) ?? ''] ?? 'active';
    const ended = events.findLastIndex((type) => type === 'locked' || type === 'deactivated');
    const failures = events
      .slice(events.indexOf('unlocked') + 1)
      .filter((type) => /failed/.test(type)).length;
    return [
      ...written,
      `INSERT INTO users VALUES ('${userId}', 'here', 'human', '${state}', ${events.length + 1}, ${first}, ` +
        `${1_000 + position}, ${state === 'inactive' ? 0 : failures}, ${ended < 0 ? 1 : ended + 2}, '[]');`,
      'INSERT INTO profiles (user_id, organization_id, user_name, user_name_folded, profile) VALUES ' +
        `('${userId}', 'here', '${userId}', '${userId}', '${profile}');`,
    ];
  });
  const organization =
    "INSERT INTO organizations VALUES ('here', 'Here', 'here.example', 1);" +
    'INSERT INTO events (position, user_id, sequence, event_id, type, created_at, payload) VALUES ' +
    `(${position + 1}, '', 1, 'o', 'organization.added', 1, '{"organizationId":"here","name":"Here","domain":"here.example"}');`;
  return rows.join('') + organization;
}

test.each(
  stores,
)('on %s: who was locked before locks had records is given the one that the events tell of', async (kind, openEmpty) => {
  await using empty = await openEmpty();
  await execute(kind, empty.database, firstRelease(kind));
  const asWritten = people();
  await execute(
    kind,
    empty.database,
    kind === 'sqlite'
      ? asWritten
      : `${asWritten.replaceAll(', profile) VALUES', ', profile, profile_folded) VALUES').replaceAll(`"e"}');`, `"e"}', '{"email":"e"}');`)}` +
          'UPDATE placer SET last_position = (SELECT max(position) FROM events)',
  );
  await using store = await openStore({ database: empty.database });
  expect(await verify(store)).toMatchObject({ problems: [], users: 6, organizations: 1 });
  const lockoutOf = async (userId: string) => (await store.loadUser(userId as UserId))?.lockout;
  const lock = { cause: 'administrator' };
  expect(await lockoutOf('locked-by-hand')).toEqual({
    lock: { ...lock, generation: 2, since: 1_003, failedAttempts: 0 },
  });
  expect(await lockoutOf('locked-again')).toEqual({
    lock: { ...lock, generation: 5, since: 1_008, failedAttempts: 1 },
  });
  expect(await lockoutOf('locked-by-guesses')).toEqual({
    lock: { ...lock, generation: 4, since: 1_012, failedAttempts: 2 },
  });
  for (const userId of ['active', 'failed', 'inactive']) expect(await lockoutOf(userId)).toEqual({});
  const unlocked = await seedEvents(store, 'locked-again', [{ type: 'user.unlocked', payload: {} }]);
  expect(unlocked).toMatchObject({ state: 'active', lockout: {}, failedPasswordAttempts: 0 });
  expect(await verify(store)).toMatchObject({ problems: [] });
});
