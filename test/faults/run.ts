import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openApp } from '../../src/app/app.ts';
import { type Verification, verify } from '../../src/queries/verify/verify.ts';
import { runSql } from '../support/execute.ts';
import { type Recording, runClients } from './clients.ts';
import type { Database, Restart } from './database.ts';
import { type Follower, runFollower } from './follower.ts';
import type { LoggedEvent } from './log-check.ts';
import { runServer, type ServerProcess } from './server-process.ts';

export interface RunOptions {
  readonly database: Database;
  /** An empty one of this run's own. */
  readonly folder: string;
  /** What starts a server: the script and what comes before the flags of `serve`. */
  readonly command: readonly string[];
  /** At most. */
  readonly durationMs: number;
  /** Faults beside these; when they are over, all is. */
  readonly amid?: () => Promise<void>;
  readonly users: number;
  readonly killEveryMs: number;
  /** At equal distances. */
  readonly restarts: readonly Restart[];
  readonly withFollowers: boolean;
}

/** All that is left of a run to be judged. */
export interface Run extends Recording {
  /** By position. */
  readonly log: readonly LoggedEvent[];
  readonly verification: Verification;
  readonly followers: readonly {
    readonly name: string;
    readonly lives: number;
    readonly events: readonly LoggedEvent[];
  }[];
  readonly kills: number;
  readonly restarts: number;
  /** Of servers that nobody killed. */
  readonly falls: readonly string[];
  readonly logPaths: readonly string[];
}

const clients = 16;

/** Two servers on one database, clients and followers on both, and faults; then quiet, and what is there is read. */
export async function run(options: RunOptions): Promise<Run> {
  await using cleanup = new AsyncDisposableStack();
  const { database, command, folder } = options;
  const url = await database.create();
  const servers: ServerProcess[] = [];
  // The first one makes the organization and the token, the second one finds them.
  for (const name of ['first', 'second']) {
    const server = cleanup.use(runServer({ name, command, database: url, folder }));
    await server.serving();
    servers.push(server);
  }
  const token = (await readFile(join(folder, 'first', 'admin-token'), 'utf8')).trim();
  const [organization] = await runSql(
    await database.direct(url),
    'SELECT organization_id FROM organizations',
  );
  const followers = options.withFollowers ? startFollowers(url, token, servers) : [];
  for (const follower of followers) cleanup.use(follower);

  const isDone = new AbortController();
  const over = AbortSignal.any([AbortSignal.timeout(options.durationMs), isDone.signal]);
  const [recording, kills] = await Promise.all([
    runClients({
      servers,
      token,
      organizationId: String(organization?.organization_id),
      userIds: Array.from({ length: options.users }, (_none, nth) => `user-${nth}`),
      clients,
      signal: over,
    }),
    killServers(servers, followers, { everyMs: options.killEveryMs, signal: over }),
    restartDatabase(options),
    options.amid?.().finally(() => isDone.abort()),
  ]);

  for (const server of servers) await server.serving();
  const verification = await verifyAll(url);
  const log = await readLog(await database.direct(url));
  await Promise.all(followers.map((follower) => follower.reach(log.at(-1)?.position ?? 0)));
  return {
    ...recording,
    log,
    verification,
    followers: followers.map(({ name, lives, events }) => ({ name, lives: lives(), events: [...events] })),
    kills,
    restarts: options.restarts.length,
    falls: servers.flatMap((server) => server.falls),
    logPaths: servers.map(({ logPath }) => logPath),
  };
}

function startFollowers(url: string, token: string, servers: readonly ServerProcess[]): readonly Follower[] {
  let turn = 0;
  return [
    runFollower({
      name: 'a follower through the servers',
      target() {
        turn += 1;
        const wires = servers.flatMap((server) => server.wire() ?? []);
        const server = wires[turn % Math.max(1, wires.length)]?.url ?? 'http://127.0.0.1:1';
        return { flags: ['--url', server], env: { LATCHKEY_TOKEN: token } };
      },
    }),
    runFollower({ name: 'a follower on the database', target: () => ({ flags: ['--db', url] }) }),
  ];
}

interface Kills {
  readonly everyMs: number;
  readonly signal: AbortSignal;
}

/** One server after the other, and half an interval later one follower; answers how many servers it killed. */
async function killServers(
  servers: readonly ServerProcess[],
  followers: readonly Follower[],
  { everyMs, signal }: Kills,
): Promise<number> {
  const wait = () => delay(everyMs / 2, undefined, { signal }).catch(() => undefined);
  for (let kills = 0; ; kills += 1) {
    await wait();
    if (signal.aborted) return kills;
    followers[kills % followers.length]?.kill();
    await wait();
    if (signal.aborted) return kills;
    servers[kills % servers.length]?.kill();
  }
}

async function restartDatabase({ database, restarts, durationMs }: RunOptions): Promise<void> {
  const beganAtMs = performance.now();
  for (const [nth, how] of restarts.entries()) {
    const atMs = beganAtMs + ((nth + 1) * durationMs) / (restarts.length + 1);
    await delay(Math.max(0, atMs - performance.now()));
    await database.restart(how);
  }
}

async function verifyAll(url: string): Promise<Verification> {
  await using app = await openApp({ database: url, passwordAttemptsMax: 5, logLevel: 'silent' });
  return await verify(app.store);
}

async function readLog(url: string): Promise<readonly LoggedEvent[]> {
  const rows = await runSql(
    url,
    'SELECT position::int, user_id, sequence::int, type, request_id FROM log ORDER BY position',
  );
  return rows.map((row) => ({
    position: row.position as number,
    userId: String(row.user_id),
    sequence: row.sequence as number,
    type: String(row.type),
    requestId: String(row.request_id ?? ''),
  }));
}
