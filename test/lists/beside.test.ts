import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { UserFilter } from '../../src/domain/filter.ts';
import { createListQueue, type ListQueueOptions } from '../../src/store/sqlite/lists/queue.ts';
import { openSqlite } from '../../src/store/sqlite/sqlite.ts';
import type { ListUsers, Store } from '../../src/store/store.ts';
import { human, seedOrganization, seedUser } from '../support/seed-users.ts';
import { temporaryDatabase } from '../support/temporary.ts';

const path = temporaryDatabase();
let store: Store;

beforeAll(async () => {
  store = openSqlite({ path });
  await seedOrganization(store, 'acme');
  const seeds = Array.from({ length: 300 }, (_none, nth) => `user-${nth}`);
  await Promise.all(
    seeds.map((userId) =>
      seedUser(store, { userId, organizationId: 'acme', profile: human({ userName: userId }) }),
    ),
  );
});
afterAll(async () => {
  await store[Symbol.asyncDispose]();
});

/** None of them matches, so that each user is held against all of them. */
const costly = (filters: number): ListUsers => ({
  scope: 'all',
  filters: [
    {
      kind: 'or',
      filters: Array.from(
        { length: filters },
        (_none, nth): UserFilter => ({
          kind: 'text',
          field: 'display_name',
          method: 'contains_ignore_case',
          value: `nobody ${nth}`,
        }),
      ),
    },
  ],
  sort: 'user_name',
  page: { offset: 0, limit: 10, ascending: true },
});

function openQueue(options: Partial<ListQueueOptions> = {}) {
  return createListQueue({ path, busyTimeoutMs: 1_000, timeoutMs: 60_000, waitingMax: 2, ...options });
}
const unavailable = { error: 'storeUnavailable' };

test('a costly list of users runs beside the event loop: others are answered meanwhile', async () => {
  let isOver = false;
  const listed = store.listUsers(costly(300)).finally(() => {
    isOver = true;
  });
  let turns = 0;
  for (; !isOver; turns += 1) await store.loadToken('nobody');
  expect(await listed).toMatchObject({ rows: [], total: 0 });
  expect(turns).toBeGreaterThan(100);
});

test('a list reflects what was answered before it was asked for', async () => {
  const found = {
    ...costly(1),
    filters: [{ kind: 'text', field: 'user_name', method: 'equals', value: 'late' }],
  } as const;
  expect((await store.listUsers(found)).total).toBe(0);
  await seedUser(store, { userId: 'late', organizationId: 'acme', profile: human({ userName: 'late' }) });
  expect((await store.listUsers(found)).rows).toMatchObject([{ user: { userId: 'late' } }]);
});

test('one that takes too long is given up; the next one is answered, in a new thread', async () => {
  await using queue = openQueue({ timeoutMs: 2_000 });
  await expect(queue.listUsers(costly(10_000))).rejects.toMatchObject(unavailable);
  expect((await queue.listUsers(costly(1))).total).toBe(0);
});

test('a bounded number waits', async () => {
  await using queue = openQueue({ waitingMax: 2 });
  const asked = [1, 2, 3, 4].map(() => queue.listUsers(costly(1)));
  const outcomes = await Promise.allSettled(asked);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
});

test('a broken query fails alone', async () => {
  await using queue = openQueue();
  expect((await queue.listUsers(costly(1))).total).toBe(0);
  using other = new DatabaseSync(path);
  other.exec('ALTER TABLE organizations RENAME TO elsewhere');
  const byLoginName = { kind: 'text', field: 'login_name', method: 'contains', value: 'x' } as const;
  const broken = { ...costly(1), filters: [byLoginName] };
  await expect(queue.listUsers(broken)).rejects.toThrow('no such table: organizations');
  other.exec('ALTER TABLE elsewhere RENAME TO organizations');
  expect((await queue.listUsers(broken)).total).toBe(301);
});

test('a thread that has nothing more to list is ended, and the next list gets another', async () => {
  const ends = new Map<Worker, Promise<unknown>>();
  const post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (this: Worker, ...given: Parameters<typeof post>) {
    if (!ends.has(this)) ends.set(this, new Promise((resolve) => this.once('exit', resolve)));
    return post.apply(this, given);
  };
  try {
    await using queue = openQueue({ idleMs: 20 });
    for (const asker of [undefined, { by: ['ada'] }, { by: ['bram'] }]) {
      expect((await queue.listUsers({ ...costly(1), ...(asker && { asker }) })).total).toBe(0);
      await Promise.all(ends.values());
    }
    expect(ends.size).toBe(3);
  } finally {
    Worker.prototype.postMessage = post;
  }
});
