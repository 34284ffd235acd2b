import type { JsonObject } from '@bufbuild/protobuf';
import { expect, test } from '@jest/globals';
import { openDoor } from '../support/door.ts';
import { startServer } from '../support/start-server.ts';
import { type StoreKind, stores } from '../support/stores.ts';
import { ended, previewOf, runOf, startOf } from '../unlock-run/runs.ts';

async function openHelpDesk(store: StoreKind) {
  const server = await startServer({ store });
  const { people } = server;
  for (const id of ['acme', 'beta']) await people.organization(id);
  const owner = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  const door = openDoor(server.url, owner);
  return {
    server,
    door,
    locked: (count: number) =>
      Promise.all(
        Array.from({ length: count }, () => people.user({ organization: 'acme', state: 'locked' })),
      ),
    async unlocker(userId: string, organization: string) {
      await people.grant(userId, { role: 'ORG_USER_UNLOCKER', organization });
      return openDoor(server.url, await people.token(userId));
    },
    run: async (runId: unknown): Promise<JsonObject> =>
      runOf(await door.ask('GetUnlockRun', { runId: String(runId) })),
    async [Symbol.asyncDispose]() {
      await door[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const words = { reason: 'acme had a false alarm', ticket: 'INC-1' };

/** Somebody new of acme, the run that they have done, and their own door. */
async function unlockOnce(desk: Awaited<ReturnType<typeof openHelpDesk>>) {
  const userId = await desk.server.people.user({ organization: 'acme', kind: 'machine' });
  const own = await desk.unlocker(userId, 'acme');
  const done = await startOf(own, await previewOf(own, { userIds: await desk.locked(1) }), words);
  await ended(own, done);
  return { userId, done, own };
}

test.each(
  stores,
)('%s: runs of an earlier life of the id, elsewhere, are not erased with this one', async (store) => {
  await using desk = await openHelpDesk(store);
  const { server, door } = desk;
  const { userId, done, own: first } = await unlockOnce(desk);
  await using _first = first;
  await using foreign = await desk.unlocker(
    await server.people.user({ organization: 'acme', kind: 'machine' }),
    'acme',
  );
  const slow = { ...words, maxPerSecond: 1 };
  const cancelled = await startOf(foreign, await previewOf(foreign, { userIds: await desk.locked(4) }), slow);
  await first.ask('CancelUnlockRun', { runId: String(cancelled.runId) });
  const before = [await ended(door, done), await ended(door, cancelled)];
  await server.people.act(userId, 'delete');
  server.clock.nowMs += 1_000;

  await server.people.user({ organization: 'beta', kind: 'machine', userId });
  await using again = await desk.unlocker(userId, 'beta');
  const locked = await server.people.user({ organization: 'beta', state: 'locked' });
  const own = await startOf(again, await previewOf(again, { userIds: [locked] }), words);
  await ended(again, own);
  const role = { role: 'ORG_OWNER', organization: 'beta' };
  const manager = await server.people.caller({ organization: 'beta', roles: [role] });
  expect(await door.ask('EraseUser', { userId }, manager)).toMatchObject({ code: 'OK' });

  expect([await desk.run(done.runId), await desk.run(cancelled.runId)]).toEqual(before);
  expect(before).toMatchObject([words, words]);
  const erased = await desk.run(own.runId);
  expect([erased.reason, erased.ticket, erased.filter]).toEqual([undefined, undefined, undefined]);
}, 60_000);

test.each(
  stores,
)('%s: runs of whoever gets the id of somebody erased, be it at once, are theirs', async (store) => {
  await using desk = await openHelpDesk(store);
  const { server, door } = desk;
  const { userId, done, own: first } = await unlockOnce(desk);
  await using _first = first;
  expect(await door.ask('EraseUser', { userId })).toMatchObject({ code: 'OK' });

  await server.people.user({ organization: 'beta', kind: 'machine', userId });
  await using again = await desk.unlocker(userId, 'beta');
  const locked = await server.people.user({ organization: 'beta', state: 'locked' });
  server.clock.nowMs += 1;
  const own = await startOf(again, await previewOf(again, { userIds: [locked] }), words);
  const before = await ended(again, own);
  expect(before).toMatchObject(words);
  server.clock.nowMs += 181_000;
  while ((await server.app.store.listErasures()).length > 0)
    await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await desk.run(own.runId)).toEqual(before);
  expect((await desk.run(done.runId)).reason).toBeUndefined();
}, 60_000);

test.each(
  stores,
)('%s: whoever cancelled a run and is erased takes none of the words of who started it', async (store) => {
  await using desk = await openHelpDesk(store);
  const { server, door } = desk;
  const userId = await server.people.user({ organization: 'acme', kind: 'machine' });
  await using passing = await desk.unlocker(userId, 'acme');
  const slow = { ...words, maxPerSecond: 1 };
  const run = await startOf(door, await previewOf(door, { userIds: await desk.locked(4) }), slow);
  const because = { 'latchkey-reason': 'so that nobody knows' };
  await passing.ask('CancelUnlockRun', { runId: String(run.runId) }, undefined, because);
  const before = await ended(door, run);
  expect(before).toMatchObject(words);
  expect(await door.ask('EraseUser', { userId })).toMatchObject({ code: 'OK' });
  expect(await desk.run(run.runId)).toEqual(before);
  const kept = await server.app.store.loadRun(String(run.runId));
  expect(kept?.cancelledBy).toEqual({ actorUserId: userId });
}, 60_000);
