import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { UserEvent } from '../../src/domain/events.ts';
import type { OrganizationId, UserId } from '../../src/domain/ids.ts';
import type { User } from '../../src/domain/user.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { openPostgres } from '../../src/store/postgres/postgres.ts';
import type { Change, Store } from '../../src/store/store.ts';
import { runSql } from '../support/execute.ts';
import { cutPoints, type PostgresProxy, startProxy } from '../support/postgres/proxy.ts';
import { isForeignServer, type PostgresServer, startPostgres } from '../support/postgres.ts';
import { historyOf } from '../support/replay.ts';
import { human, seedEvents, seedOrganization, seedTime, seedUser } from '../support/seed-users.ts';

const resources = new AsyncDisposableStack();
let postgres: PostgresServer;
let url: string;
let proxy: PostgresProxy;
/** By way of the proxy, and straight. */
let store: Store;
let other: Store;

beforeAll(async () => {
  postgres = resources.use(await startPostgres());
  url = await postgres.createDatabase();
  proxy = resources.use(await startProxy(url));
  store = resources.use(await openPostgres({ url: proxy.url, timeoutMs: 500, patienceMs: 1_000 }));
  other = resources.use(await openPostgres({ url }));
  await seedOrganization(other, 'acme');
});
afterEach(async () => {
  proxy.setRefusing(false);
  proxy.setSilent(false);
  while (!(await store.isReady())) await new Promise(setImmediate);
  expect(await verify(other)).toMatchObject({ problems: [] });
});
afterAll(() => resources.disposeAsync());

let count = 0;
async function newUser(): Promise<User> {
  count += 1;
  const userId = `u${count}`;
  return seedUser(other, { userId, organizationId: 'acme', profile: human({ userName: userId }) });
}

function change(before: User, event: UserEvent = { type: 'user.locked', payload: {} }): Change {
  count += 1;
  const at = { createdAt: seedTime, eventId: `change-${count}` };
  // Of a token alone: a change that brings a secret is no plain one.
  const secrets = event.type === 'user.pat.added' && { secrets: { tokenSecretHash: new Uint8Array(32) } };
  return { before, userId: before.userId, events: [event], at, meta: {}, ...secrets };
}

function newcomer(): Change {
  count += 1;
  const organizationId = 'acme' as OrganizationId;
  const profile = human({ userName: `n${count}` });
  return {
    before: undefined,
    userId: `n${count}` as UserId,
    events: [{ type: 'user.human.added', payload: { organizationId, state: 'active', profile } }],
    at: { createdAt: seedTime, eventId: `newcomer-${count}` },
    meta: {},
  };
}

const tokenAdded = (): UserEvent => ({
  type: 'user.pat.added',
  payload: { tokenId: `token-${count}`, expiresAt: seedTime },
});

async function eventIds(userId: UserId): Promise<readonly string[]> {
  return (await historyOf(other, userId)).map(({ eventId }) => eventId);
}

const unavailable = { error: 'storeUnavailable' };

describe.each(cutPoints)('a connection that is cut %s', (point) => {
  test('of a plain change: done once, and known to be done', async () => {
    const asked = change(await newUser());
    const cut = proxy.cutOn(asked.at.eventId, point);
    const [after] = await Promise.all([store.append(asked), cut]);
    expect(after).toMatchObject({ sequence: 2, state: 'locked' });
    expect((await eventIds(asked.userId)).slice(1)).toEqual([asked.at.eventId]);
  });

  test('of a batch: each done once', async () => {
    const people = await Promise.all(Array.from({ length: 10 }, newUser));
    const changes = people.map((before) => change(before));
    const cut = proxy.cutOn(changes[3]?.at.eventId ?? '', point);
    const outcomes = await Promise.all(changes.map((asked) => store.append(asked)));
    await cut;
    expect(outcomes.map((outcome) => (outcome as User).state)).toEqual(people.map(() => 'locked'));
    for (const asked of changes) expect((await eventIds(asked.userId)).slice(1)).toEqual([asked.at.eventId]);
  });

  test('of people who are made together: each once', async () => {
    const added = Array.from({ length: 10 }, newcomer);
    const cut = proxy.cutOn(added[3]?.at.eventId ?? '', point);
    const outcomes = await Promise.all(added.map((asked) => store.append(asked)));
    await cut;
    expect(outcomes).toMatchObject(added.map(({ userId }) => ({ userId, sequence: 1 })));
    for (const asked of added) expect(await eventIds(asked.userId)).toEqual([asked.at.eventId]);
  });

  test('of people who are made together, at their COMMIT: each once', async () => {
    const added = Array.from({ length: 10 }, newcomer);
    const cut = proxy.cutOn('COMMIT', point);
    const outcomes = await Promise.all(added.map((asked) => store.append(asked)));
    await cut;
    expect(outcomes).toMatchObject(added.map(({ userId }) => ({ userId, sequence: 1 })));
    for (const asked of added) expect(await eventIds(asked.userId)).toEqual([asked.at.eventId]);
  });

  test.each(['insert_events', 'COMMIT'])('of a transaction, at its %s: done once', async (text) => {
    const asked = change(await newUser(), tokenAdded());
    // Once, so that the statement is prepared and its name alone is on the wire.
    await store.append(change(await newUser(), tokenAdded()));
    const cut = proxy.cutOn(text, point);
    const [after] = await Promise.all([store.append(asked), cut]);
    expect(after).toMatchObject({ sequence: 2 });
    expect((await eventIds(asked.userId)).slice(1)).toEqual([asked.at.eventId]);
  });

  test('of the addition of an organization: done once', async () => {
    count += 1;
    const organizationId = `organization-${count}` as never;
    const payload = { organizationId, name: 'New', domain: `new-${count}.example` };
    const at = { createdAt: seedTime, eventId: `organization-${count}` };
    const cut = proxy.cutOn('COMMIT', point);
    const added = store.addOrganization({ type: 'organization.added', payload }, at, {});
    expect(await added).toEqual({ ...payload, createdAt: seedTime });
    await cut;
    expect(await other.loadOrganization({ organizationId })).toEqual(await added);
  });

  test('and a database that cannot be reached afterwards: unavailable, and no word on the outcome', async () => {
    const asked = change(await newUser());
    const cut = proxy.cutOn(asked.at.eventId, point, 'refusing');
    await expect(store.append(asked)).rejects.toMatchObject(unavailable);
    await cut;
    const ids = (await eventIds(asked.userId)).slice(1);
    expect(ids).toEqual(point === 'before send' ? [] : [asked.at.eventId]);
  });

  test('and another change that comes first: told from ours by the event', async () => {
    const asked = change(await newUser());
    const cut = proxy.cutOn(asked.at.eventId, point, 'refusing');
    const appending = store.append(asked);
    await cut;
    const { state } = (await other.loadUser(asked.userId)) as User;
    await seedEvents(other, asked.userId, [
      { type: state === 'locked' ? 'user.unlocked' : 'user.deactivated', payload: {} },
    ]);
    proxy.setRefusing(false);
    // Ours was carried out, and then undone by another: still a success. Or it was not, and now comes too late.
    if (point === 'before send') expect(await appending).toBe('stale');
    else expect(await appending).toMatchObject({ sequence: 2, state: 'locked' });
    expect((await eventIds(asked.userId)).includes(asked.at.eventId)).toBe(point !== 'before send');
  });
});

test('a database that refuses connections: calls fail in bounded time, then at once, and recover by themselves', async () => {
  const before = await newUser();
  proxy.setRefusing(true);
  const calls = () => [
    store.append(change(before)),
    store.loadUser(before.userId),
    store.listEvents({ afterPosition: 0, limit: 1 }),
    store.append(change(before, tokenAdded())),
  ];
  for (const call of calls()) await expect(call).rejects.toMatchObject(unavailable);
  for (const call of calls()) await expect(call).rejects.toMatchObject(unavailable);
  expect(await store.isReady()).toBe(false);
  proxy.setRefusing(false);
  while (!(await store.isReady())) await new Promise(setImmediate);
  expect(await store.append(change(before))).toMatchObject({ state: 'locked' });
});

test('a database that falls silent: calls fail in bounded time, and what was sent is done once or not at all', async () => {
  const asked = change(await newUser());
  await store.loadUser(asked.userId);
  proxy.setSilent(true);
  await expect(store.append(asked)).rejects.toMatchObject(unavailable);
  await expect(store.loadUser(asked.userId)).rejects.toMatchObject(unavailable);
  expect(await store.isReady()).toBe(false);
  proxy.setSilent(false);
  while (!(await store.isReady())) await new Promise(setImmediate);
  expect((await eventIds(asked.userId)).filter((id) => id === asked.at.eventId).length).toBeLessThanOrEqual(
    1,
  );
});

test('a database that is slow: the statement ends, nothing is done', async () => {
  const asked = change(await newUser());
  await runSql(
    url,
    'CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$',
  );
  await runSql(url, 'CREATE TRIGGER slow BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION slow()');
  await expect(store.append(asked)).rejects.toMatchObject(unavailable);
  await runSql(url, 'DROP FUNCTION slow CASCADE');
  expect(await eventIds(asked.userId)).not.toContain(asked.at.eventId);
  expect(await store.append(asked)).toMatchObject({ state: 'locked' });
});

test('a database that has become read-only: reads go on, changes and readiness say no, until it is back', async () => {
  const before = await newUser();
  const name = new URL(url).pathname.slice(1);
  const end =
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()';
  await runSql(url, `ALTER DATABASE ${name} SET default_transaction_read_only = on`);
  await runSql(url, end);
  await expect(store.append(change(before))).rejects.toMatchObject(unavailable);
  expect(await store.loadUser(before.userId)).toMatchObject({ state: 'active' });
  const page = { offset: 0, limit: 1, ascending: true };
  const listed = await store.listUsers({ scope: 'all', filters: [], sort: 'user_name', page });
  expect(listed.rows.length).toBe(1);
  expect(await store.isReady()).toBe(false);
  await runSql(url, `BEGIN READ WRITE; ALTER DATABASE ${name} RESET default_transaction_read_only; COMMIT`);
  await runSql(url, end);
  while (!(await store.isReady())) await new Promise(setImmediate);
  expect(await store.append(change(before))).toMatchObject({ state: 'locked' });
});

const ifOurs = isForeignServer ? test.skip : test;

ifOurs(
  'a database that restarts amid changes: what was acknowledged is there once',
  async () => {
    const acknowledged: string[] = [];
    const failures: unknown[] = [];
    let isOver = false;
    const write = async (userId: UserId) => {
      while (!isOver) {
        try {
          const before = (await store.loadUser(userId)) as User;
          const type = before.state === 'locked' ? 'user.unlocked' : 'user.locked';
          const asked = change(before, { type, payload: {} });
          // Alone on this user: stale would be a false error.
          expect(await store.append(asked)).toMatchObject({ sequence: before.sequence + 1 });
          acknowledged.push(asked.at.eventId);
        } catch (error) {
          failures.push(error);
          if ((error as { error?: string }).error !== 'storeUnavailable') isOver = true;
          await new Promise(setImmediate);
        }
      }
    };
    const people = await Promise.all(Array.from({ length: 8 }, newUser));
    const writers = people.map(({ userId }) => write(userId));
    const untilMore = async (more: number) => {
      const wanted = acknowledged.length + more;
      while (acknowledged.length < wanted && !isOver) await new Promise(setImmediate);
    };
    for (let restart = 0; restart < 2; restart += 1) {
      await untilMore(50);
      await postgres.control?.stop();
      await postgres.control?.start();
      await untilMore(50);
    }
    isOver = true;
    await Promise.all(writers);
    expect(failures.filter((error) => (error as { error?: string }).error !== 'storeUnavailable')).toEqual(
      [],
    );
    const logged = await Promise.all(people.map(({ userId }) => eventIds(userId)));
    expect(acknowledged.filter((id) => logged.flat().filter((other) => other === id).length !== 1)).toEqual(
      [],
    );
  },
  60_000,
);
