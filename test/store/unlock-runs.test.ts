/** Runs that are given up while they are written down, or while a server stands still. */
import { describe, expect, test } from '@jest/globals';
import { systemCaller } from '../../src/auth/caller.ts';
import { cancelRun } from '../../src/commands/unlock-run/cancel.ts';
import { carryRun } from '../../src/commands/unlock-run/carry.ts';
import { prepare } from '../../src/commands/unlock-run/prepare.ts';
import { draft } from '../../src/commands/unlock-run/start.ts';
import type { OrganizationId, UserId } from '../../src/domain/ids.ts';
import type { RunItem, UnlockRun } from '../../src/domain/unlock-run.ts';
import type { Store } from '../../src/store/store.ts';
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
