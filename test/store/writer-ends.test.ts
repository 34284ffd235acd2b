import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { UserId } from '../../src/domain/ids.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store, StoreReport } from '../../src/store/store.ts';
import { historyOf } from '../support/replay.ts';
import { human, seedEvents, seedOrganization, seedUser } from '../support/seed-users.ts';
import { temporaryDatabase } from '../support/temporary.ts';

// The thread is nobody's to reach; every one that is given something is noted here.
const usual = Worker.prototype.postMessage;
const threads = new Set<Worker>();
let messages = 0;
beforeEach(() => {
  threads.clear();
  Worker.prototype.postMessage = function (this: Worker, ...given: Parameters<typeof usual>) {
    threads.add(this);
    messages += 1;
    return usual.apply(this, given);
  };
});
afterEach(() => {
  Worker.prototype.postMessage = usual;
});

async function endThreads(): Promise<void> {
  await Promise.all([...threads].map((thread) => thread.terminate()));
  threads.clear();
}

/** What takes a thread many milliseconds, so that it ends amid it: one change of many events. */
const eventsAtOnce = 4_000;

/** As soon as the thread was given what comes next: then the store is not ready. */
async function endThreadsAmid(store: Store): Promise<void> {
  const before = messages;
  // A turn of the event loop each: the user is read in one of them, and the change made of what was read.
  for (let turn = 0; turn < 10_000 && messages === before; turn += 1) await nextTurn();
  const ended = endThreads();
  expect(await store.isReady()).toBe(false);
  await ended;
}

async function openWithAda(database: string, onReport: (report: StoreReport) => void) {
  const store = await openStore({ database, onReport });
  await seedOrganization(store, 'here');
  await seedUser(store, { userId: 'ada', organizationId: 'here', profile: human({ userName: 'ada' }) });
  return store;
}

test('a writer thread that ends under load is replaced: what was acknowledged is there, the rest is UNAVAILABLE', async () => {
  const reports: StoreReport[] = [];
  await using store = await openWithAda(temporaryDatabase(), (report) => reports.push(report));
  let [acknowledged, refused] = [0, 0];
  for (let kill = 0; kill < 3; kill += 1) {
    const enough = acknowledged + 20;
    const ending = Promise.withResolvers<void>();
    let isEnded = false;
    for (let turn = 0; turn < 2_000; turn += 1) {
      const isLocked = (await store.loadUser('ada' as UserId))?.state === 'locked';
      const types = isLocked
        ? (['user.unlocked', 'user.locked'] as const)
        : (['user.locked', 'user.unlocked'] as const);
      const isAmid = !isEnded && acknowledged >= enough;
      const count = isAmid ? eventsAtOnce : 1;
      const change = seedEvents(
        store,
        'ada',
        Array.from({ length: count }, (_, nth) => ({ type: types[nth % 2 === 0 ? 0 : 1], payload: {} })),
      );
      if (isAmid) {
        isEnded = true;
        void endThreadsAmid(store).then(ending.resolve, ending.reject);
      }
      const done = await change.then(
        () => true,
        (error) => {
          expect(error).toMatchObject({ error: 'storeUnavailable' });
          return false;
        },
      );
      if (done) acknowledged += count;
      else refused += count;
      if (acknowledged > enough + 5) break;
    }
    await ending.promise;
    expect(await store.isReady()).toBe(true);
  }
  const events = await historyOf(store, 'ada' as UserId);
  expect(events.length - 1).toBeGreaterThanOrEqual(acknowledged);
  expect(events.length - 1).toBeLessThanOrEqual(acknowledged + refused);
  expect(refused).toBeGreaterThan(0);
  expect(await verify(store)).toMatchObject({ problems: [] });
  expect(reports.filter(({ level }) => level === 'fatal')).toEqual([]);
});

test('one that ends again and again is given up: unready, UNAVAILABLE, and the process is told to end', async () => {
  const fatal = Promise.withResolvers<StoreReport>();
  await using store = await openWithAda(temporaryDatabase(), (report) => {
    if (report.level === 'fatal') fatal.resolve(report);
  });
  let isOver = false;
  void fatal.promise.then(() => {
    isOver = true;
  });
  for (let turn = 0; turn < 10_000 && !isOver; turn += 1) {
    void store.isReady();
    await endThreads();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(await fatal.promise).toMatchObject({ text: expect.stringContaining('ended too often') });
  expect(await store.isReady()).toBe(false);
  const change = seedEvents(store, 'ada', [{ type: 'user.locked', payload: {} }]);
  await expect(change).rejects.toMatchObject({ error: 'storeUnavailable' });
  expect((await store.loadUser('ada' as UserId))?.state).toBe('active');
});
