import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../faults/database.ts';
import { runSql } from '../support/execute.ts';
import { freePort } from '../support/listen.ts';
import { makeNode, type Node, superuser } from './node.ts';

/** How the leader goes: handed over, its database killed, its whole node killed. */
export type Failover = 'switchover' | 'database killed' | 'node killed';

/** Three PostgreSQL servers of which Patroni makes one the leader, and etcd that they agree by. */
export interface Cluster extends Database {
  /** Resolves when another leads and has a standby that its commits wait for; answers who led and who leads. */
  failOver(how: Failover): Promise<{ readonly from: string; readonly to: string }>;
  readonly logPaths: readonly string[];
}

interface Member {
  readonly name: string;
  readonly role: string;
  readonly state: string;
}

const nobody = 65_534;
const startTimeoutMs = 120_000;
const failoverTimeoutMs = 90_000;
/** So long a standby has to come back by itself. */
const comeBackMs = 15_000;
/** So long a copy may take. */
const copiedMs = 20_000;
const password = 'latchkey';

/** Starts on free ports of 127.0.0.1 with nothing in it; what it keeps is gone when disposed. */
export async function startCluster(): Promise<Cluster> {
  await using cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-patroni-'));
  cleanup.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const owner = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
  const etcd = cleanup.use(await startEtcd(folder, owner));
  const options = { folder, etcdPort: etcd.port, password, owner };
  const nodes: Node[] = [];
  for (const name of ['one', 'two', 'three']) nodes.push(cleanup.use(await makeNode(name, options)));
  if ('uid' in owner) await chownAll(folder, nodes);
  for (const node of nodes) node.start();
  await until(startTimeoutMs, async () => isWhole(await membersOf(nodes)));
  const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`).join(',');
  let made = 0;
  const urlOf = (where: string, database: string): string =>
    `postgres://${superuser}:${password}@${where}/${database}`;
  const leading = async (): Promise<Node> => leaderOf(nodes, await membersOf(nodes));
  const ofLeader = async (database: string): Promise<string> =>
    urlOf(`127.0.0.1:${(await leading()).port}`, database);
  const failOver: Cluster['failOver'] = async (how) => {
    // One fault at a time: while a standby is still being copied, the other may be none that can lead.
    await untilMembers(nodes, (members) => isWhole(members));
    const before = await leading();
    await end(before, how);
    // A machine that died is on its way up again, while the others have gone on.
    const isOver = (members: readonly Member[]): boolean =>
      isWhole(members, 2) && leaderOf(nodes, members).name !== before.name;
    const others = nodes.filter((node) => node !== before);
    await untilMembers(others, isOver);
    const after = await leading();
    if (how === 'node killed') before.start();
    return { from: before.name, to: after.name };
  };
  const whole = cleanup.move();
  return {
    async create() {
      made += 1;
      const name = `latchkey_${made}`;
      await runSql(await ofLeader('postgres'), `CREATE DATABASE ${name} ENCODING 'UTF8' TEMPLATE template0`);
      return `${urlOf(hosts, name)}?target_session_attrs=read-write`;
    },
    direct: (url) => ofLeader(new URL(url.replace(/@[^/]*/, '@host')).pathname.slice(1)),
    restart: async (how) => void (await failOver(how === 'stopped' ? 'switchover' : 'database killed')),
    failOver,
    logPaths: nodes.map(({ logPath }) => logPath),
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

/** Until it holds of what these nodes say; whoever does not come back by itself is copied anew. */
async function untilMembers(nodes: readonly Node[], holds: (members: readonly Member[]) => boolean) {
  const startedMs = performance.now();
  const renewedMs = new Map<string, number>();
  await until(failoverTimeoutMs, async () => {
    const members = await membersOf(nodes);
    if (holds(members)) return true;
    if (performance.now() - startedMs > comeBackMs) await renewStuck(nodes, members, renewedMs);
    return false;
  });
}

/**
 * A database that was killed while it caught up with one that was killed after it may wait for ever for what neither has:
 * an operator has it copied anew, and so does this; again, where that has come to nothing.
 */
async function renewStuck(
  nodes: readonly Node[],
  members: readonly Member[],
  renewedMs: Map<string, number>,
): Promise<void> {
  if (!members.some((member) => member.role === 'leader' && isUp(member))) return;
  for (const { name, restPort } of nodes) {
    const isLately = performance.now() - (renewedMs.get(name) ?? Number.NEGATIVE_INFINITY) < copiedMs;
    if (isLately || members.some((member) => member.name === name && isUp(member))) continue;
    renewedMs.set(name, performance.now());
    const body = JSON.stringify({ force: true });
    const signal = AbortSignal.timeout(5_000);
    const { status } = await fetch(`http://127.0.0.1:${restPort}/reinitialize`, {
      method: 'POST',
      body,
      signal,
    });
    process.stdout.write(`     ${name} did not come back by itself and is copied anew: ${status}\n`);
  }
}

async function end(leader: Node, how: Failover): Promise<void> {
  if (how === 'node killed') return leader.die();
  if (how === 'database killed') return leader.killDatabase();
  const asked = await fetch(`http://127.0.0.1:${leader.restPort}/switchover`, {
    method: 'POST',
    body: JSON.stringify({ leader: leader.name }),
    signal: AbortSignal.timeout(failoverTimeoutMs),
  });
  if (!asked.ok) throw new Error(`no switchover: ${asked.status} ${await asked.text()}`);
}

async function startEtcd(folder: string, owner: { readonly uid?: number }) {
  const [port, peerPort] = [await freePort(), await freePort()];
  const dataFolder = join(folder, 'etcd');
  await mkdir(dataFolder, { mode: 0o700 });
  if (owner.uid !== undefined) for (const path of [folder, dataFolder]) await chown(path, nobody, nobody);
  const [clients, peers] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
  const flags = [
    ...['--data-dir', dataFolder, '--name', 'one', '--log-level', 'error', '--unsafe-no-fsync'],
    ...['--heartbeat-interval', '100', '--election-timeout', '1000'],
    ...['--listen-client-urls', clients, '--advertise-client-urls', clients],
    ...[
      '--listen-peer-urls',
      peers,
      '--initial-advertise-peer-urls',
      peers,
      '--initial-cluster',
      `one=${peers}`,
    ],
  ];
  const child = spawn('etcd', flags, { ...owner, cwd: folder, stdio: 'ignore' });
  const exited = once(child, 'exit');
  await until(startTimeoutMs, async () => (await fetch(`${clients}/health`)).ok);
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function chownAll(folder: string, nodes: readonly Node[]): Promise<void> {
  for (const { name } of nodes) await chown(join(folder, `${name}-sockets`), nobody, nobody);
}

// As whoever of these answers first in their order sees it.
async function membersOf(nodes: readonly Node[]): Promise<readonly Member[]> {
  for (const { restPort } of nodes) {
    const options = { signal: AbortSignal.timeout(2_000) };
    const answer = await fetch(`http://127.0.0.1:${restPort}/cluster`, options).catch(() => undefined);
    if (answer?.ok) return ((await answer.json()) as { members: Member[] }).members;
  }
  return [];
}

const isUp = ({ state }: Member): boolean => state === 'running' || state === 'streaming';

/** So many are up, one of them leads, and one is who its commits wait for. */
function isWhole(members: readonly Member[], least = 3): boolean {
  const roles = members.filter(isUp).map(({ role }) => role);
  return roles.length >= least && roles.includes('leader') && roles.includes('sync_standby');
}

function leaderOf(nodes: readonly Node[], members: readonly Member[]): Node {
  const name = members.find(({ role }) => role === 'leader')?.name;
  const leader = nodes.find((node) => node.name === name);
  if (leader === undefined) throw new Error('nobody leads');
  return leader;
}

async function until(timeoutMs: number, isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > deadlineMs) throw new Error(`waited for ${timeoutMs / 1_000} s: ${isSo}`);
    await delay(100);
  }
}
