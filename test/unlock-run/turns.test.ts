import { setTimeout as delay } from 'node:timers/promises';
import type { JsonObject } from '@bufbuild/protobuf';
import { expect, test } from '@jest/globals';
import { openDoor } from '../support/door.ts';
import { startServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';
import { ended, previewOf, runOf, startOf } from './runs.ts';

/** As many as one server carries at once, and some. */
const slowRuns = 10;
const placesOfServer = 8;
const usersOfOne = 40;

test.each(
  stores,
)('%s: an organization with many slow runs keeps no other waiting, and its runs go on', async (store) => {
  await using server = await startServer({ store });
  const { people } = server;
  for (const id of ['acme', 'beta']) await people.organization(id);
  const owner = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  await using door = openDoor(server.url, owner);
  const locked = async (organization: string, howMany: number) => {
    const users = Array.from({ length: howMany }, () => people.user({ organization, state: 'locked' }));
    return { userIds: await Promise.all(users) };
  };
  const slow: string[] = [];
  for (let nth = 0; nth < slowRuns; nth += 1) {
    const preview = await previewOf(door, await locked('acme', usersOfOne));
    slow.push(String((await startOf(door, preview, { maxPerSecond: 1 })).runId));
  }
  const quick = await startOf(door, await previewOf(door, await locked('beta', 3)));
  expect(await ended(door, quick)).toMatchObject({ unlocked: '3' });
  const shown = await Promise.all(slow.map((runId) => door.ask('GetUnlockRun', { runId })));
  expect(shown.map(runOf).filter((run) => run.ended !== undefined)).toEqual([]);
  await Promise.all(slow.map((runId) => door.ask('CancelUnlockRun', { runId })));
  for (const runId of slow) {
    const { unlocked = '0', notLocked = '0' } = await ended(door, { runId });
    expect(Number(unlocked)).toBeLessThan(usersOfOne);
    expect(notLocked).toBe('0');
  }
}, 120_000);

test('many slow runs of one organization, and nobody else waits: none gives up its place for another of them', async () => {
  await using server = await startServer();
  const { people, app, clock } = server;
  await people.organization('acme');
  const owner = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
  await using door = openDoor(server.url, owner);
  const started: string[] = [];
  for (let nth = 0; nth < slowRuns; nth += 1) {
    const users = Array.from({ length: usersOfOne }, () =>
      people.user({ organization: 'acme', state: 'locked' }),
    );
    const preview = await previewOf(door, { userIds: await Promise.all(users) });
    started.push(String((await startOf(door, preview, { maxPerSecond: 1 })).runId));
  }
  const left = async () => (await app.store.listRunsLeft(clock.nowMs, slowRuns)).map(({ runId }) => runId);
  const waiting = started.slice(placesOfServer);
  while ((await left()).length > waiting.length) await delay(20);
  const turnIsOverMs = performance.now() + 6_500;
  while (performance.now() < turnIsOverMs) {
    expect(await left()).toEqual(waiting);
    await delay(20);
  }
  await Promise.all(started.map((runId) => door.ask('CancelUnlockRun', { runId })));
}, 60_000);

test.each(
  stores,
)('%s: as many organizations with a slow run each as there are places keep no other waiting for their end', async (store) => {
  await using server = await startServer({ store });
  const { people } = server;
  await people.organization('home');
  const owner = await people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  await using door = openDoor(server.url, owner);
  const started = async (organization: string, howMany: number, maxPerSecond: number) => {
    await people.organization(organization);
    const users = Array.from({ length: howMany }, () => people.user({ organization, state: 'locked' }));
    const preview = await previewOf(door, { userIds: await Promise.all(users) });
    return startOf(door, preview, { maxPerSecond });
  };
  const slow: JsonObject[] = [];
  for (let nth = 0; nth < slowRuns; nth += 1) slow.push(await started(`slow-${nth}`, usersOfOne, 1));
  // Places go by turns of some seconds.
  expect(await ended(door, await started('quick', 3, 0))).toMatchObject({ unlocked: '3' });
  for (const run of slow) {
    const shown = runOf(await door.ask('GetUnlockRun', { runId: run.runId ?? '' }));
    expect(shown.ended).toBeUndefined();
    await door.ask('CancelUnlockRun', { runId: run.runId ?? '' });
  }
  for (const run of slow) expect(Number((await ended(door, run)).unlocked ?? 0)).toBeGreaterThan(0);
}, 120_000);
