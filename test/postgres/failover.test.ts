import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RecordedEvent } from '../../src/domain/events.ts';
import type { UserId } from '../../src/domain/ids.ts';
import type { User } from '../../src/domain/user.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { openPostgres } from '../../src/store/postgres/postgres.ts';
import type { Store } from '../../src/store/store.ts';
import { runSql } from '../support/execute.ts';
import { makePostgres, type PostgresProcess } from '../support/postgres/process.ts';
import { human, seedOrganization, seedTime, seedUser } from '../support/seed-users.ts';

const password = 'latchkey';
const initdbFlags = ['--encoding=UTF8', '--locale=C.UTF-8'];
const settings = ['listen_addresses=127.0.0.1', 'shared_buffers=32MB', 'hot_standby=on'];
const patienceMs = 1_000;
/** Of a call that fails: waiting for a connection, once more for the outcome, and a busy machine. */
const failureMsMax = 6_000;

interface Pair extends AsyncDisposable {
  readonly primary: PostgresProcess;
  readonly standby: PostgresProcess;
  /** Names both. */
  readonly url: string;
}

/** A commit is answered when the standby has it too. */
async function startPair(): Promise<Pair> {
  await using cleanup = new AsyncDisposableStack();
  const synchronous = ['synchronous_standby_names=*', 'synchronous_commit=remote_apply'];
  const primary = cleanup.use(
    await makePostgres({ password, initdbFlags, settings: [...settings, ...synchronous] }),
  );
  const { hostname, port, username, host } = new URL(primary.url);
  const follow = `host=${hostname} port=${port} user=${username} password=${password}`;
  const standby = cleanup.use(
    await makePostgres({
      password,
      initdbFlags,
      settings: [...settings, `primary_conninfo=${follow}`, 'wal_retrieve_retry_interval=100ms'],
      standbyOf: primary,
    }),
  );
  await primary.start();
  await standby.start();
  await runSql(primary.url, "CREATE DATABASE pair ENCODING 'UTF8' TEMPLATE template0");
  const both = primary.url.replace(host, `${host},${new URL(standby.url).host}`);
  const whole = cleanup.move();
  return {
    primary,
    standby,
    url: `${both.replace(/\/postgres$/, '/pair')}?target_session_attrs=read-write`,
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

interface Written {
  readonly acknowledged: string[];
  /** What failed, and after how long. */
  readonly failures: { readonly error: unknown; readonly afterMs: number }[];
}

/** Locks and unlocks this one by turns until told to stop. */
async function write(store: Store, userId: UserId, written: Written, signal: AbortSignal): Promise<void> {
  for (let turn = 0; !signal.aborted; turn += 1) {
    const atMs = performance.now();
    try {
      const before = (await store.loadUser(userId)) as User;
      const type = before.state === 'locked' ? 'user.unlocked' : 'user.locked';
      const at = { createdAt: seedTime, eventId: `${userId}-${turn}` };
      const after = await store.append({ before, userId, events: [{ type, payload: {} }], at, meta: {} });
      // Alone on this user: stale would be a false error.
      expect(after).toMatchObject({ sequence: before.sequence + 1 });
      written.acknowledged.push(at.eventId);
    } catch (error) {
      written.failures.push({ error, afterMs: performance.now() - atMs });
      await new Promise(setImmediate);
    }
  }
}

async function follow(store: Store, seen: RecordedEvent[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const afterPosition = seen.at(-1)?.position ?? 0;
    seen.push(...(await store.listEvents({ afterPosition, limit: 50 }).catch(() => [])));
    await new Promise(setImmediate);
  }
}

let pair: Pair;
beforeAll(async () => {
  pair = await startPair();
}, 60_000);
afterAll(async () => {
  await pair[Symbol.asyncDispose]();
});

test('a database URL whose hosts all refuse writes: says so', async () => {
  const { host } = new URL(pair.standby.url);
  const url = pair.standby.url.replace(host, `${host},${host}`);
  await expect(openPostgres({ url })).rejects.toMatchObject({
    name: 'StoreUnusable',
    message: expect.stringContaining('no host of the database URL takes writes'),
  });
}, 30_000);

test('a primary that dies and a standby that is promoted: nothing acknowledged is lost, and calls go on by themselves', async () => {
  await using store = await openPostgres({ url: pair.url, patienceMs });
  await seedOrganization(store, 'acme');
  const userIds: UserId[] = [];
  for (const userId of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
    const seed = { userId, organizationId: 'acme', profile: human({ userName: userId }) };
    userIds.push((await seedUser(store, seed)).userId);
  }
  const over = new AbortController();
  const written: Written = { acknowledged: [], failures: [] };
  const seen: RecordedEvent[] = [];
  const working = [
    ...userIds.map((userId) => write(store, userId, written, over.signal)),
    follow(store, seen, over.signal),
  ];
  const untilMore = async (list: readonly unknown[], more: number) => {
    for (const wanted = list.length + more; list.length < wanted; ) await new Promise(setImmediate);
  };
  await untilMore(written.acknowledged, 100);
  await pair.primary.stop('SIGQUIT');
  await untilMore(written.failures, 16);
  expect(await store.isReady()).toBe(false);
  await runSql(pair.standby.url, 'SELECT pg_promote()');
  await untilMore(written.acknowledged, 100);
  expect(await store.isReady()).toBe(true);
  over.abort();
  await Promise.all(working);

  const { acknowledged, failures } = written;
  for (const { error, afterMs } of failures) {
    expect(error).toMatchObject({ error: 'storeUnavailable' });
    expect(afterMs).toBeLessThan(failureMsMax);
  }
  const after = (position: number) => store.listEvents({ afterPosition: position, limit: 1_000 });
  seen.push(...(await after(seen.at(-1)?.position ?? 0)));
  const all: RecordedEvent[] = [];
  for (let page = await after(0); page.length > 0; page = await after(all.at(-1)?.position ?? 0)) {
    all.push(...page);
  }
  expect(seen).toEqual(all);
  const ids = all.map(({ eventId }) => eventId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(acknowledged.filter((id) => !ids.includes(id))).toEqual([]);
  expect(await verify(store)).toMatchObject({ problems: [] });
}, 90_000);
