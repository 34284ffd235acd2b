import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { UserEvent } from '../../src/domain/events.ts';
import type { OrganizationId, UserId } from '../../src/domain/ids.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import type { Store } from '../../src/store/store.ts';
import { human, seedEvents, seedToken, seedUser } from '../support/seed-users.ts';
import { change, changedAt, openStoreFixture, type StoreFixture } from '../support/store-fixture.ts';
import { stores } from '../support/stores.ts';

describe.each(stores)('on %s', (kind) => {
  let fixture: StoreFixture;
  let store: Store;

  beforeAll(async () => {
    fixture = await openStoreFixture(kind);
    store = fixture.store;
  });
  afterAll(async () => {
    expect(await verify(store)).toMatchObject({ problems: [] });
    await fixture[Symbol.asyncDispose]();
  });

  describe('user names', () => {
    const add = (userId: string, userName: string, organizationId = 'here') =>
      seedUser(store, { userId, organizationId, profile: human({ userName }) });

    test('are taken in every letter case and Unicode form, in one organization', async () => {
      await add('name-1', 'Zoë');
      for (const form of ['Zoë', 'ZOË', 'zoe\u0308', 'ｚoë']) {
        await expect(add(`name-${form}`, form)).rejects.toThrow('user name taken');
        expect(await store.loadUser(`name-${form}` as UserId)).toBeUndefined();
      }
      expect((await add('name-2', 'zoë', 'there')).organizationId).toBe('there');
    });

    test('are free again after a deletion', async () => {
      await add('name-3', 'Yves');
      await seedEvents(store, 'name-3', [{ type: 'user.removed', payload: {} }]);
      expect((await add('name-4', 'yves')).state).toBe('active');
    });

    test('are given once, however many ask at once', async () => {
      const asked = Array.from({ length: 20 }, (_none, nth) =>
        add(`name-x${nth}`, nth % 2 ? 'Xena' : 'xena'),
      );
      const given = (await Promise.allSettled(asked)).filter(({ status }) => status === 'fulfilled');
      expect(given.length).toBe(1);
    });
  });

  describe('tokens', () => {
    const isValid = async (tokenId: string): Promise<boolean> => {
      const found = await store.loadToken(tokenId);
      return found !== undefined && found.token.sequence > found.owner.tokensEndedSequence;
    };

    test('come with their owner as the owner is now', async () => {
      const user = await fixture.someone();
      await seedToken(store, { userId: user.userId, tokenId: 'now', expiresAt: 5 });
      await seedEvents(store, user.userId, [{ type: 'user.grant.added', payload: { role: 'IAM_OWNER' } }]);
      const found = await store.loadToken('now');
      expect(found?.owner).toEqual(await fixture.now(user));
      expect(found?.owner.grants).toEqual([{ role: 'IAM_OWNER' }]);
      expect(found?.token).toMatchObject({ tokenId: 'now', userId: user.userId, sequence: 2, expiresAt: 5 });
      expect(Buffer.from(found?.secretHash ?? []).length).toBe(32);
    });

    test.each([
      'user.locked',
      'user.deactivated',
      'user.removed',
    ] as const)('end with %s, for good', async (type) => {
      const { userId } = await fixture.someone();
      await seedToken(store, { userId, tokenId: type, expiresAt: 5 });
      expect(await isValid(type)).toBe(true);
      await seedEvents(store, userId, [{ type, payload: {} }]);
      expect(await isValid(type)).toBe(false);
      if (type === 'user.removed') return;
      await seedEvents(store, userId, [
        { type: type === 'user.locked' ? 'user.unlocked' : 'user.reactivated', payload: {} },
      ]);
      expect(await isValid(type)).toBe(false);
      await seedToken(store, { userId, tokenId: `${type}-next`, expiresAt: 5 });
      expect(await isValid(`${type}-next`)).toBe(true);
    });

    test('end one by one', async () => {
      const { userId } = await fixture.someone();
      for (const tokenId of ['one', 'two']) await seedToken(store, { userId, tokenId, expiresAt: 5 });
      await seedEvents(store, userId, [{ type: 'user.pat.removed', payload: { tokenId: 'one' } }]);
      expect([await isValid('one'), await isValid('two'), await isValid('never')]).toEqual([
        false,
        true,
        false,
      ]);
    });
  });

  test('an id that is used again inherits nothing but the count of events', async () => {
    const userId = 'phoenix' as UserId;
    const first = { userId, organizationId: 'here', profile: human({ userName: 'first' }) };
    await seedUser(store, { ...first, password: { changeRequired: false }, grants: [{ role: 'IAM_OWNER' }] });
    await seedToken(store, { userId, tokenId: 'ashes', expiresAt: 5 });
    expect(await store.loadPasswordHash(userId)).toMatch(/^\$argon2id/);
    const failed: UserEvent = { type: 'user.human.password.check.failed', payload: {} };
    const before = await seedEvents(store, userId, [failed, { type: 'user.removed', payload: {} }]);
    expect(before).toMatchObject({ state: 'deleted', sequence: 5 });
    expect(await store.loadPasswordHash(userId)).toBeUndefined();

    const profile = { kind: 'machine', userName: 'second', name: 'Second' } as const;
    const payload = { organizationId: 'there' as OrganizationId, state: 'active', profile } as const;
    const after = await store.append(change(before, [{ type: 'user.machine.added', payload }]));
    expect(after).toEqual({
      userId,
      organizationId: 'there',
      kind: 'machine',
      state: 'active',
      sequence: 6,
      createdAt: changedAt,
      changedAt: changedAt,
      failedPasswordAttempts: 0,
      lockout: {},
      tokensEndedSequence: 6,
      grants: [],
    });
    expect(await store.loadUser(userId)).toEqual(after);
    expect(await store.loadToken('ashes')).toBeUndefined();
    expect(await store.loadPasswordHash(userId)).toBeUndefined();
  });
});
