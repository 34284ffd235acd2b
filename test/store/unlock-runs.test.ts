/** Runs that are given up while they are written down, or while a server stands still. */
import { describe, expect, test } from '@jest/globals';
import { systemCaller } from '../../src/auth/caller.ts';
import { cancelRun } from '../../src/commands/unlock-run/cancel.ts';
import { carryRun } from '../../src/commands/unlock-run/carry.ts';
import { prepare } from '../../src/commands/unlock-run/prepare.ts';
import { draft } from '../../src/commands/unlock-run/start.ts';
import type { OrganizationId, UserId } from '../../src/domain/ids.ts';
import { leaseAheadMs, type RunItem, sliceSize, type UnlockRun } from '../../src/domain/unlock-run.ts';
import type { LockFilter } from '../../src/domain/unlock-run-events.ts';
import type { Store } from '../../src/store/store.ts';
import { withoutChanges } from '../../src/store/unchanging.ts';
import { human, seedOrganization, seedUser } from '../support/seed-users.ts';
import { change, locked } from '../support/store-fixture.ts';
import { openEmptyStore, stores } from '../support/stores.ts';

const operator = systemCaller('operator');
const order = {
  ...{ reason: 'false alarm', ticket: '', identification: '', requestId: '' },
  ...{ maxPerSecond: 0, stopAfterFailures: 0 },
};

describe.each(stores)('on %s', (kind) => {
  let ids = 0;
  const clock = { nowMs: 1_800_000_000_000 };
  const appOn = (store: Store) => ({
    ...{ store, importedHashCostMax: 8, now: () => clock.nowMs },
    newId() {
      ids += 1;
      return String(ids).padStart(20, '0');
    },
  });
  const item = (nth: number): RunItem => ({
    ...{ userId: `u${nth}` as UserId, organizationId: 'here' as OrganizationId },
    ...{ generation: 2, until: undefined },
  });
  const items = (count: number) => Array.from({ length: count }, (_, nth) => item(nth));

  test('a run that is gone gets no slices', async () => {
    await using store = await openEmptyStore(kind);
    const run: UnlockRun = { ...draft(appOn(store), operator, order), total: 2 };
    const { runId } = run;
    expect(await store.addRunSlices(runId, [{ slice: 0, items: items(1) }])).toBe(false);
    expect(await store.addRun(run, undefined)).toBe(true);
    expect(await store.addRunSlices(runId, [{ slice: 0, items: items(1) }])).toBe(true);
    const added = store.addRunSlices(
      runId,
      Array.from({ length: 300 }, (_, nth) => ({ slice: nth + 1, items: items(1) })),
    );
    await Promise.all([added, store.removeRun(run)]);
    expect(await store.addRunSlices(runId, [{ slice: 999, items: items(1) }])).toBe(false);
    expect(await store.listRunSlices({ runId, from: 0, limit: 1_000 })).toEqual([]);
  });

  test('a set is counted, summed and written down as one and the same, at the end of a slice and one past it', async () => {
    await using store = await openEmptyStore(kind);
    for (const id of ['here', 'there']) await seedOrganization(store, id);
    const userIds = Array.from({ length: 2 * sliceSize + 1 }, (_, nth) => `u${1_000 + nth}`);
    const firstMs = 1_800_000_000_000;
    const lock = async (nth: number) => {
      const userId = userIds[nth] ?? '';
      const organizationId = nth % 3 === 0 ? 'there' : 'here';
      const user = await seedUser(store, { userId, organizationId, profile: human({ userName: userId }) });
      const at = { createdAt: firstMs + nth, eventId: `lock-${nth}` };
      await store.append(change(user, [locked], { at }));
    };
    for (let from = 0; from < userIds.length; from += 16) {
      await Promise.all(userIds.slice(from, from + 16).map((_, index) => lock(from + index)));
    }
    await seedUser(store, { userId: 'free', organizationId: 'here', profile: human({ userName: 'free' }) });
    const filter = { causes: [], userIds: [], exceptUserIds: [] };
    const sets: (readonly [wanted: Partial<LockFilter>, found: readonly string[]])[] = [
      ...[0, 1, sliceSize, sliceSize + 1, 2 * sliceSize, userIds.length].map(
        (count) => [{ before: firstMs + count }, userIds.slice(0, count)] as const,
      ),
      [{ since: firstMs + sliceSize }, userIds.slice(sliceSize)],
      [{ organizationId: 'there' as OrganizationId }, userIds.filter((_, nth) => nth % 3 === 0)],
      [{ exceptUserIds: userIds.slice(2), hasEnd: false }, userIds.slice(0, 2)],
      [{ reasonContains: 'nobody' }, []],
    ];
    for (const [nth, [wanted, found]] of sets.entries()) {
      const query = { scope: 'all', filter: { ...filter, ...wanted } } as const;
      const { groups, digest } = await store.countLocks({ ...query, sampleSize: 0 });
      const counted = { locks: groups.reduce((all, { locks }) => all + locks, 0), digest };
      expect(counted.locks).toBe(found.length);
      expect(await store.sumLocks(query)).toEqual(counted);
      expect(await withoutChanges(store).sumLocks(query)).toEqual(counted);
      const run: UnlockRun = { ...draft(appOn(store), operator, order), total: found.length };
      await store.addRun(run, `set ${nth}`);
      const { runId } = run;
      expect(await store.freezeLocks({ ...query, runId, onPart: async () => undefined })).toEqual(counted);
      const slices = await store.listRunSlices({ runId, from: 0, limit: 10 });
      expect(slices.map(({ slice, items: { length } }) => [slice, length])).toEqual(
        Array.from({ length: Math.ceil(found.length / sliceSize) }, (_, slice) => [
          slice,
          Math.min(sliceSize, found.length - slice * sliceSize),
        ]),
      );
      expect(slices.flatMap(({ items: some }) => some)).toEqual(
        found.map((userId) => ({
          ...{ userId, organizationId: userIds.indexOf(userId) % 3 === 0 ? 'there' : 'here' },
          ...{ generation: 2, until: undefined },
        })),
      );
    }
  });

  test('one that takes minutes to be written down is left to whoever writes it', async () => {
    await using store = await openEmptyStore(kind);
    const app = appOn(store);
    const run = { ...draft(app, operator, order), total: 4 };
    const slowly = async (renew: () => Promise<void>) => {
      for (let slice = 0; slice < 4; slice += 1) {
        await renew();
        expect(await store.addRunSlices(run.runId, [{ slice, items: items(1) }])).toBe(true);
        clock.nowMs += 40_000;
        expect(await store.listRunsLeft(clock.nowMs, 10)).toEqual([]);
      }
    };
    const begun = await prepare(app, operator, { run, requestId: '', write: slowly });
    expect(await store.listRunSlices({ runId: begun.runId, from: 0, limit: 10 })).toHaveLength(4);
    expect(await store.listRunsLeft(clock.nowMs, 10)).toHaveLength(1);
  });

  test('one that is written down while the clock is set back is left to whoever writes it', async () => {
    await using store = await openEmptyStore(kind);
    const app = appOn(store);
    const run = { ...draft(app, operator, order), total: 1 };
    const write = async (renew: () => Promise<void>) => {
      clock.nowMs -= 3_600_000;
      await renew();
      expect(await store.listRunsLeft(clock.nowMs, 10)).toEqual([]);
      await store.addRunSlices(run.runId, [{ slice: 0, items: items(1) }]);
    };
    await prepare(app, operator, { run, requestId: '', write });
    expect(await store.listRunsLeft(clock.nowMs, 10)).toHaveLength(1);
  });

  test('a lease by a clock that ran ahead is none: whoever looks goes on with the run', async () => {
    await using store = await openEmptyStore(kind);
    const app = appOn(store);
    const run = { ...draft(app, operator, order), total: 1 };
    const write = async () => {
      await store.addRunSlices(run.runId, [{ slice: 0, items: items(1) }]);
    };
    let before = await prepare(app, operator, { run, requestId: '', write });
    for (const [aheadMs, isLeft] of [
      [0, true],
      [1, false],
      [leaseAheadMs, false],
      [leaseAheadMs + 1, true],
    ] as const) {
      const version = before.version + 1;
      const after = { ...before, version, holder: 'gone', leaseUntil: clock.nowMs + aheadMs };
      expect(await store.moveRun({ before, after })).toBe(true);
      expect(await store.listRunsLeft(clock.nowMs, 10)).toHaveLength(isLeft ? 1 : 0);
      before = after;
    }
    await carryRun(app, before, { holder: 'next', signal: new AbortController().signal });
    expect(await store.loadRun(run.runId)).toMatchObject({ state: 'done', counts: { not_locked: 1 } });
  });

  test('one that is cancelled while its server lets go of it is free for the next at once', async () => {
    await using store = await openEmptyStore(kind);
    const app = appOn(store);
    const run = { ...draft(app, operator, { ...order, maxPerSecond: 1 }), total: 3 };
    const write = async () => {
      await store.addRunSlices(run.runId, [{ slice: 0, items: items(3) }]);
    };
    const begun = await prepare(app, operator, { run, requestId: '', write });
    const leave = new AbortController();
    const racing: Store = {
      ...store,
      async moveRun(move) {
        // The last it does, in the very moment of the cancel.
        if (leave.signal.aborted && move.after.leaseUntil === 0) await cancelOnce();
        const isMoved = await store.moveRun(move);
        if (move.slices !== undefined) leave.abort();
        return isMoved;
      },
    };
    let isCancelled = false;
    const cancelOnce = async () => {
      if (!isCancelled) await cancelRun(app, operator, begun.runId);
      isCancelled = true;
    };
    await carryRun(appOn(racing), begun, { holder: 'leaving', signal: leave.signal });
    expect(isCancelled).toBe(true);
    const [left] = await store.listRunsLeft(clock.nowMs, 10);
    expect(left).toMatchObject({ runId: begun.runId, cancelledBy: {} });
    await carryRun(app, left as UnlockRun, { holder: 'next', signal: new AbortController().signal });
    expect(await store.loadRun(begun.runId)).toMatchObject({ state: 'cancelled' });
  });

  test('a server that stood still asks before it goes on in a slice whether the run was cancelled', async () => {
    await using store = await openEmptyStore(kind);
    await seedOrganization(store, 'here');
    const users = 100;
    for (let nth = 0; nth < users; nth += 1) {
      const userId = `u${nth}`;
      const user = await seedUser(store, {
        userId,
        organizationId: 'here',
        profile: human({ userName: userId }),
      });
      await store.append(change(user, [locked]));
    }
    const app = appOn(store);
    const run = { ...draft(app, operator, order), total: users, organizationIds: ['here' as OrganizationId] };
    const write = async () => {
      await store.addRunSlices(run.runId, [{ slice: 0, items: items(users) }]);
    };
    const begun = await prepare(app, operator, { run, requestId: '', write });
    let appends = 0;
    const stalling: Store = {
      ...store,
      async append(...given) {
        appends += 1;
        if (appends === 1) {
          await cancelRun(app, operator, begun.runId);
          clock.nowMs += 11_000;
        }
        return store.append(...given);
      },
    };
    const carrying = { holder: 'stalled', signal: new AbortController().signal };
    await carryRun(appOn(stalling), begun, carrying);
    const done = await store.loadRun(begun.runId);
    expect(done).toMatchObject({ state: 'cancelled', counts: { unlocked: 32 } });
    const states = await Promise.all(
      items(users).map(async ({ userId }) => (await store.loadUser(userId))?.state),
    );
    expect(states.filter((state) => state === 'active')).toHaveLength(32);
  });
});
