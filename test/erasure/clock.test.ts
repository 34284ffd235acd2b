import { expect, test } from '@jest/globals';
import { settledAfterMs } from '../../src/commands/erasure/erase-traces.ts';
import { type Looked, sweepErasures } from '../../src/commands/erasure/erase-user.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { openDoor } from '../support/door.ts';
import { startServer } from '../support/start-server.ts';
import { type StoreKind, stores } from '../support/stores.ts';
import { ended, previewOf, runOf, startOf } from '../unlock-run/runs.ts';

const hourMs = 3_600_000;
const words = { reason: 'acme had a false alarm', ticket: 'INC-1' };

async function openHelpDesk(store: StoreKind) {
  const server = await startServer({ store });
  const { people } = server;
  await people.organization('acme');
  const owner = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  const door = openDoor(server.url, owner);
  return {
    server,
    door,
    /** Somebody who may unlock there, with a door of their own. */
    async unlocker() {
      const userId = await people.user({ organization: 'acme', kind: 'machine' });
      await people.grant(userId, { role: 'ORG_USER_UNLOCKER', organization: 'acme' });
      return { userId, own: openDoor(server.url, await people.token(userId)) };
    },
    locked: (count: number) =>
      Promise.all(
        Array.from({ length: count }, () => people.user({ organization: 'acme', state: 'locked' })),
      ),
    async [Symbol.asyncDispose]() {
      await door[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

test.each(stores.flatMap(([store]) => [hourMs, -hourMs].map((aheadMs) => [store, aheadMs] as const)))(
  '%s: what somebody said in a run goes with them, though the clock was %i ms off then',
  async (store, aheadMs) => {
    await using desk = await openHelpDesk(store);
    const { server, door } = desk;
    const { userId, own } = await desk.unlocker();
    await using _own = own;
    server.clock.nowMs += aheadMs;
    const run = await startOf(own, await previewOf(own, { userIds: await desk.locked(1) }), words);
    expect(await ended(own, run)).toMatchObject(words);
    const slow = { ...words, maxPerSecond: 1 };
    const cancelled = await startOf(door, await previewOf(door, { userIds: await desk.locked(4) }), slow);
    const because = { 'latchkey-reason': 'so that nobody knows' };
    await own.ask('CancelUnlockRun', { runId: String(cancelled.runId) }, undefined, because);
    await ended(door, cancelled);
    server.clock.nowMs -= aheadMs;

    expect(await door.ask('EraseUser', { userId })).toMatchObject({ code: 'OK' });
    const left = runOf(await door.ask('GetUnlockRun', { runId: String(run.runId) }));
    expect(left).toMatchObject({ startedBy: userId, unlocked: '1' });
    expect([left.reason, left.ticket, left.filter]).toEqual([undefined, undefined, undefined]);
    const kept = await server.app.store.loadRun(String(cancelled.runId));
    expect(kept).toMatchObject({ ticket: words.ticket, cancelledBy: { actorUserId: userId } });
    expect(Object.keys(kept?.cancelledBy ?? {})).toEqual(['actorUserId']);
  },
  60_000,
);

test.each(
  stores,
)('%s: an erasure of a clock that ran ahead is over as soon as another, once it is right', async (store) => {
  await using desk = await openHelpDesk(store);
  const { server, door } = desk;
  const { userId, own } = await desk.unlocker();
  await own[Symbol.asyncDispose]();
  server.clock.nowMs += 24 * hourMs;
  expect(await door.ask('EraseUser', { userId })).toMatchObject({ code: 'OK' });
  server.clock.nowMs -= 24 * hourMs;
  const looked = new Map<UserId, Looked>();
  await sweepErasures(server.app, looked);
  await sweepErasures(server.app, looked);
  expect(await server.app.store.listErasures()).toHaveLength(1);
  // As if so much of the process's own time had passed.
  for (const [id, { firstAtMs, ...look }] of looked)
    looked.set(id, { ...look, firstAtMs: firstAtMs - settledAfterMs });
  for (let looks = 0; looks < 100 && looked.size > 0; looks += 1) {
    await sweepErasures(server.app, looked);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(await server.app.store.listErasures()).toEqual([]);
  expect(looked.size).toBe(0);
}, 60_000);
