import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { StateEventType } from '../../src/domain/events.ts';
import {
  foldText,
  type TextMethod,
  type UserFilter,
  type UserSortField,
  type UserTextField,
} from '../../src/domain/filter.ts';
import type { OrganizationId } from '../../src/domain/ids.ts';
import { externalIdOf } from '../../src/domain/user.ts';
import type { Store, UserRecord } from '../../src/store/store.ts';
import { human, type SeededUser, seedOrganization, seedTime, seedUser } from '../support/seed-users.ts';
import { openEmptyStore, stores } from '../support/stores.ts';

// Letters whose case, width or composition is not simple, and every sign that some SQL gives a meaning to.
const letters = 'a A é É e\u0301 ß ẞ ﬁ fi Σ ς σ İ ı \u212A k Ａ ａ % _ \\ * ? [ ] \' " ; @ . 😀 𝒳 - 1'.split(
  ' ',
);
const word = fc.array(fc.constantFrom(...letters, ' '), { maxLength: 4 }).map((parts) => parts.join(''));
const organizationIds = ['o1', 'o2', 'o3'] as const;
const organizationId = fc.constantFrom(...organizationIds);

const profile = fc.oneof(
  fc
    .record(
      {
        givenName: word,
        familyName: word,
        email: word,
        nickName: word,
        displayName: word,
        phone: word,
      },
      { requiredKeys: ['givenName', 'familyName', 'email'] },
    )
    .map((fields) => human({ ...fields, userName: '' })),
  fc.record({ kind: fc.constant('machine' as const), userName: fc.constant(''), name: word }),
);

const paths: readonly (readonly StateEventType[])[] = [
  [],
  [],
  ['user.locked'],
  ['user.deactivated'],
  ['user.locked', 'user.unlocked'],
  ['user.removed'],
];

const seeds = fc.array(
  fc.record({ name: word, organizationId, profile, afterwards: fc.constantFrom(...paths), at: fc.nat(5) }),
  { minLength: 60, maxLength: 60 },
);

const fields = 'user_name first_name last_name nick_name display_name email phone login_name'.split(
  ' ',
) as UserTextField[];
const methods = ['equals', 'starts_with', 'contains', 'ends_with'].flatMap((method) => [
  method,
  `${method}_ignore_case`,
]) as TextMethod[];
const sorts =
  'user_name first_name last_name nick_name display_name email state type creation_date locked_at'.split(
    ' ',
  ) as UserSortField[];

const opened: Store[] = [];
const living: UserRecord[] = [];

beforeAll(async () => {
  for (const [kind] of stores) opened.push(await openEmptyStore(kind));
  for (const store of opened) for (const id of organizationIds) await seedOrganization(store, id);
  const [drawn = []] = fc.sample(seeds, { numRuns: 1, seed: 20_260_101 });
  for (const [index, { name, ...rest }] of drawn.entries()) {
    // Login names are unique in an organization, and an e-mail address is one.
    const named = { ...rest.profile, userName: `${index}${name}` };
    const profile = 'email' in named ? { ...named, email: `${named.email}${index}` } : named;
    const seed: SeededUser = { ...rest, userId: `u${index}`, profile };
    const [user] = await Promise.all(opened.map((store) => seedUser(store, seed)));
    if (user === undefined) throw new Error('no store');
    if (user.state === 'deleted') continue;
    const organizationDomain = `${seed.organizationId}.example`;
    living.push({ user, profile: seed.profile, password: undefined, organizationDomain });
  }
});

afterAll(async () => {
  for (const store of opened) await store[Symbol.asyncDispose]();
});

// Mostly near to what is stored: the whole text of some user, its end, its beginning or a piece.
const textFilter = fc
  .record({
    field: fc.constantFrom(...fields),
    method: fc.constantFrom(...methods),
    other: word,
    index: fc.nat(),
    part: fc.constantFrom('whole', 'upper', 'end', 'beginning', 'piece', 'other'),
  })
  .map(({ field, method, other, index, part }): UserFilter => {
    const record = living[index % living.length];
    const whole = (record && textOf(record, field)) ?? '';
    const length = [...whole].length;
    const sliced = (from: number, to: number) => [...whole].slice(from, to).join('');
    const values = {
      whole,
      upper: whole.toUpperCase(),
      end: sliced(length - 2, length),
      beginning: sliced(0, 2),
      piece: sliced(1, length - 1),
      other,
    };
    return { kind: 'text', field, method, value: values[part] };
  });

const email = fc.nat().map((index) => {
  const record = living[index % living.length];
  return (record && textOf(record, 'email')) ?? '';
});

const { filter } = fc.letrec<{ filter: UserFilter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 6, arbitrary: textFilter },
    fc.record({
      kind: fc.constant('state' as const),
      state: fc.constantFrom('initial', 'active', 'inactive', 'locked', 'deleted'),
    }),
    fc.record({ kind: fc.constant('type' as const), type: fc.constantFrom('human', 'machine') }),
    fc.record({
      kind: fc.constant('ids' as const),
      userIds: fc.array(
        fc.nat(70).map((index) => `u${index}`),
        { maxLength: 9 },
      ),
    }),
    fc.record({ kind: fc.constant('emails' as const), emails: fc.array(email, { maxLength: 9 }) }),
    fc.record({ kind: fc.constant('organization' as const), organizationId }),
    fc.record({
      kind: fc.constant('lock_cause' as const),
      cause: fc.constantFrom('policy', 'administrator', 'command_line'),
    }),
    fc.record({
      kind: fc.constant('locked_at' as const),
      time: fc.nat(12).map((half) => seedTime + half / 2),
      method: fc.constantFrom('after_or_equals', 'before'),
    }),
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      filters: fc.array(tie('filter'), { maxLength: 4 }),
    }),
    fc.record({ kind: fc.constant('not' as const), filter: tie('filter') }),
  ),
}));

test('what every store finds, sorts and counts is what the same filter finds in memory', async () => {
  const scope = fc.oneof(
    fc.constant('all' as const),
    fc.subarray([...organizationIds] as unknown as OrganizationId[]),
  );
  const page = fc.record({
    offset: fc.nat(40),
    limit: fc.integer({ min: 1, max: 60 }),
    ascending: fc.boolean(),
  });
  const query = fc.record({
    scope,
    filters: fc.array(filter, { maxLength: 2 }),
    sort: fc.constantFrom(...sorts),
    page,
  });
  await fc.assert(
    fc.asyncProperty(query, async ({ scope, filters, sort, page }) => {
      const matching = living
        .filter(({ user }) => scope === 'all' || scope.includes(user.organizationId))
        .filter((record) => filters.every((filter) => matches(record, filter)))
        .sort((one, other) => compare(one, other, sort) * (page.ascending ? 1 : -1));
      const wanted = matching.slice(page.offset, page.offset + page.limit);
      const answers = await Promise.all(
        opened.map((store) => store.listUsers({ scope, filters, sort, page })),
      );
      for (const listed of answers) {
        expect(listed.total).toBe(matching.length);
        expect(listed.rows.map(({ user }) => user.userId)).toEqual(wanted.map(({ user }) => user.userId));
        expect(listed.rows[0]).toEqual(wanted[0]);
      }
    }),
    { numRuns: 300 },
  );
}, 60_000);

function textOf({ profile, organizationDomain }: UserRecord, field: UserTextField): string | undefined {
  if (field === 'user_name') return profile.userName;
  if (field === 'login_name') return `${profile.userName}@${organizationDomain}`;
  if (field === 'external_id') return externalIdOf(profile);
  if (profile.kind === 'machine') return field === 'display_name' ? profile.name : undefined;
  if (profile.kind === 'external') return field === 'display_name' ? profile.externalId : undefined;
  switch (field) {
    case 'first_name':
      return profile.givenName;
    case 'last_name':
      return profile.familyName;
    case 'nick_name':
      return profile.nickName;
    case 'display_name':
      return profile.displayName || `${profile.givenName} ${profile.familyName}`;
    case 'email':
      return profile.email;
    case 'phone':
      return profile.phone;
    default:
      return field satisfies never;
  }
}

function matches(record: UserRecord, filter: UserFilter): boolean {
  switch (filter.kind) {
    case 'text':
      return matchesText(textOf(record, filter.field) ?? '', filter.method, filter.value);
    case 'state':
      return record.user.state === filter.state;
    case 'type':
      return record.user.kind === filter.type;
    case 'ids':
      return filter.userIds.includes(record.user.userId);
    case 'emails':
      return record.profile.kind === 'human' && filter.emails.includes(record.profile.email);
    case 'organization':
      return record.user.organizationId === filter.organizationId;
    case 'lock_cause':
      return record.user.lockout.lock?.cause === filter.cause;
    case 'locked_at': {
      const since = record.user.lockout.lock?.since;
      if (since === undefined) return false;
      return filter.method === 'before' ? since < filter.time : since >= filter.time;
    }
    case 'and':
      return filter.filters.every((part) => matches(record, part));
    case 'or':
      return filter.filters.some((part) => matches(record, part));
    case 'not':
      return !matches(record, filter.filter);
    default:
      return filter satisfies never;
  }
}

function matchesText(text: string, method: TextMethod, value: string): boolean {
  if (method.endsWith('_ignore_case')) {
    const plain = method.slice(0, -'_ignore_case'.length) as TextMethod;
    return matchesText(foldText(text), plain, foldText(value));
  }
  if (method === 'equals') return text === value;
  if (method === 'starts_with') return text.startsWith(value);
  return method === 'contains' ? text.includes(value) : text.endsWith(value);
}

const ranks = { active: 1, inactive: 2, deleted: 3, locked: 4, initial: 5 };

function compare(one: UserRecord, other: UserRecord, sort: UserSortField): number {
  const key = ({ user, ...rest }: UserRecord): string => {
    if (sort === 'state') return `${ranks[user.state]}`;
    if (sort === 'type') return user.kind;
    if (sort === 'creation_date') return `${user.createdAt}`;
    if (sort === 'locked_at') return `${user.lockout.lock?.since ?? 0}`;
    return foldText(textOf({ user, ...rest }, sort) ?? '');
  };
  const byCodePoint = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  return byCodePoint(key(one), key(other)) || byCodePoint(one.user.userId, other.user.userId);
}
