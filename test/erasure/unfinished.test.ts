import { expect, test } from '@jest/globals';
import { type Looked, sweepErasures } from '../../src/commands/erasure/erase-user.ts';
import { parseOrganizationId, parseUserId, type UserId } from '../../src/domain/ids.ts';
import { noOutcomes, type UnlockRun } from '../../src/domain/unlock-run.ts';
import { openDoor } from '../support/door.ts';
import { startServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';

test.each(
  stores,
)('%s: an erasure that waits for a run of hours is looked at less and less often, and ends with it', async (store) => {
  await using server = await startServer({ store });
  const { app, people } = server;
  await people.organization('acme');
  await using door = openDoor(
    server.url,
    await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] }),
  );
  const userId = parseUserId(await people.user({ organization: 'acme', kind: 'machine' }));
  await people.grant(userId, { role: 'ORG_USER_UNLOCKER', organization: 'acme' });
  // Some other server carries it, slowly.
  const run: UnlockRun = {
    ...{ runId: app.newId(), state: 'running', version: 1, total: 1, counts: noOutcomes },
    ...{ startedAt: app.now(), meta: { actorUserId: userId, reason: 'theirs' } },
    ...{ organizationIds: [parseOrganizationId('acme')], maxPerSecond: 1, stopAfterFailures: 0 },
    ...{ nextSlice: 0, holder: 'elsewhere', leaseUntil: app.now() + 240_000 },
  };
  await app.store.addRun(run, undefined);
  expect(await door.ask('EraseUser', { userId })).toMatchObject({ code: 'OK' });
  server.clock.nowMs += 181_000;
  const looksAtMs: number[] = [];
  const counting = {
    ...app,
    store: {
      ...app.store,
      dropOverwritten: () => {
        looksAtMs.push(performance.now());
        return app.store.dropOverwritten();
      },
    },
  };
  const looked = new Map<UserId, Looked>();
  const sweep = async () => {
    await sweepErasures(counting, looked);
    await new Promise((resolve) => setTimeout(resolve, 20));
  };
  while (looksAtMs.length < 3) await sweep();
  const [first = 0, second = 0, third = 0] = looksAtMs;
  expect(second - first).toBeGreaterThanOrEqual(1_000);
  expect(third - second).toBeGreaterThanOrEqual(2_000);
  await app.store.moveRun({ before: run, after: { ...run, version: 2, state: 'done', endedAt: app.now() } });
  while ((await app.store.listErasures()).length > 0) await sweep();
  expect((await app.store.loadRun(run.runId))?.meta).toEqual({ actorUserId: userId });
}, 60_000);
