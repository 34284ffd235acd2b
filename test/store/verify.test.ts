import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { type App, openApp } from '../../src/app/app.ts';
import { type Verification, verify } from '../../src/queries/verify/verify.ts';
import { createPeople, type People } from '../support/people.ts';
import { seedPolicy } from '../support/seed-users.ts';
import { openEmptyDatabase } from '../support/stores.ts';

/** Lives through `live`, then has its file changed by `tamper`; answers what verify says of it. */
async function verified(
  live: (people: People, app: App) => Promise<void>,
  tamper: readonly string[] = [],
): Promise<Verification> {
  await using empty = await openEmptyDatabase('sqlite');
  const { database } = empty;
  await using app = await openApp({ database, passwordAttemptsMax: 5, logLevel: 'silent' });
  let nowMs = 0;
  await live(createPeople({ ...app, now: () => ++nowMs }), app);
  const db = new DatabaseSync(database);
  for (const sql of tamper) db.exec(sql);
  db.close();
  return await verify(app.store);
}

async function threePeople(people: People, { store }: App): Promise<void> {
  await people.organization('here');
  await people.user({ organization: 'here', userId: 'ada', state: 'locked' });
  await people.user({ organization: 'here', userId: 'bot', kind: 'machine' });
  await people.grant('bot', { role: 'ORG_OWNER', organization: 'here' });
  await people.token('bot');
  await people.user({ organization: 'here', userId: 'gone', state: 'deleted' });
  await seedPolicy(store, undefined, { maxPasswordAttempts: 3 });
}

test('an empty database is sound', async () => {
  expect(await verified(async () => undefined)).toEqual({
    users: 0,
    organizations: 0,
    events: 0,
    problemsTotal: 0,
    problems: [],
  });
});

test('a long life through every event leaves nothing to be found', async () => {
  const found = await verified(async (people, app) => {
    await threePeople(people, app);
    await seedPolicy(app.store, 'here', { maxPasswordAttempts: 3 });
    await seedPolicy(app.store, 'here', undefined);
    await seedPolicy(app.store, undefined, { lockSeconds: 60 });
    await people.act('ada', 'unlock');
    await people.act('bot', 'lock');
    await people.act('bot', 'unlock');
    await people.token('bot');
    await people.act('bot', 'deactivate');
    await people.act('bot', 'reactivate');
    await people.user({ organization: 'here', userId: 'gone', kind: 'machine' });
    for (let round = 0; round < 600; round += 1) {
      await people.act('ada', 'lock');
      await people.act('ada', 'unlock');
    }
  });
  expect(found).toEqual({ users: 3, organizations: 1, events: 1_219, problemsTotal: 0, problems: [] });
});

const profileOf = (userId: string) =>
  `profile = json_set(profile, '$.userName', 'x') WHERE user_id = '${userId}'`;

test.each([
  [
    'a row that moved without an event',
    "UPDATE users SET state = 'active' WHERE user_id = 'ada'",
    ['ada state: the row says "active", its events say "locked"'],
  ],
  [
    'a counter',
    "UPDATE users SET failed_password_attempts = 4 WHERE user_id = 'ada'",
    ['ada failedPasswordAttempts: the row says 4, its events say 0'],
  ],
  [
    'a lock that somebody shortened',
    `UPDATE users SET lockout = json_set(lockout, '$.lock.until', 5) WHERE user_id = 'ada'`,
    [expect.stringMatching(/^ada lockout: the row says .*"until":5.*, its events say /)],
  ],
  [
    'a lock that is found by another end',
    `UPDATE users SET lock_until = 5 WHERE user_id = 'ada'`,
    ['ada lock until: the row says 5, its events say nothing'],
  ],
  [
    'a policy that nobody set',
    `INSERT INTO lockout_policies VALUES ('here', NULL, 1, 2, 3)`,
    [
      ' lockout policy of here: the row says {"changedAt":3,"createdAt":2,"sequence":1}, its events say nothing',
    ],
  ],
  [
    'a policy that was loosened',
    `UPDATE lockout_policies SET policy = json_set(policy, '$.maxPasswordAttempts', 100) WHERE organization_id = ''`,
    [
      expect.stringMatching(
        /^ lockout policy of the instance: the row says .*"maxPasswordAttempts":100,.*, its events say .*"maxPasswordAttempts":3,/,
      ),
    ],
  ],
  [
    'a policy that is lost',
    'DELETE FROM lockout_policies',
    [expect.stringMatching(/^ lockout policy of the instance: the row says nothing, its events say \{/)],
  ],
  [
    'a role that nobody granted',
    `UPDATE users SET grants = '[{"role":"IAM_OWNER"}]' WHERE user_id = 'ada'`,
    ['ada grants: the row says [{"role":"IAM_OWNER"}], its events say []'],
  ],
  [
    'an event of a type that nobody knows',
    "UPDATE events SET type = 'user.blocked' WHERE user_id = 'ada' AND type = 'user.locked'",
    ['ada event 2 is of a type that is not known here: user.blocked'],
  ],
  [
    'an event that is no JSON any more',
    `UPDATE events SET payload = '{"' WHERE user_id = 'ada' AND type = 'user.locked'`,
    ['ada an event is damaged: what stands in it is no JSON'],
  ],
  [
    'a row that is no JSON any more',
    "UPDATE users SET lockout = '{' WHERE user_id = 'ada'",
    ['ada a row is damaged: what stands in it is no JSON'],
  ],
  [
    'a policy that is no JSON any more',
    "UPDATE lockout_policies SET policy = '{'",
    [' an event or a policy is damaged: what stands in it is no JSON'],
  ],
  [
    'an event of the instance without a payload',
    "UPDATE events SET payload = 'null' WHERE type = 'organization.added'",
    [' event 1 (organization.added) has no payload', ' 1 organization of whom 0 have an event'],
  ],
  [
    'an event of somebody among those of the instance',
    "UPDATE events SET type = 'user.locked' WHERE type = 'organization.added'",
    [' event 1 is none of the instance', ' 1 organization of whom 0 have an event'],
  ],
  [
    'a profile',
    `UPDATE profiles SET ${profileOf('bot')}`,
    [
      'bot profile: the row says {"kind":"machine","name":"Machine","userName":"x"}, its events say {"kind":"machine","name":"Machine","userName":"bot"}',
    ],
  ],
  [
    'a profile that is found by another name, elsewhere',
    "UPDATE profiles SET organization_id = 'there', user_name_folded = 'ada lovelace' WHERE user_id = 'ada'",
    [
      'ada profile keys: the row says {"emailFolded":"ada@mail.example","organizationId":"there","userName":"ada","userNameFolded":"ada lovelace"}, its events say {"emailFolded":"ada@mail.example","organizationId":"here","userName":"ada","userNameFolded":"ada"}',
    ],
  ],
  [
    'a password nobody asked to change',
    "UPDATE profiles SET password_change_required = 1 WHERE user_id = 'ada'",
    [expect.stringMatching(/^ada password: the row says \{"changeRequired":true,/)],
  ],
  [
    'a token that came back',
    "INSERT INTO tokens VALUES ('t', 'ada', 1, x'00', 1, 2)",
    [
      'ada tokens: the row says [{"createdAt":1,"expiresAt":2,"sequence":1,"tokenId":"t","userId":"ada"}], its events say []',
    ],
  ],
  [
    'a token of nobody',
    "INSERT INTO tokens VALUES ('t', 'nobody', 1, x'00', 1, 2)",
    [expect.stringMatching(/^nobody tokens: /)],
  ],
  ['an event without its row', "DELETE FROM users WHERE user_id = 'gone'", ['gone events without a row']],
  ['a row without its events', "DELETE FROM events WHERE user_id = 'gone'", ['gone a row without events']],
  [
    'a newest event that is lost',
    "DELETE FROM events WHERE user_id = 'ada' AND sequence = 2",
    [
      'ada state: the row says "locked", its events say "active"',
      'ada sequence: the row says 2, its events say 1',
      expect.stringMatching(/^ada changedAt: /),
      expect.stringMatching(
        /^ada lockout: the row says \{"lock":\{"cause":"command_line",.*, its events say \{\}$/,
      ),
      'ada tokensEndedSequence: the row says 2, its events say 1',
    ],
  ],
  [
    'a hole',
    "DELETE FROM events WHERE user_id = 'bot' AND sequence = 2",
    [
      'bot event 2 is missing: the next one is 3',
      'bot sequence: the row says 3, its events say 2',
      expect.stringMatching(/^bot grants: /),
    ],
  ],
  [
    'a beginning that is lost',
    "DELETE FROM events WHERE user_id = 'ada' AND sequence = 1",
    [
      'ada event 1 is missing: the next one is 2',
      'ada event 2 (user.locked) does not follow from those before it',
    ],
  ],
  [
    'positions out of order',
    "UPDATE events SET position = 0 WHERE user_id = 'ada' AND sequence = 2",
    ['ada event 2 stands at position 0, before an older one'],
  ],
  [
    'an event that leads past the one before it',
    "UPDATE events SET previous_position = 1 WHERE user_id = 'bot' AND sequence = 3",
    ['bot event 3 is not linked to the one before it'],
  ],
  [
    'a row that leads to another event than its newest',
    "UPDATE users SET newest_position = newest_position - 1 WHERE user_id = 'bot'",
    ['bot the row is not linked to its newest event'],
  ],
  [
    'an organization without its event',
    "INSERT INTO organizations VALUES ('o', 'o', 'o', 1)",
    [' 2 organizations of whom 1 has an event'],
  ],
  [
    'an organization that is lost',
    'DELETE FROM organizations',
    [
      expect.stringMatching(/^ organization here: the row says nothing, its events say \{/),
      ' 0 organizations of whom 1 has an event',
    ],
  ],
])('finds %s', async (_what, sql, problems) => {
  const found = await verified(threePeople, [sql]);
  expect(found.problems.map(({ userId, text }) => `${userId} ${text}`)).toEqual(problems);
  expect(found.problemsTotal).toBe(problems.length);
});

test('names the first hundred problems and counts the rest', async () => {
  const found = await verified(
    async (people) => {
      await people.organization('here');
      for (let index = 0; index < 150; index += 1)
        await people.user({ organization: 'here', kind: 'machine' });
    },
    ["UPDATE users SET state = 'locked'"],
  );
  expect([found.problems.length, found.problemsTotal]).toEqual([100, 150]);
});
