import { describe, expect, test } from '@jest/globals';
import { type Forgotten, forgetItems } from '../../src/commands/unlock-run/forget.ts';
import { revertRun } from '../../src/commands/unlock-run/revert.ts';
import { openDoor } from '../support/door.ts';
import { startServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';
import { ended, itemsOf, previewOf, startOf } from './runs.ts';

const day = 86_400_000;

describe.each(stores)('what became of each user of a run, on %s', (store) => {
  test('is kept so many days after its end, and then cannot be taken back; the counts stay', async () => {
    await using server = await startServer({ store });
    const { people, clock, app } = server;
    await people.organization('acme');
    const token = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    await using door = openDoor(server.url, token);
    const runOf = async () => {
      const userId = await people.user({ organization: 'acme', state: 'locked' });
      clock.nowMs += 1_000;
      return await ended(door, await startOf(door, await previewOf(door, { userIds: [userId] })));
    };
    const first = await runOf();
    clock.nowMs += 10 * day;
    const second = await runOf();

    const forgotten: Forgotten = { runId: '' };
    const forget = async (days: number) => {
      const keeping = { store: app.store, now: () => clock.nowMs, runItemsMs: days * day };
      // Once to say so, once to remove.
      for (const _ of [1, 2]) await forgetItems(keeping, forgotten);
    };
    const slicesOf = ({ runId = '' }: typeof first) =>
      app.store.listRunSlices({ runId: String(runId), from: 0, limit: 10 });
    await forget(0);
    clock.nowMs = Date.parse(String(first.ended)) + 30 * day;
    await forget(30);
    expect(await itemsOf(door, first)).toHaveLength(1);
    expect(forgotten.runId).toBe('');

    clock.nowMs += 1;
    await forget(30);
    expect(forgotten.runId).toBe(first.runId);
    expect(await slicesOf(first)).toEqual([]);
    const { runId = '' } = first;
    const gone = { code: 'FailedPrecondition', message: expect.stringContaining('LATCH-runit3ms') };
    expect(await door.ask('ListUnlockRunItems', { runId })).toMatchObject(gone);
    expect(await door.ask('RevertUnlockRun', { runId, reason: 'too late' })).toMatchObject(gone);
    const { response } = await door.ask('GetUnlockRun', { runId });
    expect(response.run).toEqual(first);

    expect(await itemsOf(door, second)).toHaveLength(1);
    expect(await door.ask('RevertUnlockRun', { runId: second.runId ?? '', reason: 'in time' })).toMatchObject(
      {
        ok: true,
      },
    );
  }, 60_000);

  test('is not taken back in part where another server lets go of it meanwhile', async () => {
    await using server = await startServer({ store });
    const { people, clock, app } = server;
    await people.organization('acme');
    const token = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    await using door = openDoor(server.url, token);
    const userId = await people.user({ organization: 'acme', state: 'locked' });
    const { runId } = await ended(door, await startOf(door, await previewOf(door, { userIds: [userId] })));
    const reverted = await app.store.loadRun(String(runId));
    if (reverted === undefined) throw new Error('there is no run');
    clock.nowMs += day;
    const keeping = { store: app.store, now: () => clock.nowMs, runItemsMs: 1 };
    const listRunSlices: typeof app.store.listRunSlices = async (query) => {
      for (const _ of [1, 2]) await forgetItems(keeping, { runId: '' });
      return app.store.listRunSlices(query);
    };
    const owner = { grants: [{ role: 'IAM_OWNER' as const }], meta: {}, organizationId: undefined };
    const texts = { reason: '', ticket: '', identification: '', requestId: '' };
    const order = { ...texts, maxPerSecond: 0, stopAfterFailures: 0, reverted };
    const taken = revertRun({ ...app, store: { ...app.store, listRunSlices } }, owner, order);
    await expect(taken).rejects.toMatchObject({ error: 'runItemsGone' });
    expect(await app.store.listRuns({ before: '', limit: 10 })).toHaveLength(1);
  }, 60_000);

  test('goes away by itself, of runs of many slices too', async () => {
    await using server = await startServer({ store, flags: ['--run-items-days', '1'] });
    const { people, clock, app } = server;
    await people.organization('acme');
    const token = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    await using door = openDoor(server.url, token);
    const userId = await people.user({ organization: 'acme', state: 'locked' });
    const run = await ended(door, await startOf(door, await previewOf(door, { userIds: [userId] })));
    const runId = String(run.runId);
    const slices = Array.from({ length: 40 }, (_, nth) => ({ slice: nth + 1, items: [] }));
    await app.store.addRunSlices(runId, slices);
    clock.nowMs += 2 * day;
    const keeping = { store: app.store, now: () => clock.nowMs, runItemsMs: day };
    const forgotten: Forgotten = { runId: '' };
    for (const _ of [1, 2]) await forgetItems(keeping, forgotten);
    expect(await app.store.listRunSlices({ runId, from: 0, limit: 100 })).toEqual([]);
    expect(forgotten.runId).toBe(runId);
  }, 60_000);
});

test('of very many slices some are let go at a time, of all runs together', async () => {
  await using server = await startServer();
  const { people, clock, app } = server;
  await people.organization('acme');
  const token = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  await using door = openDoor(server.url, token);
  const runIds: string[] = [];
  for (let nth = 0; nth < 2; nth += 1) {
    const userId = await people.user({ organization: 'acme', state: 'locked' });
    const run = await ended(door, await startOf(door, await previewOf(door, { userIds: [userId] })));
    runIds.push(String(run.runId));
  }
  // Sixteen or some more go in a commit.
  const slices = Array.from({ length: 2_600 }, (_, nth) => ({ slice: nth + 1, items: [] }));
  for (const runId of runIds) await app.store.addRunSlices(runId, slices);
  clock.nowMs += 2 * day;
  const keeping = { store: app.store, now: () => clock.nowMs, runItemsMs: day };
  const forgotten: Forgotten = { runId: '' };
  const left = async () => {
    const found = await Promise.all(
      runIds.map((runId) => app.store.listRunSlices({ runId, from: 0, limit: 3_000 })),
    );
    return found.map(({ length }) => length > 0);
  };
  for (const _ of [1, 2]) await forgetItems(keeping, forgotten);
  expect([forgotten.runId, ...(await left())]).toEqual([runIds[0], false, true]);
  await forgetItems(keeping, forgotten);
  expect([forgotten.runId, ...(await left())]).toEqual([runIds[1], false, false]);
}, 60_000);
