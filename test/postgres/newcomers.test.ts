import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';
import type { UserEvent } from '../../src/domain/events.ts';
import type { OrganizationId, UserId } from '../../src/domain/ids.ts';
import type { HumanProfile } from '../../src/domain/user.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { openPostgres } from '../../src/store/postgres/postgres.ts';
import type { Change, Store } from '../../src/store/store.ts';
import { runSql } from '../support/execute.ts';
import { createPostgresDatabase } from '../support/postgres.ts';
import { historyOf } from '../support/replay.ts';
import { human, seedOrganization, seedTime, seedUser } from '../support/seed-users.ts';

let url: string;
let store: Store;
let other: Store;
const resources = new AsyncDisposableStack();

beforeAll(async () => {
  url = await createPostgresDatabase();
  store = resources.use(await openPostgres({ url }));
  other = resources.use(await openPostgres({ url }));
  for (const id of ['acme', 'globex']) await seedOrganization(store, id);
});
afterAll(() => resources.disposeAsync());

let count = 0;
interface Newcomer extends Partial<HumanProfile> {
  readonly userId?: string;
  readonly organization?: string;
  readonly afterwards?: readonly UserEvent[];
}

/** Somebody new, of whom nothing is like anybody else's but what is named. */
function newcomer({ userId, organization = 'acme', afterwards = [], ...named }: Newcomer = {}): Change {
  count += 1;
  const profile = human({ userName: `user-${count}`, ...named });
  const organizationId = organization as OrganizationId;
  return {
    before: undefined,
    userId: (userId ?? `u${count}`) as UserId,
    events: [
      { type: 'user.human.added', payload: { organizationId, state: 'active', profile } },
      ...afterwards,
    ],
    at: { createdAt: seedTime + count, eventId: `added-${count}` },
    meta: { reason: `why ${count}` },
  };
}

const many = <Value>(length: number, make: () => Value): Value[] => Array.from({ length }, make);
const batches = async (): Promise<number> =>
  (await runSql(url, 'SELECT count(*)::int AS n FROM batches'))[0]?.n as number;

test('of two hundred who join at once nearly all go together, and each has what was said of them', async () => {
  const before = await batches();
  const locked = { type: 'user.locked', payload: {} } as const;
  const changes = many(200, () => newcomer(count % 3 === 0 ? { afterwards: [locked] } : {}));
  const made = await Promise.all(changes.map((change) => store.append(change)));
  expect((await batches()) - before).toBeLessThan(10);
  for (const [nth, { userId, events, at, meta }] of changes.entries()) {
    expect(made[nth]).toMatchObject({ userId, sequence: events.length });
    expect(await store.loadUser(userId)).toEqual(made[nth]);
    const history = await historyOf(store, userId);
    expect(history.map(({ type }) => type)).toEqual(events.map(({ type }) => type));
    expect(history[0]).toMatchObject({ eventId: at.eventId, createdAt: at.createdAt, meta });
  }
});

describe('of several who would sign in by one name, the first is made, and all who are called otherwise', () => {
  test.each<[string, readonly Newcomer[]]>([
    ['the same user name', [{ userName: 'twin' }, { userName: 'TWIN' }]],
    ['the same address', [{ email: 'one@mail.example' }, { email: 'One@mail.example' }]],
    ['a user name that is an address', [{ email: 'ada@mail.example' }, { userName: 'ada@mail.example' }]],
    ['an address that is a user name', [{ userName: 'bo@mail.example' }, { email: 'bo@mail.example' }]],
    ['a user name with the domain', [{ userName: 'cy' }, { userName: 'cy@acme.example' }]],
    ['an address in the domain', [{ userName: 'di' }, { email: 'di@acme.example' }]],
    ['an address in the domain, the other way round', [{ email: 'ed@acme.example' }, { userName: 'ed' }]],
  ])('%s', async (_what, two) => {
    const changes = [newcomer(), ...two.map(newcomer), newcomer()];
    const outcomes = await Promise.all(changes.map((change) => store.append(change)));
    expect(outcomes.map((outcome) => (typeof outcome === 'string' ? outcome : 'made'))).toEqual([
      'made',
      'made',
      'user name taken',
      'made',
    ]);
    expect(await store.loadUser(changes[2]?.userId as UserId)).toBeUndefined();
  });

  test('the same name elsewhere is nobody’s business', async () => {
    const two = [newcomer({ userName: 'same' }), newcomer({ userName: 'same', organization: 'globex' })];
    const outcomes = await Promise.all(two.map((change) => store.append(change)));
    expect(outcomes).toMatchObject([{ organizationId: 'acme' }, { organizationId: 'globex' }]);
  });

  test('of two servers', async () => {
    for (let round = 0; round < 10; round += 1) {
      const names = Array.from({ length: 8 }, (_, nth) => `race-${round}-${nth}`);
      const ask = (at: Store) => names.map((userName) => at.append(newcomer({ userName })));
      const outcomes = await Promise.all([...ask(store), ...ask(other)]);
      expect(outcomes.filter((outcome) => outcome === 'user name taken')).toHaveLength(names.length);
      expect(outcomes.filter((outcome) => typeof outcome !== 'string')).toHaveLength(names.length);
    }
  });
});

test('of two of one id the first is made, and the other is stale, also where two servers make them', async () => {
  for (const [nth, at] of [store, other].entries()) {
    const userId = `id-${nth}`;
    const two = [store.append(newcomer({ userId })), at.append(newcomer({ userId }))];
    const outcomes = await Promise.all(two);
    expect(outcomes.map((outcome) => (typeof outcome === 'string' ? outcome : 'made')).sort()).toEqual([
      'made',
      'stale',
    ]);
    expect(await historyOf(store, userId)).toHaveLength(1);
  }
});

test('an id that somebody had and that is free again is used again, beside others', async () => {
  const gone = await seedUser(store, {
    userId: 'gone',
    organizationId: 'acme',
    profile: human({ userName: 'gone' }),
    afterwards: ['user.removed'],
  });
  const again = { ...newcomer({ userId: 'gone' }), before: gone };
  const outcomes = await Promise.all([newcomer(), again, newcomer()].map((change) => store.append(change)));
  expect(outcomes).toMatchObject([{ sequence: 1 }, { sequence: 3, state: 'active' }, { sequence: 1 }]);
});

test.each([
  ['NUL', { givenName: 'a\0b' }],
  ['half a surrogate pair', { givenName: 'a\ud800' }],
])('who is called by %s fails alone', async (_what, named) => {
  const changes = [newcomer(), newcomer(named), newcomer()];
  const outcomes = await Promise.allSettled(changes.map((change) => store.append(change)));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(outcomes[1]).toMatchObject({ reason: { error: 'fieldInvalid' } });
});

test('whose reason PostgreSQL cannot keep fails alone', async () => {
  const changes = [newcomer(), { ...newcomer(), meta: { reason: 'a\0b' } }, newcomer()];
  const outcomes = await Promise.allSettled(changes.map((change) => store.append(change)));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

test('an organization that somebody holds keeps nobody out of another, and says soon that it cannot be joined', async () => {
  const holder = new Client({ connectionString: url });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query("SELECT 1 FROM organizations WHERE organization_id = 'acme' FOR UPDATE");
  const held = Promise.allSettled(many(20, () => store.append(newcomer())));
  const free = await Promise.all(many(20, () => store.append(newcomer({ organization: 'globex' }))));
  expect(free.every((outcome) => typeof outcome !== 'string')).toBe(true);
  const outcomes = await held;
  expect(outcomes).toEqual(
    outcomes.map(() =>
      expect.objectContaining({ reason: expect.objectContaining({ error: 'storeUnavailable' }) }),
    ),
  );
  await holder.query('ROLLBACK');
  await holder.end();
  expect(await store.append(newcomer())).toMatchObject({ sequence: 1 });
});

test('of all of them every row is what its events say', async () => {
  expect(await verify(store)).toMatchObject({ problems: [] });
});
