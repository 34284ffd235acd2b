import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/listen.ts';

export type PoolMode = 'session' | 'transaction';

/** A PgBouncer of one's own before a PostgreSQL. */
export interface Bouncer extends AsyncDisposable {
  /** The same database through it. */
  readonly url: string;
}

/** PgBouncer refuses to run as root; "nobody" is on every Linux. */
const nobody = 65_534;
const startTimeoutMs = 30_000;

/** Starts on a free port of 127.0.0.1, with nothing set that Debian's package does not set but what names the place. */
export async function startBouncer(server: string, mode: PoolMode): Promise<Bouncer> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-pgbouncer-'));
  const port = await freePort();
  const behind = new URL(server);
  const users = join(folder, 'users.txt');
  const config = join(folder, 'pgbouncer.ini');
  await writeFile(users, `"${behind.username}" "${decodeURIComponent(behind.password)}"\n`);
  await writeFile(
    config,
    [
      '[databases]',
      `* = host=127.0.0.1 port=${behind.port}`,
      '[pgbouncer]',
      `listen_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =`,
      `auth_type = scram-sha-256\nauth_file = ${users}`,
      `pool_mode = ${mode}\nmax_client_conn = 500\ndefault_pool_size = 60\nserver_idle_timeout = 3`,
      '',
    ].join('\n'),
  );
  const isRoot = process.getuid?.() === 0;
  if (isRoot) for (const path of [folder, users, config]) await chown(path, nobody, nobody);
  const child = spawn('pgbouncer', ['-q', config], {
    stdio: ['ignore', 'ignore', 'inherit'],
    ...(isRoot && { uid: nobody, gid: nobody }),
  });
  await listening(port, child);
  const url = new URL(server);
  url.port = `${port}`;
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  const deadlineMs = performance.now() + startTimeoutMs;
  while (!(await takes(port))) {
    if (child.exitCode !== null || performance.now() > deadlineMs)
      throw new Error('PgBouncer does not start');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function takes(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
