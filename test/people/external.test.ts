import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verify } from '../../src/queries/verify/verify.ts';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';
import { type ImportFiles, openFiles } from './file.ts';

const inAnHour = new Date(Date.now() + 3_600_000).toISOString();

describe.each(stores)('whom an application calls by ids of its own, on %s', (kind, openDatabase) => {
  const resources = new AsyncDisposableStack();
  let server: TestServer;
  let door: Door;
  let files: ImportFiles;

  beforeAll(async () => {
    const { database } = resources.use(await openDatabase());
    server = resources.use(await startServer({ database }));
    for (const id of ['home', 'abroad']) await server.people.organization(id);
    const token = await server.people.caller({
      organization: 'home',
      roles: ['IAM_OWNER', 'IAM_LOGIN_CLIENT'],
    });
    door = resources.use(openDoor(server.url, token));
    const where = kind === 'sqlite' ? ['--url', server.url, '--token', token] : ['--db', database];
    files = resources.use(await openFiles([...where, '--org', 'home']));
  });
  afterAll(async () => {
    expect(await verify(server.app.store)).toMatchObject({ problems: [] });
    await resources.disposeAsync();
  });

  const idOf = async (externalId: string, organizationId = 'home') =>
    server.app.store.findExternal({ externalId, organizationId: organizationId as never });
  const one = (user: JsonObject, more: JsonObject = {}) =>
    door.ask('ImportUsers', { organizationId: 'home', users: [user], ...more });
  const resultOf = async (user: JsonObject, more: JsonObject = {}) =>
    ((await one(user, more)).response.results as JsonObject[])[0];
  const update = { updateExisting: true, existingOnly: true };

  test('come with nothing personal, locked ones locked, and are tried and listed by that id', async () => {
    const text = [
      'external_id,state,locked_until,lock_reason',
      'shop 1,,,',
      `shop 2,locked,${inAnHour},seen abroad`,
      'shop 3,inactive,,',
      'shop 4,initial,,',
      ',locked,,',
    ].join('\n');
    const first = await files.bring('csv', text);
    expect(first.told).toMatchObject({ rows: 5, created: 3, refused: 2 });
    expect(first.refused.map(({ line, message }) => [line, message])).toEqual([
      [5, 'state: an external user is never initial'],
      [6, 'given_name: is missing'],
    ]);
    expect(await files.bring('csv', text)).toMatchObject({ told: { created: 0, unchanged: 3 } });
    expect((await door.ask('BeginAttempt', { externalId: 'shop 1', organizationId: 'home' })).ok).toBe(true);
    for (const externalId of ['shop 2', 'shop 3']) {
      const refused = await door.ask('BeginAttempt', { externalId, organizationId: 'home' });
      expect(refused.code).toBe('FailedPrecondition');
    }
    const userId = String(await idOf('shop 2'));
    expect((await door.ask('GetLock', { userId })).response.lock).toMatchObject({
      ...{ until: inAnHour, reason: 'seen abroad' },
    });
    expect(await door.user(userId)).toMatchObject({ externalId: 'shop 2', username: userId });
    expect((await door.events(userId)).map(({ type }) => type)).toEqual([
      'user.external.added',
      'user.locked',
    ]);
  });

  test('who is there by id or name gets the id with --update alone, and is known by it from then on', async () => {
    const header = 'id,external_id,user_name,given_name,family_name,email';
    const row = (id: string, externalId: string) =>
      `${header}\n${id},${externalId},ada,Ada,Roe,ada@mail.example`;
    await files.bring('csv', row('ada', ''));
    expect(await files.bring('csv', row('ada', 'crm 7'))).toMatchObject({ told: { unchanged: 1 } });
    expect(await idOf('crm 7')).toBeUndefined();
    expect(await files.bring('csv', row('ada', 'crm 7'), '--update', '--dry-run')).toMatchObject({
      told: { updated: 1 },
    });
    expect(await idOf('crm 7')).toBeUndefined();
    await door.ask('LockUser', { userId: 'ada' });
    expect(await files.bring('csv', row('', 'crm 7'), '--update')).toMatchObject({ told: { updated: 1 } });
    expect(await files.bring('csv', row('', 'crm 7'), '--update')).toMatchObject({ told: { unchanged: 1 } });
    expect(await idOf('crm 7')).toBe('ada');
    expect(await door.user('ada')).toMatchObject({ state: 'USER_STATE_LOCKED', externalId: 'crm 7' });
    expect((await door.events('ada')).at(-1)).toMatchObject({
      ...{ type: 'user.external.id.changed', payload: { externalId: 'crm 7' } },
    });
  });

  test('a new id takes the place of the old one, which is free again', async () => {
    const userId = String((await resultOf({ externalId: 'old', external: {} }))?.userId);
    const renamed = { userId, externalId: 'new', external: {} };
    expect(await resultOf(renamed, update)).toEqual({ outcome: 'IMPORT_OUTCOME_UPDATED', userId });
    expect(await resultOf(renamed, update)).toEqual({ outcome: 'IMPORT_OUTCOME_UNCHANGED', userId });
    expect([await idOf('old'), await idOf('new')]).toEqual([undefined, userId]);
    const other = await resultOf({ externalId: 'old', external: {} });
    expect(other).toMatchObject({ outcome: 'IMPORT_OUTCOME_CREATED' });
    expect(other?.userId).not.toBe(userId);
    const method = 'TEXT_QUERY_METHOD_EQUALS';
    const listed = await door.ask('ListUsers', {
      queries: [{ externalIdQuery: { externalId: 'new', method } }],
    });
    expect(listed.response.result).toMatchObject([{ userId }]);
  });

  test('an id is one user’s: a row that means two is refused, and nobody is changed', async () => {
    const first = String((await resultOf({ externalId: 'first', external: {} }))?.userId);
    const second = String((await resultOf({ externalId: 'second', external: {} }))?.userId);
    const both = { userId: second, externalId: 'first', external: {} };
    for (const more of [{}, { updateExisting: true }, update, { validateOnly: true }]) {
      expect(await resultOf(both, more)).toMatchObject({
        ...{ outcome: 'IMPORT_OUTCOME_REFUSED', reason: 'USER_NAME_TAKEN' },
      });
    }
    expect([await idOf('first'), await idOf('second')]).toEqual([first, second]);
    // Elsewhere it is another's, and whose id it is there is not told.
    const abroad = { organizationId: 'abroad' };
    expect(await resultOf(both, abroad)).toMatchObject({ reason: 'USER_EXISTS' });
    expect(await resultOf({ externalId: 'first', external: {} }, abroad)).toMatchObject({
      outcome: 'IMPORT_OUTCOME_CREATED',
    });
  });

  test('of twenty who get one id at once, one has it', async () => {
    const people = await Promise.all(
      Array.from({ length: 20 }, () => server.people.user({ organization: 'home' })),
    );
    const became = await Promise.all(
      people.map((userId) => resultOf({ userId, externalId: 'wanted', external: {} }, update)),
    );
    const outcomes = became.map((result) => result?.outcome);
    expect(outcomes.filter((outcome) => outcome === 'IMPORT_OUTCOME_UPDATED')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'IMPORT_OUTCOME_REFUSED')).toHaveLength(19);
    expect(await idOf('wanted')).toBe(people[outcomes.indexOf('IMPORT_OUTCOME_UPDATED')]);
  });

  test('space around it is none of it, and what nobody can see is refused', async () => {
    const person = { givenName: 'Ida', familyName: 'Roe', email: 'ida@mail.example' };
    for (const profile of [{ external: {} }, { human: person }]) {
      const made = await resultOf({ externalId: ` at the edge ${Object.keys(profile)} `, ...profile });
      expect(made).toMatchObject({ outcome: 'IMPORT_OUTCOME_CREATED' });
      expect(await idOf(`at the edge ${Object.keys(profile)}`)).toBe(made?.userId);
      expect(await resultOf({ externalId: 'un\u202eseen', ...profile })).toMatchObject({
        ...{ outcome: 'IMPORT_OUTCOME_REFUSED', message: 'external_id: must hold no invisible character' },
      });
    }
  });

  test('nobody is made where only who is there is meant, and a machine gets none', async () => {
    expect(await resultOf({ userId: 'nobody', externalId: 'x', external: {} }, update)).toMatchObject({
      ...{ outcome: 'IMPORT_OUTCOME_REFUSED', reason: 'USER_NOT_FOUND' },
    });
    expect(await door.user('nobody')).toBeUndefined();
    const userId = await server.people.user({ organization: 'home', kind: 'machine' });
    expect(await resultOf({ userId, externalId: 'x', external: {} }, update)).toMatchObject({
      outcome: 'IMPORT_OUTCOME_REFUSED',
    });
    expect(await one({ external: {} })).toMatchObject({
      ...{ code: 'InvalidArgument', message: 'users[0].external_id: value is required' },
    });
  });
});
