import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { noDisks } from '../support/own-mounts.ts';
import { createPostgresDatabase } from '../support/postgres.ts';

// As at a boot: names come to be known some seconds after the service has started.
const name = 'database.late.test';
const script = fileURLToPath(new URL('../../src/latchkey.js', import.meta.url));
const cleanup = new AsyncDisposableStack();
let folder: string;
let database: string;
beforeAll(async () => {
  const made = await mkdtemp(join(tmpdir(), 'latchkey-late-'));
  cleanup.defer(() => rm(made, { recursive: true, force: true }));
  folder = made;
  const url = new URL(await createPostgresDatabase());
  url.hostname = name;
  database = url.href;
});
afterAll(() => cleanup.disposeAsync());

interface Booting {
  readonly child: ChildProcess;
  /** Makes the name known. */
  readonly know: () => Promise<void>;
  readonly stderr: Promise<string>;
}

/** A server whose names are in a file of its own, and whose name server nobody has started yet. */
async function boot(place: string): Promise<Booting> {
  const [hosts, resolver] = ['hosts', 'resolv.conf'].map((file) => join(folder, `${place}-${file}`)) as [
    string,
    string,
  ];
  await writeFile(hosts, '127.0.0.1 localhost\n');
  await writeFile(resolver, 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n');
  const mounts = 'mount --bind "$0" /etc/hosts && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"';
  const flags = ['--host', '127.0.0.1', '--port', '0', '--data', join(folder, place), '--db', database];
  const command = [process.execPath, '--no-warnings', script, 'serve', ...flags, '--log-level', 'error'];
  const child = spawn('unshare', ['-m', 'sh', '-c', mounts, hosts, resolver, ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  cleanup.defer(() => void child.kill('SIGKILL'));
  const stderr = child.stderr === null ? Promise.resolve('') : text(child.stderr);
  return { child, stderr, know: () => appendFile(hosts, `127.0.0.1 ${name}\n`) };
}

const isPossible = noDisks === undefined && process.getuid?.() === 0;
if (!isPossible)
  process.stdout.write(`skipped: only root can give a process names of its own (${noDisks ?? ''})\n`);
const testAsRoot = isPossible ? test : test.skip;

testAsRoot(
  'a database whose name is not known yet is waited for, as one that starts',
  async () => {
    const { child, know, stderr } = await boot('late');
    if (child.stdout === null) throw new Error('no output');
    const serving = once(child.stdout, 'data').then(([chunk]) => String(chunk));
    const first = await Promise.race([
      serving,
      once(child, 'exit'),
      delay(2_500, 'still waiting', { ref: false }),
    ]);
    expect(first).toBe('still waiting');
    await know();
    const ended = once(child, 'exit').then(async () => `it ended: ${await stderr}`);
    expect(await Promise.race([serving, ended])).toMatch(/^Latchkey serves every protocol at /);
    child.kill('SIGTERM');
    await once(child, 'exit');
    expect(child.exitCode).toBe(0);
  },
  60_000,
);

testAsRoot(
  'one whose name nobody comes to know ends the server with 6, and says which',
  async () => {
    const { child, stderr } = await boot('never');
    await once(child, 'exit');
    expect(child.exitCode).toBe(6);
    const said = await stderr;
    expect(said.trimEnd().split('\n')).toHaveLength(1);
    expect(said).toContain(name);
  },
  60_000,
);
