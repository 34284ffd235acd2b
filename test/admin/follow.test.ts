import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { openStore } from '../../src/store/open.ts';
import { runClients } from '../faults/clients.ts';
import { type Follower, runFollower } from '../faults/follower.ts';
import { compareWithLog, type LoggedEvent } from '../faults/log-check.ts';
import { launcherPath, runServer, type ServerProcess } from '../faults/server-process.ts';
import { openEmptyDatabase, type StoreKind, stores } from '../support/stores.ts';

const writers = 8;
const userIds = Array.from({ length: 12 }, (_none, nth) => `user-${nth}`);
/** Of each server and each follower. */
const kills = 1;
const betweenKillsMs = 700;
const startMsMax = 30_000;

/** On a file one process at a time serves; on PostgreSQL any number does. */
const serversOn: Record<StoreKind, readonly string[]> = { sqlite: ['only'], postgres: ['first', 'second'] };

/** One by way of the servers, whichever is there, and one on the database itself. */
function startFollowers(
  database: string,
  token: string,
  servers: readonly ServerProcess[],
): readonly Follower[] {
  let turn = 0;
  return [
    runFollower({
      name: 'through the servers',
      target() {
        turn += 1;
        const urls = servers.flatMap((server) => server.wire()?.url ?? []);
        const url = urls[turn % Math.max(1, urls.length)] ?? 'http://127.0.0.1:1';
        return { flags: ['--url', url], env: { LATCHKEY_TOKEN: token } };
      },
    }),
    runFollower({ name: 'on the database', target: () => ({ flags: ['--db', database] }) }),
  ];
}

async function readLog(database: string): Promise<readonly LoggedEvent[]> {
  await using store = await openStore({ database });
  const log: LoggedEvent[] = [];
  for (;;) {
    const page = await store.listEvents({ afterPosition: log.at(-1)?.position ?? 0, limit: 500 });
    if (page.length === 0) return log;
    for (const { position, userId, sequence, type, meta } of page) {
      log.push({ position, userId, sequence, type, requestId: meta.requestId ?? '' });
    }
  }
}

async function untilSeen(followers: readonly Follower[], more: number): Promise<void> {
  const wanted = followers.map(({ events }) => events.length + more);
  const deadlineMs = performance.now() + startMsMax;
  while (followers.some(({ events }, nth) => events.length < (wanted[nth] ?? 0))) {
    if (performance.now() > deadlineMs) throw new Error('the followers are shown nothing new');
    await delay(20);
  }
}

test.each(
  stores,
)('`latchkey events --follow` on %s shows each event once, in order, while 8 clients write and servers and followers are killed', async (kind) => {
  await using cleanup = new AsyncDisposableStack();
  const { database } = cleanup.use(await openEmptyDatabase(kind));
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-follow-'));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const servers: ServerProcess[] = [];
  for (const name of serversOn[kind]) {
    const server = cleanup.use(runServer({ name, command: [launcherPath, 'serve'], database, folder }));
    await server.serving();
    servers.push(server);
  }
  const token = (await readFile(join(folder, servers[0]?.name ?? '', 'admin-token'), 'utf8')).trim();
  const organizationId = await firstOrganization(database);
  const followers = startFollowers(database, token, servers);
  for (const follower of followers) cleanup.use(follower);

  const over = new AbortController();
  const writing = runClients({
    ...{ servers, token, organizationId, userIds },
    clients: writers,
    signal: over.signal,
  });
  for (let kill = 0; kill < kills; kill += 1) {
    for (const victim of [...servers, ...followers]) {
      await untilSeen(followers, 5);
      await delay(betweenKillsMs / 2);
      victim.kill();
    }
  }
  await untilSeen(followers, 5);
  over.abort();
  const { calls, unexpected } = await writing;
  expect(unexpected).toEqual([]);
  expect(servers.flatMap(({ falls }) => falls)).toEqual([]);
  for (const server of servers) await server.serving();

  const log = await readLog(database);
  const ofUsers = log.filter(({ userId }) => userIds.includes(userId));
  expect(compareWithLog(calls, ofUsers)).toEqual([]);
  expect(ofUsers.length).toBeGreaterThan(userIds.length);
  for (const follower of followers) {
    await follower.reach(log.at(-1)?.position ?? 0);
    expect(follower.lives()).toBeGreaterThan(kills);
    expect(follower.events).toEqual(log);
  }
}, 120_000);

async function firstOrganization(database: string): Promise<string> {
  await using store = await openStore({ database });
  const page = { offset: 0, limit: 1, ascending: true };
  const { rows } = await store.listOrganizations('all', page);
  return rows[0]?.organizationId ?? '';
}
