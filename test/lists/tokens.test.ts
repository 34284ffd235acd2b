import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Scope } from '../../src/domain/filter.ts';
import type { OrganizationId } from '../../src/domain/ids.ts';
import type { Store, TokenFilter, TokenSortField } from '../../src/store/store.ts';
import { seedEvents, seedOrganization, seedTime, seedToken, seedUser } from '../support/seed-users.ts';
import { openEmptyStore, stores } from '../support/stores.ts';

describe.each(stores)('on %s', (kind) => {
  let store: Store;
  const page = { offset: 0, limit: 100, ascending: true };
  const scopeOf = (...ids: string[]) => ids as OrganizationId[];

  afterAll(async () => {
    await store[Symbol.asyncDispose]();
  });

  beforeAll(async () => {
    store = await openEmptyStore(kind);
    await seedOrganization(store, 'acme');
    await seedOrganization(store, 'beta');
    const u4 = { kind: 'machine', userName: 'u4', name: 'U' } as const;
    await seedUser(store, { userId: 'u4', organizationId: 'beta', profile: u4 });
    const add = (userId: string, tokenId: string, at: number, expiresAt: number) =>
      seedToken(store, { userId, tokenId, at, expiresAt: seedTime + expiresAt });
    await seedUser(store, {
      userId: 'm1',
      organizationId: 'acme',
      profile: { kind: 'machine', userName: 'm1', name: 'M' },
    });
    await add('m1', 't1', 1, 90);
    await seedEvents(store, 'm1', [
      { type: 'user.locked', payload: {} },
      { type: 'user.unlocked', payload: {} },
    ]);
    await add('m1', 't2', 2, 85);
    await add('u4', 't3', 3, 80);
  });

  const at = (kind: 'created_at' | 'expires_at', method: 'after' | 'before', time: number): TokenFilter => ({
    kind,
    method,
    time: seedTime + time,
  });
  const time = (method: Extract<TokenFilter, { time: number }>['method'], after: number): TokenFilter => ({
    kind: 'created_at',
    method,
    time: seedTime + after,
  });
  const cases: readonly [string, readonly TokenFilter[], Scope, string][] = [
    ['all, but not those that a lock ended', [], 'all', 't2 t3'],
    ['in scope', [], scopeOf('acme'), 't2'],
    ['in no scope', [], scopeOf(), ''],
    ['by id', [{ kind: 'token_id', id: 't3' }], 'all', 't3'],
    ['by an ended id', [{ kind: 'token_id', id: 't1' }], 'all', ''],
    ['by user', [{ kind: 'user_id', id: 'm1' }], 'all', 't2'],
    ['by organization', [{ kind: 'organization_id', id: 'beta' }], 'all', 't3'],
    ['created at', [time('equals', 2)], 'all', 't2'],
    ['created between two milliseconds', [time('equals', 2.5)], 'all', ''],
    ['created after', [time('after', 2)], 'all', 't3'],
    ['created after a fraction', [time('after_or_equals', 2.5)], 'all', 't3'],
    ['created at or after', [time('after_or_equals', 2)], 'all', 't2 t3'],
    ['created before', [time('before', 3)], 'all', 't2'],
    ['created before a fraction', [time('before', 2.5)], 'all', 't2'],
    ['created at or before', [time('before_or_equals', 3)], 'all', 't2 t3'],
    ['expires after', [at('expires_at', 'after', 82)], 'all', 't2'],
    ['two filters', [at('expires_at', 'before', 90), at('created_at', 'after', 2)], 'all', 't3'],
  ];
  test.each(cases)('%s', async (_name, filters, scope, expected) => {
    const listed = await store.listTokens({ scope, filters, sort: 'token_id', page });
    expect(listed.rows.map(({ token }) => token.tokenId).join(' ')).toBe(expected);
    expect(listed.total).toBe(listed.rows.length);
  });

  describe('sorted', () => {
    beforeAll(async () => {
      await seedOrganization(store, 'aaa');
      const profile = { kind: 'machine', userName: 'n1', name: 'N' } as const;
      await seedUser(store, { userId: 'n1', organizationId: 'aaa', profile });
      await seedToken(store, { userId: 'n1', tokenId: 't9', at: 1, expiresAt: seedTime + 60 });
    });

    const orders: readonly [TokenSortField, string][] = [
      ['created_at', 't9 t2 t3'],
      ['token_id', 't2 t3 t9'],
      ['user_id', 't2 t9 t3'],
      ['organization_id', 't9 t2 t3'],
      ['expires_at', 't9 t3 t2'],
    ];
    test.each(orders)('by %s', async (sort, expected) => {
      for (const ascending of [true, false]) {
        const listed = await store.listTokens({
          scope: 'all',
          filters: [],
          sort,
          page: { ...page, ascending },
        });
        const wanted = ascending ? expected : expected.split(' ').reverse().join(' ');
        expect(listed.rows.map(({ token }) => token.tokenId).join(' ')).toBe(wanted);
      }
    });
  });
});
