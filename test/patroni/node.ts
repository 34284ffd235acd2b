import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../support/listen.ts';

/** What every node of a cluster has in common. */
export interface NodeOptions {
  readonly folder: string;
  readonly etcdPort: number;
  readonly password: string;
  /** Neither Patroni nor PostgreSQL runs as root. */
  readonly owner: { readonly uid?: number; readonly gid?: number };
}

/** One Patroni with its PostgreSQL, which is dead from one moment to the next where a test says so. */
export interface Node extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly restPort: number;
  readonly logPath: string;
  start(): void;
  /** PostgreSQL alone is gone, and Patroni sees it. */
  killDatabase(): Promise<void>;
  /** The whole machine is gone, as far as others can tell. */
  die(): Promise<void>;
}

/** Whom PostgreSQL knows by this name the cluster makes. */
export const superuser = 'latchkey';

/** Makes its settings; the caller starts it. */
export async function makeNode(name: string, options: NodeOptions): Promise<Node> {
  const { folder, owner } = options;
  const dataFolder = join(folder, name);
  const [port, restPort] = [await freePort(), await freePort()];
  const configPath = join(folder, `${name}.json`);
  const logPath = join(folder, `${name}.log`);
  await mkdir(join(folder, `${name}-sockets`));
  await writeFile(configPath, JSON.stringify(await configOf({ name, port, restPort, dataFolder }, options)));
  let patroni: ChildProcess | undefined;
  const killDatabase = async () => {
    const pid = Number((await readFile(join(dataFolder, 'postmaster.pid'), 'utf8')).split('\n')[0]);
    // An immediate shutdown: no client is told, and recovery is left to the next start.
    process.kill(pid, 'SIGQUIT');
  };
  const die = async () => {
    const ended = patroni && patroni.exitCode === null ? once(patroni, 'exit') : undefined;
    patroni?.kill('SIGKILL');
    await ended;
    patroni = undefined;
    await killDatabase().catch(() => undefined);
  };
  return {
    ...{ name, port, restPort, logPath, killDatabase, die },
    start() {
      const child = spawn('patroni', [configPath], {
        ...owner,
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const log = createWriteStream(logPath, { flags: 'a' });
      child.stdout.pipe(log, { end: false });
      child.stderr.pipe(log, { end: false });
      child.once('error', (error) => log.write(String(error)));
      patroni = child;
    },
    [Symbol.asyncDispose]: die,
  };
}

interface Place {
  readonly name: string;
  readonly port: number;
  readonly restPort: number;
  readonly dataFolder: string;
}

// JSON is YAML. The times are a tenth of Patroni's own, in their proportion: loop_wait + 2 × retry_timeout ≤ ttl.
async function configOf(
  { name, port, restPort, dataFolder }: Place,
  { folder, etcdPort, password }: NodeOptions,
) {
  const [own, rest] = [`127.0.0.1:${port}`, `127.0.0.1:${restPort}`];
  const account = { username: superuser, password };
  return {
    scope: 'latchkey',
    name,
    restapi: { listen: rest, connect_address: rest },
    etcd3: { host: `127.0.0.1:${etcdPort}` },
    bootstrap: {
      dcs: {
        ttl: 5,
        loop_wait: 1,
        retry_timeout: 2,
        maximum_lag_on_failover: 1_048_576,
        // An answered commit is on two nodes, and nobody else becomes the leader.
        synchronous_mode: true,
        // A database that died is not waited for.
        primary_start_timeout: 0,
        postgresql: {
          use_pg_rewind: true,
          use_slots: true,
          parameters: { max_connections: 80, shared_buffers: '32MB', wal_log_hints: 'on' },
        },
      },
      initdb: [{ encoding: 'UTF8' }, { locale: 'C.UTF-8' }, { 'auth-host': 'scram-sha-256' }, 'no-sync'],
    },
    postgresql: {
      listen: own,
      connect_address: own,
      data_dir: dataFolder,
      bin_dir: await binaries(),
      pgpass: join(folder, `${name}.pgpass`),
      authentication: { superuser: account, replication: account, rewind: account },
      parameters: {
        unix_socket_directories: join(folder, `${name}-sockets`),
        password_encryption: 'scram-sha-256',
      },
      pg_hba: [
        'local all all trust',
        'host all all 127.0.0.1/32 scram-sha-256',
        'host replication all 127.0.0.1/32 scram-sha-256',
      ],
    },
    watchdog: { mode: 'off' },
  };
}

/** Debian's, newest first: what comes from npm has neither pg_basebackup nor pg_rewind. */
async function binaries(): Promise<string> {
  const home = '/usr/lib/postgresql';
  const versions = await readdir(home).catch(() => []);
  const newest = versions.toSorted((one, other) => Number(other) - Number(one))[0];
  if (newest === undefined) throw new Error(`no PostgreSQL in ${home}`);
  return join(home, newest, 'bin');
}
