import { describe, expect, test } from '@jest/globals';
import { startRun } from '../../src/commands/unlock-run/start.ts';
import { openRunToken } from '../../src/queries/unlock-preview.ts';
import { openDoor } from '../support/door.ts';
import { startServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';
import { ended, previewOf, runOf } from './runs.ts';

const isPreview = ({ type }: { readonly type: string }) => type === 'latchkey.v1.PreviewUnlockResponse';

describe.each(stores)('a set that is another one by now, on %s', (store) => {
  test('is refused with its new preview, which can be confirmed as it stands', async () => {
    await using server = await startServer({ store });
    const { people } = server;
    await people.organization('acme');
    const token = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    await using door = openDoor(server.url, token);
    const userIds: string[] = [];
    for (let nth = 0; nth < 3; nth += 1) {
      userIds.push(await people.user({ organization: 'acme', state: 'locked' }));
    }
    const preview = await previewOf(door, { organizationId: 'acme' });
    await people.act(userIds[0] ?? '', 'unlock');
    const start = { runToken: preview.runToken ?? '', confirmedCount: '3', requestId: 'the wave' };
    const refused = await door.ask('StartUnlockRun', start);
    expect(refused).toMatchObject({ code: 'FailedPrecondition' });
    const found = refused.details.find(isPreview);
    expect(found).toMatchObject({ count: '2', organizations: [{ organizationId: 'acme', count: '2' }] });
    // Nothing is left of the refused one, its request id included.
    const again = { ...start, runToken: String(found?.runToken), confirmedCount: '2' };
    const run = runOf(await door.ask('StartUnlockRun', again));
    expect(await ended(door, run)).toMatchObject({ total: '2', unlocked: '2' });
    expect((await door.ask('ListUnlockRuns', {})).response.runs).toHaveLength(1);
  }, 60_000);

  test('is not taken from a clock that ran ahead, once that is right', async () => {
    await using server = await startServer({ store });
    const { people, clock } = server;
    await people.organization('acme');
    const token = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    await using door = openDoor(server.url, token);
    await people.user({ organization: 'acme', state: 'locked' });
    clock.nowMs += 3_600_000;
    const { runToken = '' } = await previewOf(door, { organizationId: 'acme' });
    clock.nowMs -= 3_600_000;
    const start = { runToken, confirmedCount: '1' };
    expect(await door.ask('StartUnlockRun', start)).toMatchObject({ code: 'InvalidArgument' });
    clock.nowMs += 3_600_000;
    expect(await door.ask('StartUnlockRun', start)).toMatchObject({ code: 'OK' });
  }, 60_000);

  test('is not written down where another number is confirmed than the preview has told', async () => {
    await using server = await startServer({ store });
    const { people, app } = server;
    await people.organization('acme');
    const token = await people.caller({ organization: 'acme', roles: ['IAM_OWNER'] });
    await using door = openDoor(server.url, token);
    for (let nth = 0; nth < 3; nth += 1) await people.user({ organization: 'acme', state: 'locked' });
    const { runToken } = await previewOf(door, { organizationId: 'acme' });
    const set = await openRunToken(app, Buffer.from(String(runToken), 'base64'));
    let written = 0;
    const freezeLocks: typeof app.store.freezeLocks = (freeze) => {
      written += 1;
      return app.store.freezeLocks(freeze);
    };
    const watched = { ...app, store: { ...app.store, freezeLocks } };
    const owner = { grants: [{ role: 'IAM_OWNER' as const }], meta: {}, organizationId: undefined };
    const texts = { reason: '', ticket: '', identification: '', requestId: '' };
    const start = (count: number) =>
      startRun(watched, owner, {
        ...{ ...texts, maxPerSecond: 0, stopAfterFailures: 0 },
        set: { ...set, count, previewed: set.count },
      });
    for (const count of [1, 2, 4]) {
      await expect(start(count)).rejects.toMatchObject({ error: 'runSetChanged', metadata: { count: '3' } });
    }
    expect(written).toBe(0);
    await start(3);
    expect(written).toBe(1);
  }, 60_000);

  test('is refused without it where it would be too long for a trailer', async () => {
    await using server = await startServer({ store });
    const { people } = server;
    const token = await people.caller({
      organization: await people.organization('home'),
      roles: ['IAM_OWNER'],
    });
    await using door = openDoor(server.url, token);
    const userIds: string[] = [];
    for (let nth = 0; nth < 60; nth += 1) {
      const organization = await people.organization(
        `an-organization-with-a-very-long-name-${'x'.repeat(60)}${nth}`.slice(0, 60) + nth,
      );
      userIds.push(await people.user({ organization, state: 'locked' }));
    }
    const preview = await previewOf(door, { hasEnd: false });
    await people.act(userIds[0] ?? '', 'unlock');
    const start = { runToken: preview.runToken ?? '', confirmedCount: '60' };
    const refused = await door.ask('StartUnlockRun', start);
    expect(refused).toMatchObject({ code: 'FailedPrecondition' });
    expect(refused.details.filter(isPreview)).toEqual([]);
  }, 60_000);
});
