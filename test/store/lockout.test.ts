import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { EventMeta, UserEvent } from '../../src/domain/events.ts';
import { instanceStream } from '../../src/domain/events.ts';
import type { OrganizationId } from '../../src/domain/ids.ts';
import { defaultPolicy } from '../../src/domain/lockout-policy.ts';
import type { User } from '../../src/domain/user.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import type { PolicyChange, Store } from '../../src/store/store.ts';
import { historyOf } from '../support/replay.ts';
import { seedEvents, seedPolicy } from '../support/seed-users.ts';
import {
  change,
  changedAt,
  openStoreFixture,
  type StoreFixture,
  unlocked,
} from '../support/store-fixture.ts';
import { openEmptyStore, stores } from '../support/stores.ts';

const failed = (payload: { readonly attempts: number; readonly deviceId?: string }): UserEvent => ({
  type: 'user.human.password.check.failed',
  payload,
});
const lockedUntil = (until: number): UserEvent => ({
  type: 'user.locked',
  payload: { cause: 'policy', until },
});
const here = 'here' as OrganizationId;

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

  describe('a lockout', () => {
    test('comes back as it was written, one event at a time and several at once', async () => {
      const user = await fixture.someone();
      const steps: readonly (readonly UserEvent[])[] = [
        [failed({ attempts: 1 })],
        [failed({ attempts: 1, deviceId: 'phone "ü"' })],
        [failed({ attempts: 2 }), lockedUntil(changedAt + 5_000)],
        [failed({ attempts: 2, deviceId: 'phone "ü"' })],
        [{ type: 'user.grant.added', payload: { role: 'ORG_OWNER' } }],
        [{ type: 'user.unlocked', payload: { cause: 'policy', generation: 5 } }],
      ];
      let before = user;
      for (const events of steps) {
        const after = (await store.append(change(before, events))) as User;
        expect(await fixture.now(user)).toEqual(after);
        before = after;
      }
      expect(before.lockout).toEqual({ devices: { 'phone "ü"': [changedAt, changedAt] }, policyLocks: 1 });
    });

    test('that is empty is one and the same object for everybody', async () => {
      const lockouts = await Promise.all(
        [await fixture.someone(), await fixture.someone()].map(
          async (user) => (await fixture.now(user))?.lockout,
        ),
      );
      expect(lockouts[0]).toBe(lockouts[1]);
    });
  });

  describe('locks that are over', () => {
    const over = async (nowMs: number, limit = 10) =>
      (await store.listLocksOver(nowMs, limit)).map(({ userId }) => userId);

    test('are those whose end has come, to the millisecond, the longest over first', async () => {
      expect(await over(Number.MAX_SAFE_INTEGER)).toEqual([]);
      const [late, early, endless, freed] = await Promise.all(Array.from({ length: 4 }, fixture.someone));
      if (!late || !early || !endless || !freed) throw new Error('nobody');
      await seedEvents(store, late.userId, [lockedUntil(2_000)]);
      await seedEvents(store, early.userId, [lockedUntil(1_000)]);
      await seedEvents(store, endless.userId, [{ type: 'user.locked', payload: {} }]);
      await seedEvents(store, freed.userId, [lockedUntil(500), unlocked]);
      expect([await over(999), await over(1_000), await over(1_999)]).toEqual([
        [],
        [early.userId],
        [early.userId],
      ]);
      expect(await over(2_000)).toEqual([early.userId, late.userId]);
      expect(await over(2_000, 1)).toEqual([early.userId]);
      expect(await store.listLocksOver(1_000, 1)).toEqual([await fixture.now(early)]);
    });

    test.each([
      ['user.unlocked', 'active'],
      ['user.deactivated', 'inactive'],
      ['user.removed', 'deleted'],
    ] as const)('are none after %s', async (type, state) => {
      const { userId } = await fixture.someone();
      await seedEvents(store, userId, [lockedUntil(1)]);
      expect(await over(1)).toEqual([userId]);
      expect(await seedEvents(store, userId, [{ type, payload: {} }])).toMatchObject({ state, lockout: {} });
      expect(await over(1)).toEqual([]);
    });
  });

  describe('events, newest first', () => {
    test("are the user's last ones, wherever the reader stands", async () => {
      const user = await fixture.someone();
      await seedEvents(store, user.userId, [lockedUntil(9), unlocked, lockedUntil(9)]);
      await seedEvents(store, user.userId, [unlocked]);
      const newest = (limit: number, afterPosition = 0) =>
        store.listEvents({ userId: user.userId, newestFirst: true, limit, afterPosition });
      const all = await historyOf(store, user.userId);
      expect(await newest(10)).toEqual(all.toReversed());
      expect(await newest(2, 1_000_000)).toEqual(all.toReversed().slice(0, 2));
      const earlier = (beforeSequence: number) =>
        store.listEvents({
          userId: user.userId,
          newestFirst: true,
          limit: 2,
          afterPosition: 0,
          beforeSequence,
        });
      expect(await earlier(4)).toEqual(all.slice(1, 3).toReversed());
      expect(await earlier(2)).toEqual(all.slice(0, 1));
      expect(await earlier(1)).toEqual([]);
      expect(await earlier(Number.MAX_SAFE_INTEGER)).toEqual(all.toReversed().slice(0, 2));
    });
  });

  describe('lockout policies', () => {
    const set = (more: Partial<PolicyChange>): PolicyChange => ({
      organizationId: here,
      before: undefined,
      policy: defaultPolicy,
      at: { createdAt: 7, eventId: 'policy' },
      meta: {},
      ...more,
    });

    test('are set, changed and reset, each with its event in the stream of the instance', async () => {
      expect(await store.loadLockoutPolicies(here)).toEqual({ instance: undefined, organization: undefined });
      const meta: EventMeta = { reason: 'audit', actorOsUser: 'root' };
      const strict = { ...defaultPolicy, maxPasswordAttempts: 3 };
      const first = await store.changeLockoutPolicy(set({ policy: strict, meta }));
      expect(first).toEqual({ policy: strict, sequence: 1, createdAt: 7, changedAt: 7 });
      if (first === 'stale') throw new Error('stale');
      const at = { createdAt: 8, eventId: 'instance' };
      const instance = await store.changeLockoutPolicy(set({ organizationId: undefined, at }));
      expect(await store.loadLockoutPolicies(here)).toEqual({ instance, organization: first });
      expect(await store.loadLockoutPolicies(undefined)).toEqual({ instance, organization: undefined });
      const reset = set({ before: first, policy: undefined, at: { createdAt: 9, eventId: 'reset' } });
      const gone = await store.changeLockoutPolicy(reset);
      expect(gone).toEqual({ policy: undefined, sequence: 2, createdAt: 7, changedAt: 9 });
      expect(await store.loadLockoutPolicies(here)).toEqual({ instance, organization: gone });
      const events = (await historyOf(store, instanceStream)).slice(-3);
      expect(events.map(({ type, payload, eventId }) => ({ type, payload, eventId }))).toEqual([
        {
          type: 'policy.lockout.changed',
          payload: { organizationId: 'here', policy: strict },
          eventId: 'policy',
        },
        { type: 'policy.lockout.changed', payload: { policy: defaultPolicy }, eventId: 'instance' },
        { type: 'policy.lockout.removed', payload: { organizationId: 'here' }, eventId: 'reset' },
      ]);
      expect(events[0]?.meta).toEqual(meta);
      expect((await store.listLockoutPolicies()).rows).toEqual([
        { organizationId: undefined, ...(instance as object) },
        { organizationId: 'here', ...(gone as object) },
      ]);
    });

    test('that nobody has are absent', async () => {
      for (const id of ['nobody', 'n\0ul', '\ud800', '']) {
        expect((await store.loadLockoutPolicies(id as OrganizationId)).organization).toBeUndefined();
      }
    });

    test('decided on another version are stale and leave no trace, also at once', async () => {
      const there = 'there' as OrganizationId;
      const old = await seedPolicy(store, there, { lockSeconds: 1 });
      const now = await seedPolicy(store, there, { lockSeconds: 2 });
      const history = await historyOf(store, instanceStream);
      for (const before of [undefined, old, { ...now, sequence: 9 }])
        expect(await store.changeLockoutPolicy(set({ organizationId: there, before }))).toBe('stale');
      expect(await historyOf(store, instanceStream)).toEqual(history);
      const asked = Array.from({ length: 20 }, (_none, nth) =>
        store.changeLockoutPolicy(
          set({ organizationId: there, before: now, at: { createdAt: nth, eventId: `rival-${nth}` } }),
        ),
      );
      expect((await Promise.all(asked)).filter((outcome) => outcome !== 'stale').length).toBe(1);
      expect((await historyOf(store, instanceStream)).length).toBe(history.length + 1);
    });

    test('are verified while they are changed', async () => {
      let isDone = false;
      const write = async (organizationId: string) => {
        for (let lockSeconds = 1; !isDone; lockSeconds += 1)
          await seedPolicy(store, organizationId, { lockSeconds });
      };
      const writers = [write('here'), write('there')];
      for (let round = 0; round < 10; round += 1) expect(await verify(store)).toMatchObject({ problems: [] });
      isDone = true;
      await Promise.all(writers);
    });
  });
});

test.each(stores)('on %s: a closed store refuses what is about locks too', async (kind) => {
  const store = await openEmptyStore(kind);
  await store[Symbol.asyncDispose]();
  const asked: readonly (() => Promise<unknown>)[] = [
    () => store.loadLockoutPolicies(here),
    () => store.listLockoutPolicies(),
    () => store.listLocksOver(1, 1),
    () => seedPolicy(store, 'here', {}),
  ];
  for (const ask of asked) await expect(ask()).rejects.toMatchObject({ error: 'storeUnavailable' });
});
