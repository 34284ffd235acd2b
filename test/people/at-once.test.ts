import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verify } from '../../src/queries/verify/verify.ts';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';
import { type ImportFiles, openFiles } from './file.ts';

const count = 300;

describe.each(stores)('imports at once, on %s', (_, openDatabase) => {
  const resources = new AsyncDisposableStack();
  let server: TestServer;
  let door: Door;
  let files: ImportFiles;

  beforeAll(async () => {
    const { database } = resources.use(await openDatabase());
    server = resources.use(await startServer({ database }));
    for (const id of ['home', 'abroad']) await server.people.organization(id);
    const token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
    door = resources.use(openDoor(server.url, token));
    files = resources.use(await openFiles(['--url', server.url, '--token', token, '--org', 'home']));
  });
  afterAll(async () => {
    expect(await verify(server.app.store)).toMatchObject({ problems: [] });
    await resources.disposeAsync();
  });

  const results = (answer: { readonly response: JsonObject }) => answer.response.results as JsonObject[];
  // Beside so many changes it may have to be asked for again.
  const erased = async (userId: string) => {
    for (let tries = 0; tries < 50; tries += 1) {
      const answer = await door.ask('EraseUser', { userId });
      if (answer.code !== 'Aborted') return answer;
    }
    throw new Error('not erased');
  };
  const totalOf = async (type: 'human' | 'external') => {
    const page = { offset: 0, limit: 1, ascending: true };
    const query = { scope: 'all', filters: [{ kind: 'type', type }], sort: 'user_name', page } as const;
    return (await server.app.store.listUsers(query)).total;
  };

  test.each([
    ['human', (at: number) => `h${at},Ada,Roe,h${at}@mail.example`],
    ['external', (at: number) => `e${at},,,`],
  ] as const)('of one file, by external ids of %s users: everybody is there once, nobody is refused', async (type, row) => {
    const lines = Array.from({ length: count }, (__, at) => row(at));
    const text = ['external_id,given_name,family_name,email', ...lines].join('\n');
    const runs = await Promise.all([1, 2, 3].map(() => files.bring('csv', text)));
    expect(runs.map(({ code, stderr }) => [code, stderr])).toEqual(Array(3).fill([0, '']));
    const sum = (outcome: string) => runs.reduce((all, { told }) => all + Number(told[outcome]), 0);
    expect([sum('created'), sum('unchanged'), sum('refused')]).toEqual([count, 2 * count, 0]);
    expect(await totalOf(type)).toBe(count);
  });

  test('whoever is erased meanwhile is not written again by an update that read them before', async () => {
    const person = (name: string) => ({
      ...{ userId: 'gone', externalId: 'gone' },
      human: { givenName: name, familyName: 'Roe', email: 'gone@mail.example' },
    });
    const update = { organizationId: 'home', updateExisting: true, existingOnly: true };
    for (let round = 0; round < 10; round += 1) {
      await door.ask('ImportUsers', { organizationId: 'home', users: [person('Qzfirst')] });
      const [, ...updates] = await Promise.all([
        erased('gone'),
        ...Array.from({ length: 5 }, (__, at) =>
          door.ask('ImportUsers', { ...update, users: [person(`Qzlater${at}`)] }),
        ),
      ]);
      expect(updates.filter(({ ok }) => !ok)).toEqual([]);
      const outcomes = updates.flatMap(results).map(({ outcome, reason }) => reason || outcome);
      const allowed = [
        ...['IMPORT_OUTCOME_UPDATED', 'IMPORT_OUTCOME_UNCHANGED', 'USER_NOT_FOUND', 'CONCURRENT_CHANGE'],
      ];
      expect(outcomes.filter((outcome) => !allowed.includes(String(outcome)))).toEqual([]);
      const events = await door.events('gone');
      expect(events.at(-1)).toMatchObject({ type: 'user.erased' });
      expect(JSON.stringify(events)).not.toContain('Qz');
    }
  });

  test('a manager of one organization learns of ids elsewhere that they are taken, in whatever state', async () => {
    const role = { role: 'ORG_USER_MANAGER', organization: 'home' };
    const token = await server.people.caller({ organization: 'home', roles: [role] });
    const states = ['active', 'locked', 'inactive', 'initial'] as const;
    for (const state of states) await server.people.user({ organization: 'abroad', userId: state, state });
    await door.ask('ImportUsers', {
      organizationId: 'abroad',
      users: [{ userId: 'theirs', externalId: 'theirs', external: {} }],
    });
    const before = await Promise.all(states.map((userId) => door.user(userId)));
    const ask = async (users: JsonObject[], organizationId = 'home') =>
      door.ask('ImportUsers', { organizationId, users, updateExisting: true }, token);
    const own = results(await ask([{ userId: 'own', externalId: 'own', external: {} }]));
    expect(own).toMatchObject([{ outcome: 'IMPORT_OUTCOME_CREATED' }]);
    for (const userId of [...states, 'theirs']) {
      const users = [
        { userId, externalId: `new ${userId}`, external: {} },
        { userId, externalId: 'own', external: {} },
        { userId, human: { givenName: 'A', familyName: 'B', email: `${userId}@taken.example` } },
      ];
      const answers = results(await ask(users));
      expect(answers.map(({ reason }) => reason)).toEqual(Array(3).fill('USER_EXISTS'));
      expect(new Set(answers.map(({ message }) => message)).size).toBe(1);
    }
    // What an application of theirs calls somebody is free here, and tells nothing.
    expect(results(await ask([{ externalId: 'theirs', external: {} }]))).toMatchObject([
      { outcome: 'IMPORT_OUTCOME_CREATED' },
    ]);
    const hidden = await ask([], 'abroad');
    expect({ ...hidden, ...(await ask([], 'nowhere')) }).toEqual(hidden);
    expect(await Promise.all(states.map((userId) => door.user(userId)))).toEqual(before);
  });
});
