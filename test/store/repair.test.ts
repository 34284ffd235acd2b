import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import type { UserId } from '../../src/domain/ids.ts';
import { openStore } from '../../src/store/open.ts';
import { runHere } from '../cli/run-cli.ts';
import { historyOf } from '../support/replay.ts';
import { human, seedEvents, seedOrganization, seedUser } from '../support/seed-users.ts';
import { temporaryDatabase } from '../support/temporary.ts';

const locked = { type: 'user.locked', payload: {} } as const;

/** As a server of the version before writes, which knows of no links and finds its own schema's columns all there. */
function writeAsBefore(database: string, userId: string, times: number): void {
  using db = new DatabaseSync(database);
  const { sequence } = db.prepare('SELECT sequence FROM users WHERE user_id = ?').get(userId) as {
    sequence: number;
  };
  const event = db.prepare(
    'INSERT INTO events (position, user_id, sequence, event_id, type, created_at, payload) ' +
      "VALUES ((SELECT max(position) + 1 FROM events), ?, ?, ?, ?, 1, '{}')",
  );
  for (let nth = 1; nth <= times; nth += 1) {
    const type = nth % 2 === 1 ? 'user.human.password.check.failed' : 'user.human.password.check.succeeded';
    event.run(userId, sequence + nth, `old-${userId}-${nth}`, type);
  }
  db.prepare(
    'UPDATE users SET sequence = sequence + ?, changed_at = 1, failed_password_attempts = ? WHERE user_id = ?',
  ).run(times, times % 2, userId);
}

test('verify names the links that an older version did not write, and --repair mends them, where nobody serves', async () => {
  const database = temporaryDatabase();
  const users = ['ada', 'bram', 'chiara'];
  {
    await using store = await openStore({ database });
    await seedOrganization(store, 'here');
    for (const userId of users) {
      await seedUser(store, { userId, organizationId: 'here', profile: human({ userName: userId }) });
    }
  }
  writeAsBefore(database, 'ada', 130);
  writeAsBefore(database, 'bram', 2);
  const asked = ['verify', '--db', database];
  const found = await runHere(asked);
  expect(found).toMatchObject({ code: 5, stdout: expect.stringMatching(/user ada: event 3 is not linked/) });
  {
    await using _serving = await openStore({ database });
    const refused = await runHere([...asked, '--repair']);
    expect(refused).toMatchObject({
      code: 6,
      stderr: expect.stringMatching(/is being served: stop the servers first/),
    });
  }
  const mended = await runHere([...asked, '--repair']);
  expect(mended).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/: 134 links mended\n.* 0 problems/),
  });
  expect(await runHere(asked)).toMatchObject({ code: 0 });
  expect(await runHere([...asked, '--repair', '--json'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('"mended":0'),
  });
  await using store = await openStore({ database });
  expect(await historyOf(store, 'ada' as UserId)).toHaveLength(131);
  await seedEvents(store, 'ada', [locked]);
  expect((await historyOf(store, 'ada' as UserId)).at(-1)).toMatchObject({
    type: 'user.locked',
    sequence: 132,
  });
  expect(await runHere(asked)).toMatchObject({ code: 0 });
});
