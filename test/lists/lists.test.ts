import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Scope, TextMethod, UserFilter, UserSortField, UserTextField } from '../../src/domain/filter.ts';
import type { OrganizationId } from '../../src/domain/ids.ts';
import type { Store } from '../../src/store/store.ts';
import { human, seedEvents, seedOrganization, seedTime, seedUser } from '../support/seed-users.ts';
import { openEmptyStore, stores } from '../support/stores.ts';

describe.each(stores)('on %s', (kind) => {
  let store: Store;
  const page = { offset: 0, limit: 100, ascending: true };
  const scopeOf = (...ids: string[]) => ids as OrganizationId[];

  beforeAll(async () => {
    store = await openEmptyStore(kind);
    await seedOrganization(store, 'acme');
    await seedOrganization(store, 'beta');
    const alice = { givenName: 'Alice', familyName: 'Adams', nickName: 'Ally', phone: '+41 44 1' };
    const emile = {
      givenName: 'Émile',
      familyName: 'Zola',
      displayName: 'É. Z.',
      email: 'EMILE@beta.example',
    };
    await seedUser(store, {
      userId: 'u1',
      organizationId: 'acme',
      profile: human({ ...alice, userName: 'alice' }),
      at: 5,
      grants: [{ role: 'IAM_OWNER' }, { role: 'ORG_OWNER', organizationId: 'beta' as OrganizationId }],
    });
    await seedUser(store, {
      userId: 'u2',
      organizationId: 'acme',
      profile: human({ givenName: '50%_off', familyName: 'ＷＩＤＥ', userName: 'Bob' }),
      afterwards: ['user.locked'],
      at: 4,
    });
    await seedUser(store, {
      userId: 'u3',
      organizationId: 'beta',
      profile: human({ ...emile, userName: 'émile' }),
      state: 'initial',
      at: 3,
    });
    await seedUser(store, {
      userId: 'u4',
      organizationId: 'beta',
      profile: { kind: 'machine', userName: 'robot', name: 'Robot One' },
      grants: [{ role: 'ORG_USER_UNLOCKER', organizationId: 'beta' as OrganizationId }],
      at: 2,
    });
    await seedUser(store, {
      userId: 'u5',
      organizationId: 'acme',
      profile: human({ givenName: 'ῬΟΔΟΣ', nickName: 'ally', displayName: '', userName: 'zoë@home' }),
      afterwards: ['user.deactivated'],
      at: 1,
    });
    const gone = human({ userName: 'gone' });
    await seedUser(store, {
      userId: 'u6',
      organizationId: 'acme',
      profile: gone,
      afterwards: ['user.removed'],
    });
  });

  afterAll(async () => {
    await store[Symbol.asyncDispose]();
  });

  async function ids(filters: readonly UserFilter[], scope: Scope = 'all'): Promise<string> {
    const listed = await store.listUsers({ scope, filters, sort: 'user_name', page });
    expect(listed.total).toBe(listed.rows.length);
    return listed.rows
      .map(({ user }) => user.userId)
      .sort()
      .join(' ');
  }

  const text = (field: UserTextField, method: TextMethod, value: string): UserFilter => ({
    kind: 'text',
    field,
    method,
    value,
  });

  describe('a text filter', () => {
    const cases: readonly [UserTextField, TextMethod, string, string][] = [
      ['user_name', 'equals', 'Bob', 'u2'],
      ['user_name', 'equals', 'bob', ''],
      ['user_name', 'equals_ignore_case', 'bOB', 'u2'],
      ['user_name', 'equals_ignore_case', 'ZOE\u0308@home', 'u5'],
      ['user_name', 'starts_with', 'al', 'u1'],
      ['user_name', 'starts_with', 'AL', ''],
      ['user_name', 'starts_with_ignore_case', 'AL', 'u1'],
      ['user_name', 'contains', 'ob', 'u2 u4'],
      ['user_name', 'contains_ignore_case', 'OB', 'u2 u4'],
      ['user_name', 'ends_with', 'ile', 'u3'],
      ['user_name', 'ends_with', 'ILE', ''],
      ['user_name', 'ends_with_ignore_case', 'ILE', 'u3'],
      ['user_name', 'ends_with', 'a longer text that ends with alice', ''],
      ['first_name', 'equals', '50%_off', 'u2'],
      ['first_name', 'contains', '%', 'u2'],
      ['first_name', 'starts_with', '_', ''],
      ['first_name', 'equals_ignore_case', 'ῥοδος', 'u5'],
      ['first_name', 'equals', 'Robot One', ''],
      ['last_name', 'equals_ignore_case', 'wide', 'u2'],
      ['last_name', 'starts_with_ignore_case', 'ｗI', 'u2'],
      ['last_name', 'ends_with', 'a', 'u3'],
      ['nick_name', 'equals', 'Ally', 'u1'],
      ['nick_name', 'equals_ignore_case', 'ALLY', 'u1 u5'],
      ['nick_name', 'contains', 'll', 'u1 u5'],
      ['nick_name', 'equals', '', 'u2 u3 u4'],
      ['display_name', 'equals', 'Alice Adams', 'u1'],
      ['display_name', 'equals', 'Robot One', 'u4'],
      ['display_name', 'equals', 'É. Z.', 'u3'],
      ['display_name', 'equals', 'Émile Zola', ''],
      ['display_name', 'ends_with_ignore_case', 'FAMILY', 'u5'],
      ['email', 'equals', 'alice@mail.example', 'u1'],
      ['email', 'equals', 'emile@beta.example', ''],
      ['email', 'equals_ignore_case', 'emile@beta.example', 'u3'],
      ['email', 'ends_with', '@mail.example', 'u1 u2 u5'],
      ['email', 'equals', '', 'u4'],
      ['email', 'contains', '', 'u1 u2 u3 u4 u5'],
      ['phone', 'starts_with', '+41', 'u1'],
      ['phone', 'equals_ignore_case', '', 'u2 u3 u4 u5'],
      ['login_name', 'equals', 'Bob@acme.example', 'u2'],
      ['login_name', 'equals', 'bob@acme.example', ''],
      ['login_name', 'equals_ignore_case', 'BOB@ACME.example', 'u2'],
      ['login_name', 'equals', 'Bob@beta.example', ''],
      ['login_name', 'equals', 'Bob', ''],
      ['login_name', 'equals', 'zoë@home@acme.example', 'u5'],
      ['login_name', 'contains', 't@be', 'u4'],
      ['login_name', 'ends_with_ignore_case', '@BETA.EXAMPLE', 'u3 u4'],
      ['login_name', 'starts_with', 'ali', 'u1'],
    ];
    test.each(cases)('%s %s %j finds %j', async (field, method, value, expected) => {
      expect(await ids([text(field, method, value)])).toBe(expected);
    });
  });

  describe('a filter', () => {
    const is = (state: 'active' | 'locked') => ({ kind: 'state', state }) as const;
    const all = 'u1 u2 u3 u4 u5';
    const cases: readonly [string, readonly UserFilter[], string][] = [
      ['none', [], all],
      ['state active', [is('active')], 'u1 u4'],
      ['state locked', [is('locked')], 'u2'],
      ['state initial', [{ kind: 'state', state: 'initial' }], 'u3'],
      ['state inactive', [{ kind: 'state', state: 'inactive' }], 'u5'],
      ['state deleted', [{ kind: 'state', state: 'deleted' }], ''],
      ['type human', [{ kind: 'type', type: 'human' }], 'u1 u2 u3 u5'],
      ['type machine', [{ kind: 'type', type: 'machine' }], 'u4'],
      ['no ids', [{ kind: 'ids', userIds: [] }], ''],
      ['one id', [{ kind: 'ids', userIds: ['u2'] }], 'u2'],
      ['ids, some unknown or deleted', [{ kind: 'ids', userIds: ['u1', 'u4', 'u6', '"'] }], 'u1 u4'],
      ['no emails', [{ kind: 'emails', emails: [] }], ''],
      ['emails', [{ kind: 'emails', emails: ['EMILE@beta.example', 'Bob@mail.example'] }], 'u2 u3'],
      ['organization', [{ kind: 'organization', organizationId: 'beta' }], 'u3 u4'],
      ['two at once', [{ kind: 'organization', organizationId: 'beta' }, is('active')], 'u4'],
      ['or', [{ kind: 'or', filters: [is('locked'), { kind: 'ids', userIds: ['u5'] }] }], 'u2 u5'],
      ['or of nothing', [{ kind: 'or', filters: [] }], ''],
      ['and', [{ kind: 'and', filters: [is('active'), { kind: 'type', type: 'human' }] }], 'u1'],
      ['and of nothing', [{ kind: 'and', filters: [] }], all],
      ['not', [{ kind: 'not', filter: is('active') }], 'u2 u3 u5'],
      ['not an absent text', [{ kind: 'not', filter: text('phone', 'contains', '1') }], 'u2 u3 u4 u5'],
      [
        'not of not of an absent text',
        [{ kind: 'not', filter: { kind: 'not', filter: text('phone', 'contains', '1') } }],
        'u1',
      ],
    ];
    test.each(cases)('%s', async (_name, filters, expected) => {
      expect(await ids(filters)).toBe(expected);
    });

    test('as wide and deep as the desk lets through is answered', async () => {
      const wide = Array.from({ length: 100 }, (_, index) => text('nick_name', 'equals', `${index}`));
      let deep: UserFilter = { kind: 'or', filters: [...wide, is('locked')] };
      for (let depth = 2; depth < 20; depth += 1) {
        const [kind, other] = depth % 2 === 0 ? (['and', [is('locked')]] as const) : (['or', wide] as const);
        deep = { kind, filters: [deep, ...other] };
      }
      expect(await ids([deep])).toBe('u2');
    });
  });

  describe('a scope', () => {
    test.each([
      ['all', 'all', 'u1 u2 u3 u4 u5'],
      ['none', scopeOf(), ''],
      ['one', scopeOf('beta'), 'u3 u4'],
      ['several', scopeOf('beta', 'acme', 'unknown'), 'u1 u2 u3 u4 u5'],
    ] as const)('%s', async (_name, scope, expected) => {
      expect(await ids([], scope)).toBe(expected);
      expect(await ids([{ kind: 'ids', userIds: ['u1', 'u2', 'u3', 'u4', 'u5', 'u6'] }], scope)).toBe(
        expected,
      );
    });
  });

  describe('an order', () => {
    const ascending: readonly [UserSortField, string][] = [
      ['user_name', 'u1 u2 u4 u5 u3'],
      ['first_name', 'u4 u2 u1 u3 u5'],
      ['last_name', 'u4 u1 u5 u2 u3'],
      ['nick_name', 'u2 u3 u4 u1 u5'],
      ['display_name', 'u2 u1 u4 u3 u5'],
      ['email', 'u4 u1 u2 u3 u5'],
      ['state', 'u1 u4 u5 u2 u3'],
      ['type', 'u1 u2 u3 u5 u4'],
      ['creation_date', 'u5 u4 u3 u2 u1'],
    ];
    test.each(ascending)('by %s, both ways, whole and in pages', async (sort, expected) => {
      for (const isAscending of [true, false]) {
        const wanted = isAscending ? expected.split(' ') : expected.split(' ').reverse();
        for (const limit of [1, 2, 5, 100]) {
          const found: string[] = [];
          for (let offset = 0; offset < 6; offset += limit) {
            const part = await store.listUsers({
              scope: 'all',
              filters: [],
              sort,
              page: { offset, limit, ascending: isAscending },
            });
            expect(part.total).toBe(5);
            found.push(...part.rows.map(({ user }) => user.userId));
          }
          expect(found).toEqual(wanted);
        }
      }
    });
  });

  test('a record carries row, profile, password facts and domain; position is the newest event', async () => {
    const password = { changeRequired: true };
    const profile = human({ userName: 'with password' });
    const user = await seedUser(store, { userId: 'u7', organizationId: 'beta', profile, password, at: 9 });
    const filters: readonly UserFilter[] = [{ kind: 'ids', userIds: ['u7'] }];
    const listed = await store.listUsers({ scope: 'all', filters, sort: 'user_name', page });
    const [last] = (await store.listEvents({ afterPosition: 0, limit: 1_000 })).slice(-1);
    expect(listed).toEqual({
      rows: [
        {
          user,
          profile,
          password: { changeRequired: true, changedAt: seedTime + 9 },
          organizationDomain: 'beta.example',
        },
      ],
      total: 1,
      position: last?.position,
    });
    await seedEvents(store, 'u7', [{ type: 'user.removed', payload: {} }]);
    expect((await store.listUsers({ scope: 'all', filters, sort: 'user_name', page })).rows).toEqual([]);
  });
});
