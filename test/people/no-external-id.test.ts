import type { JsonObject } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verify } from '../../src/queries/verify/verify.ts';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';

describe.each(stores)('an external id that is taken away, on %s', (_, openDatabase) => {
  const resources = new AsyncDisposableStack();
  let server: TestServer;
  let door: Door;

  beforeAll(async () => {
    const { database } = resources.use(await openDatabase());
    server = resources.use(await startServer({ database }));
    for (const id of ['home', 'abroad']) await server.people.organization(id);
    const roles = ['IAM_OWNER', 'IAM_LOGIN_CLIENT'];
    door = resources.use(openDoor(server.url, await server.people.caller({ organization: 'home', roles })));
  });
  afterAll(async () => {
    expect(await verify(server.app.store)).toMatchObject({ problems: [] });
    await resources.disposeAsync();
  });

  const update = { updateExisting: true, existingOnly: true };
  const ask = (user: JsonObject, more: JsonObject = update, token?: string) =>
    door.ask('ImportUsers', { organizationId: 'home', users: [user], ...more }, token);
  const resultOf = async (user: JsonObject, more?: JsonObject, token?: string) =>
    ((await ask(user, more, token)).response.results as JsonObject[])[0];
  const removed = (userId: string) => ({ userId, external: {}, removeExternalId: true });
  const called = (userId: string, externalId: string) => ({ userId, externalId, external: {} });
  const idOf = async (externalId: string, organizationId = 'home') =>
    server.app.store.findExternal({ externalId, organizationId: organizationId as never });
  const became = (outcome: string, userId: string) => ({ outcome: `IMPORT_OUTCOME_${outcome}`, userId });
  const refused = (reason: string) => ({ outcome: 'IMPORT_OUTCOME_REFUSED', reason });
  /** Somebody of the organization whom an application calls so. */
  const person = async (externalId: string, organization = 'home') => {
    const userId = await server.people.user({ organization });
    const order = { ...update, organizationId: organization };
    expect(await resultOf(called(userId, externalId), order)).toEqual(became('UPDATED', userId));
    return userId;
  };

  test('is gone from the user, who keeps all else, their lock too, and is another’s when asked for', async () => {
    const userId = await person('crm 1');
    await door.ask('LockUser', { userId });
    const before = await door.user(userId);
    for (const more of [{}, { existingOnly: true }]) {
      expect(await resultOf(removed(userId), more)).toEqual(became('UNCHANGED', userId));
    }
    const rehearsed = { ...update, validateOnly: true };
    expect(await resultOf(removed(userId), rehearsed)).toEqual(became('UPDATED', userId));
    expect(await idOf('crm 1')).toBe(userId);
    expect(await resultOf(removed(userId))).toEqual(became('UPDATED', userId));
    expect(await resultOf(removed(userId))).toEqual(became('UNCHANGED', userId));
    const { externalId: gone, details: _then, ...rest } = before ?? {};
    const { details: _now, ...after } = (await door.user(userId)) ?? {};
    expect([gone, after]).toEqual(['crm 1', rest]);
    expect((await door.events(userId)).at(-1)).toMatchObject({
      ...{ type: 'user.external.id.removed', payload: {} },
    });
    const tried = { externalId: 'crm 1', organizationId: 'home' };
    expect((await door.ask('BeginAttempt', tried)).code).toBe('NotFound');
    const next = await resultOf({ externalId: 'crm 1', external: {} }, {});
    expect(next).toMatchObject({ outcome: 'IMPORT_OUTCOME_CREATED' });
    expect((await door.ask('BeginAttempt', tried)).code).toBe('OK');
    expect((await door.user(userId))?.state).toBe('USER_STATE_LOCKED');
  });

  test('leaves an attempt that is under way with the user of whom it was begun', async () => {
    const userId = await person('tried');
    const tried = { externalId: 'tried', organizationId: 'home', createMissing: true };
    const { attemptId } = (await door.ask('BeginAttempt', tried)).response;
    expect(await resultOf(removed(userId))).toEqual(became('UPDATED', userId));
    const next = await door.ask('BeginAttempt', tried);
    expect(next.code).toBe('OK');
    for (const [id, left] of [
      [String(attemptId), 9],
      [String(next.response.attemptId), 9],
    ] as const) {
      const ended = await door.ask('EndAttempt', { attemptId: id, outcome: 'OUTCOME_FAILED' });
      expect(ended).toMatchObject({ code: 'OK', response: { attemptsLeft: left } });
    }
    const failed = (await door.events(userId)).filter(({ type }) => String(type).endsWith('check.failed'));
    expect(failed).toHaveLength(1);
    expect(await idOf('tried')).not.toBe(userId);
  });

  test('is free in its own organization alone', async () => {
    const [here, there] = [await person('both'), await person('both', 'abroad')];
    expect(await resultOf(removed(here))).toEqual(became('UPDATED', here));
    expect([await idOf('both'), await idOf('both', 'abroad')]).toEqual([undefined, there]);
    const other = await server.people.user({ organization: 'abroad' });
    const abroad = { ...update, organizationId: 'abroad' };
    expect(await resultOf(called(other, 'both'), abroad)).toMatchObject(refused('USER_NAME_TAKEN'));
  });

  test('stays where it is all that is known, where the id is nobody’s, and where it is elsewhere', async () => {
    const { userId } = (await resultOf({ externalId: 'alone', external: {} }, {})) ?? {};
    expect(await resultOf(removed(String(userId)))).toMatchObject({
      ...refused('USER_KIND_OTHER'),
      message: expect.stringContaining('nothing but the external id is known of them'),
    });
    expect(await idOf('alone')).toBe(userId);
    const machine = await server.people.user({ organization: 'home', kind: 'machine' });
    expect(await resultOf(removed(machine))).toMatchObject(refused('USER_KIND_OTHER'));
    for (const more of [update, {}]) {
      expect(await resultOf(removed('never'), more)).toMatchObject(refused('USER_NOT_FOUND'));
    }
    const deleted = await server.people.user({ organization: 'home', state: 'deleted' });
    expect(await resultOf(removed(deleted))).toMatchObject(refused('USER_NOT_FOUND'));
    const theirs = await person('theirs', 'abroad');
    expect(await resultOf(removed(theirs))).toMatchObject(refused('USER_EXISTS'));
    const role = { role: 'ORG_USER_MANAGER', organization: 'home' };
    const manager = await server.people.caller({ organization: 'home', roles: [role] });
    const answer = await ask(removed(theirs), { ...update, organizationId: 'abroad' }, manager);
    expect(answer).toMatchObject({ ok: false, code: 'NotFound' });
    expect(await idOf('theirs', 'abroad')).toBe(theirs);
  });

  test.each([
    [{ external: {} }, 'user_id: value is required to remove an external id'],
    [{ userId: 'u', externalId: 'x', external: {} }, 'external_id: must be empty where it is removed'],
    [
      { userId: 'u', human: { givenName: 'A', familyName: 'B', email: 'a@b.example' } },
      'profile: must be external where an external id is removed',
    ],
  ])('is not taken by %j', async (user: JsonObject, message) => {
    expect(await ask({ ...user, removeExternalId: true })).toMatchObject({
      ...{ code: 'InvalidArgument', message: `users[0].${message}` },
    });
  });

  test('of two who take it away at once one has written it, and it never is two users’', async () => {
    for (let round = 0; round < 10; round += 1) {
      const externalId = `raced ${round}`;
      const holder = await person(externalId);
      const wanting = await Promise.all([1, 2].map(() => server.people.user({ organization: 'home' })));
      const answers = await Promise.all([
        ...[1, 2].map(() => resultOf(removed(holder))),
        ...wanting.map((userId) => resultOf(called(userId, externalId))),
      ]);
      expect(answers.slice(0, 2).map((result) => result?.outcome)).toEqual(
        expect.arrayContaining([became('UPDATED', '').outcome]),
      );
      const events = await door.events(holder);
      expect(events.filter(({ type }) => type === 'user.external.id.removed')).toHaveLength(1);
      const won = answers.slice(2).filter((result) => result?.outcome === became('UPDATED', '').outcome);
      expect(won.length).toBeLessThanOrEqual(1);
      const lost = answers.slice(2).filter((result) => !won.includes(result));
      expect(lost).toEqual(lost.map(() => expect.objectContaining(refused('USER_NAME_TAKEN'))));
      expect(await idOf(externalId)).toBe(won[0]?.userId);
    }
  });
});
