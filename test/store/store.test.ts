import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { EventMeta, RecordedEvent, UserEvent } from '../../src/domain/events.ts';
import { instanceStream } from '../../src/domain/events.ts';
import type { OrganizationId, UserId } from '../../src/domain/ids.ts';
import type { User } from '../../src/domain/user.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import type { Store, StoredSession } from '../../src/store/store.ts';
import { historyOf } from '../support/replay.ts';
import { human, seedEvents, seedOrganization, seedUser } from '../support/seed-users.ts';
import {
  change,
  changedAt,
  locked,
  openStoreFixture,
  type StoreFixture,
  unlocked,
} from '../support/store-fixture.ts';
import { openEmptyStore, stores } from '../support/stores.ts';

const token = (tokenId: string): UserEvent => ({
  type: 'user.pat.added',
  payload: { tokenId, expiresAt: 9 },
});
/** As a right password at `changedAt` begins it. */
const sessionOf = ({ userId, sequence }: User, sessionId: string): StoredSession => ({
  sessionId,
  sequence: 1,
  createdAt: changedAt,
  changedAt,
  user: { userId, sequence: sequence + 1, checkedAt: changedAt },
  passwordCheckedAt: changedAt,
  metadata: {},
  tokenHash: new Uint8Array(32).fill(1),
});
const secrets = { tokenSecretHash: new Uint8Array(32) };

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

  describe('append', () => {
    test('moves the row and logs the event, seen by whoever reads next', async () => {
      const before = await fixture.someone();
      const meta: EventMeta = {
        actorUserId: 'admin' as UserId,
        actorSubject: 'https://issuer.example|ada',
        ip: '192.0.2.1',
        userAgent: 'agent/1 ü',
        requestId: 'request-1',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        reason: 'lost phone\n\u{1f4f1}',
      };
      const after = await store.append(change(before, [locked], { meta }));
      expect(after).toEqual({
        ...before,
        state: 'locked',
        sequence: 2,
        changedAt: changedAt,
        tokensEndedSequence: 2,
        lockout: {
          lock: { cause: 'administrator', generation: 2, since: changedAt, failedAttempts: 0 },
        },
      });
      expect(await fixture.now(before)).toEqual(after);
      expect(await fixture.newest(before)).toEqual({
        position: expect.any(Number),
        eventId: `e-${before.userId}-1`,
        userId: before.userId,
        sequence: 2,
        type: 'user.locked',
        createdAt: changedAt,
        payload: {},
        meta,
      });
    });

    test('keeps absent facts absent', async () => {
      const before = await fixture.someone();
      await store.append(change(before, [locked], { meta: { actorOsUser: 'root' } }));
      expect((await fixture.newest(before))?.meta).toEqual({ actorOsUser: 'root' });
    });

    test.each([
      ['an older row', (user: User) => change(user, [unlocked])],
      ['no row, where there is one', (user: User) => change(user, [locked], { before: undefined })],
      ['a newer row', (user: User) => change({ ...user, sequence: 9 }, [locked])],
    ])('decided on %s is stale and leaves no trace', async (_what, decide) => {
      const old = await fixture.someone();
      const current = await seedEvents(store, old.userId, [locked]);
      const history = await historyOf(store, old.userId);
      const addAgain = { userId: old.userId, organizationId: 'there', profile: human({ userName: 'again' }) };
      const stale = decide(old);
      if (stale.before !== undefined) expect(await store.append(stale)).toBe('stale');
      else await expect(seedUser(store, addAgain)).rejects.toThrow(/stale/);
      expect(await fixture.now(old)).toEqual(current);
      expect(await historyOf(store, old.userId)).toEqual(history);
    });

    test('decided on a row that never was is stale', async () => {
      const ghost = { ...(await fixture.someone()), userId: 'ghost' as UserId };
      expect(await store.append(change(ghost, [locked]))).toBe('stale');
      expect(await store.loadUser(ghost.userId)).toBeUndefined();
      expect(await historyOf(store, ghost.userId)).toEqual([]);
    });

    test('of 64 at once on one row one wins, 63 are stale', async () => {
      const before = await fixture.someone();
      const outcomes = await Promise.all(
        Array.from({ length: 64 }, () => store.append(change(before, [locked]))),
      );
      expect(outcomes.filter((outcome) => outcome === 'stale').length).toBe(63);
      expect((await historyOf(store, before.userId)).length).toBe(2);
    });

    test('keeps several events together, in their order', async () => {
      const before = await fixture.someone();
      await store.append(change(before, [locked, unlocked, token('several')], { secrets }));
      expect((await historyOf(store, before.userId)).map(({ sequence, type }) => [sequence, type])).toEqual([
        [1, 'user.human.added'],
        [2, 'user.locked'],
        [3, 'user.unlocked'],
        [4, 'user.pat.added'],
      ]);
      expect((await store.loadToken('several'))?.token.sequence).toBe(4);
    });
  });

  test('a session is begun with the events, or not at all', async () => {
    const user = await fixture.someone();
    const right: UserEvent = { type: 'user.human.password.check.succeeded', payload: { sessionId: 'begun' } };
    const session = sessionOf(user, 'begun');
    const after = (await store.append(change(user, [right], { session }))) as User;
    expect(await store.loadSession('begun')).toMatchObject({ session, owner: { user: after } });
    const late = sessionOf(user, 'late');
    expect(await store.append(change(user, [right], { session: late }))).toBe('stale');
    expect(await store.loadSession('late')).toBeUndefined();
    // Of one id there is one, whose token stays what it was.
    const again = { ...sessionOf(after, 'begun'), tokenHash: new Uint8Array(32).fill(2) };
    await expect(store.append(change(after, [right], { session: again }))).rejects.toThrow();
    expect((await store.loadSession('begun'))?.session.tokenHash).toEqual(session.tokenHash);
  });

  describe('what fails', () => {
    test('fails alone and whole, whatever is written beside it', async () => {
      await store.append(change(await fixture.someone(), [token('twice')], { secrets }));
      const users = await Promise.all(Array.from({ length: 60 }, fixture.someone));
      const unserializable = { type: 'user.grant.added', payload: { role: 1n } } as unknown as UserEvent;
      const bad = (nth: number) => nth % 20 === 7 || nth % 20 === 13;
      const outcomes = await Promise.allSettled(
        users.map((user, nth) => {
          if (nth % 20 === 7) return store.append(change(user, [locked, token('twice')], { secrets }));
          if (nth % 20 === 13) return store.append(change(user, [locked, unserializable]));
          return store.append(change(user, [locked]));
        }),
      );
      expect(outcomes.map(({ status }) => status)).toEqual(
        users.map((_user, nth) => (bad(nth) ? 'rejected' : 'fulfilled')),
      );
      const after = await Promise.all(users.map(fixture.now));
      expect(after.map((user) => user?.sequence)).toEqual(users.map((_user, nth) => (bad(nth) ? 1 : 2)));
      const histories = await Promise.all(users.map(({ userId }) => historyOf(store, userId)));
      expect(histories.map(({ length }) => length)).toEqual(users.map((_user, nth) => (bad(nth) ? 1 : 2)));
    });
  });

  test('positions rise in the order of commit: a reader who follows misses nothing', async () => {
    const users = await Promise.all(Array.from({ length: 8 }, fixture.someone));
    const page = { offset: 0, limit: 1, ascending: true };
    const start = (await store.listOrganizations('all', page)).position;
    const write = async (user: User) => {
      for (let turn = 0, before = user; turn < 25; turn += 1) {
        before = (await store.append(change(before, [turn % 2 ? unlocked : locked]))) as User;
      }
    };
    const follow = async (limit: number): Promise<readonly RecordedEvent[]> => {
      const seen: RecordedEvent[] = [];
      while (seen.length < 200) {
        // A turn for the writers: an embedded store answers within this one.
        await nextTurn();
        seen.push(...(await store.listEvents({ afterPosition: seen.at(-1)?.position ?? start, limit })));
      }
      return seen;
    };
    const followers = [follow(3), follow(1_000)];
    await Promise.all(users.map(write));
    for (const seen of await Promise.all(followers)) {
      const positions = seen.map(({ position }) => position);
      expect(positions).toEqual([...new Set(positions)].sort((one, other) => one - other));
      for (const { userId } of users) {
        const sequences = seen.filter((event) => event.userId === userId).map(({ sequence }) => sequence);
        expect(sequences).toEqual(Array.from({ length: 25 }, (_none, nth) => nth + 2));
      }
    }
  });

  describe('organizations', () => {
    const add = (organizationId: string, domain: string) =>
      store.addOrganization(
        {
          type: 'organization.added',
          payload: { organizationId: organizationId as OrganizationId, name: 'Name', domain },
        },
        { createdAt: 7, eventId: `made-${organizationId}` },
        { reason: 'because' },
      );

    test('are found by id and by domain, with their event in a stream of their own', async () => {
      const made = { organizationId: 'new', name: 'Name', domain: 'new.test', createdAt: 7 };
      expect(await add('new', 'new.test')).toEqual(made);
      expect(await store.loadOrganization({ organizationId: 'new' as OrganizationId })).toEqual(made);
      expect(await store.loadOrganization({ domain: 'new.test' })).toEqual(made);
      expect(await store.loadOrganization({ domain: 'old.test' })).toBeUndefined();
      expect((await historyOf(store, instanceStream)).at(-1)).toMatchObject({
        sequence: 3,
        type: 'organization.added',
        payload: { organizationId: 'new', name: 'Name', domain: 'new.test' },
        meta: { reason: 'because' },
      });
    });

    test('are refused where id or domain is taken, also at once', async () => {
      const before = await historyOf(store, instanceStream);
      expect([await add('here', 'other.test'), await add('other', 'here.example')]).toEqual([
        'taken',
        'taken',
      ]);
      expect(await historyOf(store, instanceStream)).toEqual(before);
      const asked = Array.from({ length: 20 }, (_none, nth) => add(`rival-${nth}`, 'rival.test'));
      expect((await Promise.all(asked)).filter((outcome) => outcome !== 'taken').length).toBe(1);
      expect((await historyOf(store, instanceStream)).length).toBe(before.length + 1);
    });
  });

  test('lists leave out the deleted, and say which event they reflect', async () => {
    const users = [await fixture.someone(), await fixture.someone()];
    await seedEvents(store, users[0]?.userId ?? '', [{ type: 'user.removed', payload: {} }]);
    const ids = { kind: 'ids', userIds: users.map(({ userId }) => userId) } as const;
    const page = { offset: 0, limit: 10, ascending: true };
    const listed = await store.listUsers({ scope: 'all', filters: [ids], sort: 'creation_date', page });
    expect(listed.rows.map(({ user }) => user)).toEqual([users[1]]);
    expect(listed.total).toBe(1);
    const positions = (await Promise.all(users.map(fixture.newest))).map((event) => event?.position ?? 0);
    expect(listed.position).toBe(Math.max(...positions));
  });
});

test.each(
  stores,
)('on %s: a closed store finishes what was asked before, and refuses the rest', async (kind) => {
  const store = await openEmptyStore(kind);
  expect(await store.isReady()).toBe(true);
  await seedOrganization(store, 'here');
  const profile = human({ userName: 'last' });
  const last = seedUser(store, { userId: 'last', organizationId: 'here', profile });
  await store[Symbol.asyncDispose]();
  expect((await last).sequence).toBe(1);
  expect(await store.isReady()).toBe(false);
  const userId = 'last' as UserId;
  const event = {
    type: 'organization.added',
    payload: { organizationId: 'x' as OrganizationId, name: 'x', domain: 'x' },
  } as const;
  const at = { createdAt: 1, eventId: '1' };
  const page = { offset: 0, limit: 1, ascending: true };
  const asked: readonly (() => Promise<unknown>)[] = [
    () => seedUser(store, { userId: 'next', organizationId: 'here', profile: human({ userName: 'next' }) }),
    () => store.addOrganization(event, at, {}),
    () => store.loadUser(userId),
    () => store.loadToken('x'),
    () => store.loadPasswordHash(userId),
    () => store.loadOrganization({ domain: 'x' }),
    () => store.listUsers({ scope: 'all', filters: [], sort: 'user_name', page }),
    () => store.listEvents({ afterPosition: 0, limit: 1 }),
    () => verify(store),
  ];
  for (const ask of asked) await expect(ask()).rejects.toMatchObject({ error: 'storeUnavailable' });
});
