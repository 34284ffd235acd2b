import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import type { UserId } from '../../src/domain/ids.ts';
import type { Subscription } from '../../src/domain/subscription.ts';
import { openStore } from '../../src/store/open.ts';
import type { StoreReport } from '../../src/store/store.ts';
import { runSql } from '../support/execute.ts';
import { human, seedEvents, seedOrganization, seedUser } from '../support/seed-users.ts';
import { startServer } from '../support/start-server.ts';
import { type StoreKind, stores } from '../support/stores.ts';

const locked = { type: 'user.locked', payload: {} } as const;

const subscription = (subscriptionId: string): Subscription => ({
  ...{ subscriptionId, sequence: 1, organizationId: undefined, ownerUserId: 'ada' as UserId },
  ...{ url: 'https://x.example/', description: '', eventTypes: [], state: 'active', createdAt: 1 },
  ...{ changedAt: 1, secretNumber: 1, previousSecretUntil: 0, position: 0, tries: 0, nextTryAt: 0 },
  ...{ attempts: [], holder: '', heldUntil: 0 },
});

/** What the migrations of a later version leave behind. */
const raise = "INSERT INTO migrations VALUES (999, '0999-later.sql', 1)";

async function execute(kind: StoreKind, database: string, sql: string): Promise<unknown> {
  if (kind === 'postgres') return runSql(database, sql);
  using db = new DatabaseSync(database, { timeout: 5_000 });
  return db.prepare(sql).all();
}

test.each(
  stores,
)('on %s: a server whose database is raised above it writes nothing more, is unready and says so once', async (kind, openEmpty) => {
  await using empty = await openEmpty();
  const { database } = empty;
  const reports: StoreReport[] = [];
  await using store = await openStore({ database, onReport: (report) => reports.push(report) });
  await seedOrganization(store, 'here');
  for (const userId of ['ada', 'bram']) {
    await seedUser(store, { userId, organizationId: 'here', profile: human({ userName: userId }) });
  }
  const hook = subscription('before');
  await store.addSubscription(hook);
  expect(await store.isReady()).toBe(true);
  await execute(kind, database, raise);
  const session = { userId: 'ada', sequence: 1, holder: 'h', until: 10, nowMs: 1 };
  const writes: readonly (() => Promise<unknown>)[] = [
    () => seedEvents(store, 'ada', [locked]),
    () => seedEvents(store, 'bram', [{ type: 'user.removed', payload: {} }]),
    () => seedOrganization(store, 'there'),
    () => seedUser(store, { userId: 'new', organizationId: 'here', profile: human({ userName: 'new' }) }),
    () => store.claimCheck(session as never),
    () => store.addSubscription(subscription('after')),
    () => store.changeSubscription(hook, { ...hook, sequence: 2, position: 1 }),
    () => store.changeSubscription(hook, undefined),
  ];
  for (const write of writes) await expect(write()).rejects.toMatchObject({ error: 'storeUnavailable' });
  expect(await store.isReady()).toBe(false);
  expect(reports.filter(({ level }) => level === 'error')).toEqual([
    {
      level: 'error',
      text: expect.stringMatching(
        /(schema version 999|newer schema), this Latchkey knows version \d+: .*upgrade it/,
      ),
    },
  ]);
  expect(await store.loadUser('ada' as UserId)).toMatchObject({ state: 'active', sequence: 1 });
  expect(await store.loadUser('new' as UserId)).toBeUndefined();
  expect(await store.loadSubscription('before')).toEqual(hook);
  const types = await execute(kind, database, 'SELECT type FROM events ORDER BY type');
  expect(types).toMatchObject(
    ['organization.added', 'user.human.added', 'user.human.added'].map((type) => ({ type })),
  );
});

test.each(
  stores,
)('on %s: of changes under way while the schema is raised, none is written after it', async (kind, openEmpty) => {
  await using empty = await openEmpty();
  const { database } = empty;
  await using server = await startServer({ store: kind, database });
  const { store } = server.app;
  await seedOrganization(store, 'here');
  const userIds = Array.from({ length: 20 }, (_none, nth) => `user-${nth}`);
  for (const userId of userIds) {
    await seedUser(store, { userId, organizationId: 'here', profile: human({ userName: userId }) });
  }
  let isRaised = false;
  let refused = 0;
  const turn = async (userId: string) => {
    for (let round = 0; round < 1_000; round += 1) {
      const type = round % 2 === 0 ? 'user.locked' : 'user.unlocked';
      const askedAfter = isRaised;
      try {
        await seedEvents(store, userId, [{ type, payload: {} }]);
        expect(askedAfter).toBe(false);
      } catch (error) {
        expect(error).toMatchObject({ error: 'storeUnavailable' });
        refused += 1;
        return;
      }
    }
  };
  const turns = userIds.map(turn);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await execute(kind, database, raise);
  isRaised = true;
  await Promise.all(turns);
  expect(refused).toBe(userIds.length);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
});
