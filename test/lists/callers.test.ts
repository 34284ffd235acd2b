import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { UserFilter } from '../../src/domain/filter.ts';
import { openStore } from '../../src/store/open.ts';
import type { Asker, ListUsers, Store } from '../../src/store/store.ts';
import { leastSlowdown, repeatedly } from '../support/beside.ts';
import { repetitions } from '../support/repetitions.ts';
import { human, seedOrganization, seedUser } from '../support/seed-users.ts';
import { type EmptyDatabase, openEmptyDatabase, stores } from '../support/stores.ts';

const unavailable = { error: 'storeUnavailable' };

describe.each(stores.map(([kind]) => kind))('lists that take long, on %s', (kind) => {
  let database: EmptyDatabase;
  let store: Store;
  beforeAll(async () => {
    database = await openEmptyDatabase(kind);
    store = await openStore({ database: database.database });
    await seedOrganization(store, 'acme');
    for (let from = 0; from < 400; from += 10) {
      await Promise.all(
        Array.from({ length: 10 }, (_, nth) => {
          const userId = `user-${from + nth}`;
          return seedUser(store, { userId, organizationId: 'acme', profile: human({ userName: userId }) });
        }),
      );
    }
  }, 60_000);
  afterAll(async () => {
    await store[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  /** Looks at everybody for so many texts that nobody has. */
  const costly = (texts: number, asker?: Asker): ListUsers => ({
    scope: 'all',
    filters: [
      {
        kind: 'or',
        filters: Array.from(
          { length: texts },
          (_, nth): UserFilter => ({
            ...{ kind: 'text', field: 'display_name', method: 'contains', value: `nobody ${nth}` },
          }),
        ),
      },
    ],
    sort: 'user_name',
    page: { offset: 0, limit: 10, ascending: true },
    asker,
  });
  const by = (organization: string, signal?: AbortSignal): Asker => ({
    by: [organization, `somebody of ${organization}`],
    signal,
  });

  test('of one caller, as many as may wait, keep nobody else waiting for all of them', async () => {
    const texts = repetitions({ few: 200, many: 900 });
    const options = {
      ask: async () => {
        expect(await store.listUsers(costly(50, by('other')))).toMatchObject({ total: 0 });
      },
      flood: (signal: AbortSignal) =>
        repeatedly(40, signal, () =>
          store.listUsers(costly(texts, by('many', signal))).catch(() => undefined),
        ),
      ...{
        rounds: repetitions({ few: 1, many: 5 }),
        asks: repetitions({ few: 5, many: kind === 'sqlite' ? 60 : 20 }),
        leadMs: 50,
      },
    };
    // Of a few, the middle; in one line each would wait for forty others.
    const [part, max] = [repetitions({ few: 0.5, many: 0.99 }), repetitions({ few: 10, many: 3 })];
    const times99 = await leastSlowdown(options, { part, max });
    process.stdout.write(`beside the lists of one caller: ${times99.toFixed(2)} times as long\n`);
    expect(times99).toBeLessThan(max);
  }, 120_000);

  test('are dropped where nobody waits for them any more, those under way too', async () => {
    const leave = new AbortController();
    const startedMs = performance.now();
    // Seconds each, and minutes together.
    const left = Array.from({ length: 10 }, () => store.listUsers(costly(3_000, by('gone', leave.signal))));
    const told = Promise.allSettled(left);
    await new Promise((resolve) => setTimeout(resolve, 100));
    leave.abort();
    for (const outcome of await told) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: unavailable });
    }
    expect(await store.listUsers(costly(1, by('gone')))).toMatchObject({ total: 0 });
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });

  test('of one caller take half of the places to wait in, and the next is refused at once', async () => {
    const leave = new AbortController();
    const asked = Array.from({ length: 60 }, () =>
      store.listUsers(costly(3_000, by('greedy', leave.signal))),
    );
    const counted = Promise.allSettled(asked);
    for (const outcome of await Promise.allSettled(asked.slice(51))) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: unavailable });
    }
    expect(await store.listUsers(costly(1, by('modest')))).toMatchObject({ total: 0 });
    leave.abort();
    await counted;
  });
});
