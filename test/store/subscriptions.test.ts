import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { OrganizationId, UserId } from '../../src/domain/ids.ts';
import type { Subscription } from '../../src/domain/subscription.ts';
import type { Store } from '../../src/store/store.ts';
import { holdMsMax, tryAheadMs } from '../../src/store/subscription-store.ts';
import { openEmptyStore, stores } from '../support/stores.ts';

const home = 'home' as OrganizationId;
const nowMs = 1_000_000;
let count = 0;

function subscription(more: Partial<Subscription> = {}): Subscription {
  count += 1;
  return {
    ...{ subscriptionId: `s${count}`, sequence: 1, organizationId: home, ownerUserId: 'owner' as UserId },
    ...{ url: 'https://x.example/ü', description: "d'\u{1f4f1}", eventTypes: ['user.locked'] },
    ...{ state: 'active', createdAt: count, changedAt: count, secretNumber: 1, previousSecretUntil: 0 },
    ...{ position: 7, tries: 0, nextTryAt: 0, attempts: [], holder: '', heldUntil: 0 },
    ...more,
  };
}

const moved = (before: Subscription, more: Partial<Subscription>): Subscription => ({
  ...before,
  ...more,
  sequence: before.sequence + 1,
});

describe.each(stores)('subscriptions on %s', (kind) => {
  let store: Store;
  beforeAll(async () => {
    store = await openEmptyStore(kind);
  });
  afterAll(async () => {
    await store[Symbol.asyncDispose]();
  });
  const added = async (more: Partial<Subscription> = {}) => {
    const one = subscription(more);
    await store.addSubscription(one);
    return one;
  };

  test('are read as they were written, with and without an organization', async () => {
    for (const one of [await added(), await added({ organizationId: undefined, cause: 'failed' })]) {
      expect(await store.loadSubscription(one.subscriptionId)).toEqual(one);
    }
    for (const unknown of ['nobody', '', 'a\0b', '\ud800']) {
      expect(await store.loadSubscription(unknown)).toBeUndefined();
    }
  });

  test('are counted by state and cause, each with the position of the one farthest behind', async () => {
    const table: readonly Partial<Subscription>[] = [
      { position: 1_000_001 },
      { state: 'paused', cause: 'asked', position: 12 },
      { state: 'paused', cause: 'asked', position: 9 },
      { state: 'paused', cause: 'failed', position: 2 ** 40 },
      { state: 'disabled', cause: 'gone', position: 0 },
      { description: '"cause":"asked"', position: 5 },
    ];
    for (const one of table) await added(one);
    const { rows } = await store.listSubscriptions({
      scope: 'all',
      page: { offset: 0, limit: 1_000, ascending: true },
    });
    const counts = await store.countSubscriptions();
    const wanted = counts.map(({ state, cause }) => {
      const alike = rows.filter((row) => row.state === state && row.cause === cause);
      return {
        state,
        cause,
        count: alike.length,
        position: Math.min(...alike.map(({ position }) => position)),
      };
    });
    expect(counts).toEqual(wanted);
    expect(counts.reduce((sum, { count: some }) => sum + some, 0)).toBe(rows.length);
    expect(counts).toContainEqual({ state: 'paused', cause: 'asked', count: 2, position: 9 });
    expect(counts).toContainEqual({ state: 'disabled', cause: 'gone', count: 1, position: 0 });
  });

  test('of many who change one at once, one does', async () => {
    const before = await added();
    const changes = Array.from({ length: 20 }, (_, nth) => moved(before, { description: `by ${nth}` }));
    const outcomes = await Promise.all(changes.map((after) => store.changeSubscription(before, after)));
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    expect(await store.loadSubscription(before.subscriptionId)).toEqual(changes[outcomes.indexOf(true)]);
  });

  test('a deleted one is gone, for whoever changes it as well', async () => {
    const before = await added();
    expect(await store.changeSubscription(before, undefined)).toBe(true);
    expect(await store.changeSubscription(before, moved(before, {}))).toBe(false);
    expect(await store.changeSubscription(before, undefined)).toBe(false);
    expect(await store.loadSubscription(before.subscriptionId)).toBeUndefined();
  });

  test('are listed by age, within the scope', async () => {
    const of = (name: string) => ({ organizationId: name as OrganizationId });
    const [first, other, last] = [await added(of('one')), await added(of('two')), await added(of('one'))];
    const none = await added({ organizationId: undefined });
    const list = async (scope: 'all' | readonly OrganizationId[], ascending: boolean, offset = 0) => {
      const { rows, total } = await store.listSubscriptions({ scope, page: { offset, limit: 2, ascending } });
      return [total, ...rows.map(({ subscriptionId }) => subscriptionId)];
    };
    const one = ['one' as OrganizationId];
    expect(await list(one, true)).toEqual([2, first.subscriptionId, last.subscriptionId]);
    expect(await list(one, false)).toEqual([2, last.subscriptionId, first.subscriptionId]);
    expect(await list(one, true, 1)).toEqual([2, last.subscriptionId]);
    expect(await list([], true)).toEqual([0]);
    const all = await list('all', false);
    expect(all.slice(1)).toEqual([none.subscriptionId, last.subscriptionId]);
    expect(await list([...one, 'two' as OrganizationId], false, 1)).toEqual([
      3,
      other.subscriptionId,
      first.subscriptionId,
    ]);
  });

  test('are free to deliver while they are active, nobody holds them and their time has come', async () => {
    const table: readonly (readonly [Partial<Subscription>, boolean])[] = [
      [{}, true],
      [{ state: 'paused' }, false],
      [{ state: 'disabled' }, false],
      [{ nextTryAt: nowMs }, true],
      [{ nextTryAt: nowMs + 1 }, false],
      [{ nextTryAt: nowMs + tryAheadMs }, false],
      // By a clock that ran ahead.
      [{ nextTryAt: nowMs + tryAheadMs + 1 }, true],
      [{ holder: 'a', heldUntil: nowMs }, true],
      [{ holder: 'a', heldUntil: nowMs + 1 }, false],
      [{ holder: 'a', heldUntil: nowMs + holdMsMax }, false],
      // By a clock that ran ahead.
      [{ holder: 'a', heldUntil: nowMs + holdMsMax + 1 }, true],
    ];
    const wanted: string[] = [];
    const all: string[] = [];
    for (const [more, isFree] of table) {
      const { subscriptionId } = await added(more);
      all.push(subscriptionId);
      if (isFree) wanted.push(subscriptionId);
    }
    const free = (await store.listSubscriptionsFree(nowMs, 1_000)).map(
      ({ subscriptionId }) => subscriptionId,
    );
    expect(free.filter((one) => all.includes(one)).sort()).toEqual([...wanted].sort());
    expect(await store.listSubscriptionsFree(nowMs, 2)).toHaveLength(2);
  });
});
