import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemCaller } from '../../src/auth/caller.ts';
import { cancelRun } from '../../src/commands/unlock-run/cancel.ts';
import { draft } from '../../src/commands/unlock-run/start.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { pause, type Subscription } from '../../src/domain/subscription.ts';
import { counted, runStarted, type UnlockRun } from '../../src/domain/unlock-run.ts';
import { openPostgres } from '../../src/store/postgres/postgres.ts';
import type { Store } from '../../src/store/store.ts';
import { type CutPoint, type PostgresProxy, startProxy } from '../support/postgres/proxy.ts';
import { createPostgresDatabase } from '../support/postgres.ts';

/** The answer to a change is lost, and before it is asked for again somebody else has moved on what it made. */
const resources = new AsyncDisposableStack();
let proxy: PostgresProxy;
/** By way of the proxy, and straight. */
let store: Store;
let other: Store;

beforeAll(async () => {
  const url = await createPostgresDatabase();
  proxy = resources.use(await startProxy(url));
  store = resources.use(await openPostgres({ url: proxy.url, patienceMs: 5_000 }));
  other = resources.use(await openPostgres({ url }));
});
afterAll(() => resources.disposeAsync());

/** Asks, and loses the answer to the statement that holds this text; `meanwhile` happens before the next attempt. */
async function losing<Result>(
  { text, point }: { readonly text: string; readonly point: CutPoint },
  ask: () => Promise<Result>,
  meanwhile: () => Promise<unknown>,
): Promise<Result> {
  await store.loadRun('warm');
  const cut = proxy.cutOn(text, point, 'refusing');
  const asked = ask();
  await cut;
  await meanwhile();
  proxy.setRefusing(false);
  return asked;
}

const done = "before the commit's answer";
const notDone = 'before send';

describe('of a subscription', () => {
  let count = 0;
  const added = async (): Promise<Subscription> => {
    const one = subscription();
    await other.addSubscription(one);
    return one;
  };
  const subscription = (): Subscription => {
    count += 1;
    return {
      ...{ subscriptionId: `s${count}`, sequence: 1, organizationId: undefined },
      ...{ ownerUserId: 'owner' as UserId, url: 'https://x.example/', description: '', eventTypes: [] },
      ...{ state: 'active', createdAt: 1, changedAt: 1, secretNumber: 1, previousSecretUntil: 0 },
      ...{ position: 7, tries: 0, nextTryAt: 0, attempts: [], holder: '', heldUntil: 0 },
    };
  };
  const deliver = async ({ subscriptionId }: Subscription): Promise<void> => {
    const now = (await other.loadSubscription(subscriptionId)) as Subscription;
    const after = {
      ...now,
      sequence: now.sequence + 1,
      position: now.position + 1,
      holder: 'h',
      heldUntil: 9,
    };
    expect(await other.changeSubscription(now, after)).toBe(true);
  };
  const changes: readonly (readonly [string, (before: Subscription) => Subscription])[] = [
    [
      'a new secret',
      (before) => ({ ...before, sequence: 2, secretNumber: 2, previousSecretUntil: 99, changedAt: 5 }),
    ],
    ['a pause', (before) => pause(before, 'asked', 5)],
  ];

  test.each(changes)('%s: made once, and known to be made', async (_, decide) => {
    const before = await added();
    const change = () => store.changeSubscription(before, decide(before));
    expect(await losing({ text: 'update_subscription', point: done }, change, () => deliver(before))).toBe(
      true,
    );
    expect(await other.loadSubscription(before.subscriptionId)).toMatchObject({ sequence: 3, position: 8 });
  });

  test.each(changes)('%s that was not made: told as such', async (_, decide) => {
    const before = await added();
    const change = () => store.changeSubscription(before, decide(before));
    expect(await losing({ text: 'update_subscription', point: notDone }, change, () => deliver(before))).toBe(
      false,
    );
    expect(await other.loadSubscription(before.subscriptionId)).toMatchObject({ sequence: 2, changedAt: 1 });
  });

  test('progress that another server has made meanwhile is not taken for one’s own', async () => {
    const before = await added();
    const after = { ...before, sequence: 2, position: 9 };
    const change = () => store.changeSubscription(before, after);
    expect(await losing({ text: 'update_subscription', point: notDone }, change, () => deliver(before))).toBe(
      false,
    );
  });

  test('its end, and its beginning', async () => {
    const before = await added();
    const remove = () => store.changeSubscription(before, undefined);
    expect(
      await losing({ text: 'DELETE FROM subscriptions', point: done }, remove, async () => undefined),
    ).toBe(true);
    const fresh = subscription();
    const add = () => store.addSubscription(fresh);
    await losing({ text: 'INSERT INTO subscriptions', point: done }, add, () => deliver(fresh));
    expect(await other.loadSubscription(fresh.subscriptionId)).toMatchObject({ sequence: 2, position: 8 });
  });
});

describe('of a run', () => {
  const operator = systemCaller('operator');
  let ids = 0;
  const app = () => ({
    ...{ store, importedHashCostMax: 8, now: () => 1_800_000_000_000 },
    newId() {
      ids += 1;
      return String(ids).padStart(20, '0');
    },
  });
  const order = {
    ...{ reason: '', ticket: '', identification: '', requestId: '' },
    ...{ maxPerSecond: 0, stopAfterFailures: 0 },
  };
  const prepared = async (): Promise<UnlockRun> => {
    const run: UnlockRun = { ...draft(app(), operator, order), total: 1 };
    expect(await other.addRun(run, undefined)).toBe(true);
    const items = [
      { userId: 'u' as UserId, organizationId: 'acme' as never, generation: 1, until: undefined },
    ];
    expect(await other.addRunSlices(run.runId, [{ slice: 0, items }])).toBe(true);
    return run;
  };
  const running = async (): Promise<UnlockRun> => {
    const before = await prepared();
    const after: UnlockRun = { ...before, version: before.version + 1, state: 'running', leaseUntil: 0 };
    expect(await other.moveRun({ before, after })).toBe(true);
    return after;
  };
  const moveOn = async ({ runId }: UnlockRun, more: Partial<UnlockRun>): Promise<void> => {
    const before = (await other.loadRun(runId)) as UnlockRun;
    expect(await other.moveRun({ before, after: { ...before, ...more, version: before.version + 1 } })).toBe(
      true,
    );
  };

  test.each([
    [done, true],
    [notDone, false],
  ] as const)('its start, cut %s, which another server goes on with: %s', async (point, isMade) => {
    const before = await prepared();
    const after: UnlockRun = { ...before, version: before.version + 1, state: 'running', leaseUntil: 0 };
    const event = { event: runStarted(after), at: { createdAt: 1, eventId: app().newId() }, meta: {} };
    const start = () => store.moveRun({ before, after, event });
    const text = isMade ? 'COMMIT' : 'move_run';
    expect(await losing({ text, point }, start, () => moveOn(before, { holder: 'other' }))).toBe(isMade);
    const events = await other.listEvents({ afterPosition: 0, limit: 1_000 });
    expect(events.filter(({ eventId }) => eventId === event.at.eventId)).toHaveLength(isMade ? 1 : 0);
  });

  test.each([
    [done, true],
    [notDone, false],
  ] as const)('what became of its users, cut %s, which somebody cancels meanwhile: %s', async (point, isMade) => {
    const before = await running();
    const [slice] = await other.listRunSlices({ runId: before.runId, from: 0, limit: 1 });
    if (slice === undefined) throw new Error('no slice');
    const results = [{ outcome: 'unlocked' as const, sequence: 4 }];
    const counts = counted(before.counts, results);
    const after = { ...before, version: before.version + 1, counts };
    const record = () => store.moveRun({ before, after, slices: [{ ...slice, results }] });
    const cancel = () => moveOn(before, { cancelledBy: { requestId: 'c' } });
    expect(await losing({ text: 'move_run', point }, record, cancel)).toBe(isMade);
    expect(await other.loadRun(before.runId)).toMatchObject({ counts: isMade ? counts : before.counts });
  });

  test('its end by a call that was carried out, and by another one', async () => {
    const run = await running();
    const caller = { ...operator, meta: { ...operator.meta, requestId: 'mine' } };
    const end = () => moveOn(run, { state: 'cancelled', leaseUntil: 0, endedAt: 5 });
    const cancel = () => cancelRun(app(), caller, run.runId);
    expect(await losing({ text: 'move_run', point: done }, cancel, end)).toMatchObject({
      state: 'cancelled',
    });
    await expect(cancelRun(app(), caller, run.runId)).rejects.toMatchObject({ error: 'runEnded' });
  });
});
