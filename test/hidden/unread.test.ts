import { describe, expect, test } from '@jest/globals';
import { DomainError } from '../../src/domain/errors.ts';
import { withLockEnds } from '../../src/store/lock-ends.ts';
import { openDoor } from '../support/door.ts';
import { execute } from '../support/execute.ts';
import { seedEvents } from '../support/seed-users.ts';
import { startServer } from '../support/start-server.ts';
import { openStoreFixture } from '../support/store-fixture.ts';
import { openEmptyDatabase, stores } from '../support/stores.ts';
import { calls } from './calls.ts';

// A row that cannot be parsed shows who tries: its length depends on whether the user is locked, and so would the time.
describe.each(stores)('on %s, of a user whom the caller may not see', (kind) => {
  test('nothing is parsed before the permission', async () => {
    await using empty = await openEmptyDatabase(kind);
    await using server = await startServer({ database: empty.database });
    const { people } = server;
    for (const id of ['home', 'abroad']) await people.organization(id);
    const tokenIds: Record<string, string> = {};
    await people.user({ organization: 'abroad', userId: 'broken' });
    const owner = { role: 'ORG_OWNER', organization: 'home' };
    const token = await people.caller({ organization: 'home', roles: [owner] });
    await using door = openDoor(
      server.url,
      await people.caller({ organization: 'home', roles: ['IAM_OWNER'] }),
    );
    await execute(
      empty.database,
      `UPDATE users SET grants = '{no', lockout = '{no', state = 'locked' WHERE user_id = 'broken'`,
    );
    for (const call of calls.filter(({ method }) => !method.startsWith('List'))) {
      const answer = await door.ask(call.method, call.request('broken', tokenIds), token);
      const never = await door.ask(call.method, call.request('never', tokenIds), token);
      expect([call.name, answer]).toEqual([call.name, never]);
    }
    for (const method of ['UnlockUser', 'SetPassword', 'AddPersonalAccessToken'] as const) {
      const call = calls.find((one) => one.method === method);
      const answer = await door.ask(method, call?.request('broken', tokenIds) ?? {});
      expect([method, answer.code]).toEqual([method, 'Internal']);
    }
    const taken = { organizationId: 'home', userId: 'broken', machine: { name: 'Taken' } };
    expect(await door.ask('CreateUser', taken, token)).toMatchObject({ code: 'AlreadyExists' });
  });

  test('no lock is ended, though its time has come', async () => {
    await using fixture = await openStoreFixture(kind);
    const { userId } = await fixture.someone();
    await seedEvents(fixture.store, userId, [
      { type: 'user.locked', payload: { cause: 'policy', until: 1 } },
    ]);
    const store = withLockEnds(fixture.store, { now: () => 2, newId: () => 'the end' });
    const refuse = () => {
      throw new DomainError('userNotFound');
    };
    await expect(store.loadUser(userId, refuse)).rejects.toThrow(DomainError);
    expect(await fixture.store.loadUser(userId)).toMatchObject({ state: 'locked' });
    expect(await store.loadUser(userId, () => undefined)).toMatchObject({ state: 'active' });
  });
});
