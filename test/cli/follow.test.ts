import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type ChildServer, standBy } from '../support/child-server.ts';
import { freePort } from '../support/listen.ts';
import { spawnCli, startCli } from './run-cli.ts';

let resources: AsyncDisposableStack;
let folder: string;
let port: string;

beforeEach(async () => {
  resources = new AsyncDisposableStack();
  folder = await mkdtemp(join(tmpdir(), 'latchkey-cli-follow-'));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  port = String(await freePort());
});
afterEach(() => resources.disposeAsync());

/** Always on the same port and the same data. */
const serve = (): Promise<ChildServer> =>
  resources.use(standBy(['--data', folder, '--port', port, '--drain-timeout-ms', '2000'])).start();

const remote = async (...words: string[]) => {
  const token = (await readFile(join(folder, 'admin-token'), 'utf8')).trim();
  return { argv: [...words, '--url', `http://127.0.0.1:${port}`], env: { LATCHKEY_TOKEN: token } };
};

async function createUser(name: string): Promise<void> {
  const { argv, env } = await remote('user', 'create', '--machine', '--name', name);
  expect(await spawnCli(argv, { env })).toMatchObject({ code: 0 });
}

async function follow(...words: string[]) {
  const { argv, env } = await remote('events', '--follow', '--json', ...words);
  const child = startCli(argv, { env });
  resources.defer(() => void child.kill('SIGKILL'));
  if (child.stdout === null || child.stderr === null) throw new Error('no output');
  const positions: number[] = [];
  const waiting: (() => void)[] = [];
  createInterface(child.stdout).on('line', (line) => {
    positions.push((JSON.parse(line) as { position: number }).position);
    for (const wake of waiting.splice(0)) wake();
  });
  const complaints = text(child.stderr);
  return {
    child,
    positions,
    async seen(count: number) {
      while (positions.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    ended: once(child, 'close').then(async ([code]) => ({ code: code as number, stderr: await complaints })),
  };
}

test('outlives a restart of its server, and shows each event once', async () => {
  const first = await serve();
  const follower = await follow();
  await follower.seen(1);
  const before = follower.positions.length;
  first.kill('SIGTERM');
  expect(await first.exited).toBe('exit 0');
  const second = await serve();
  await createUser('robot');
  await follower.seen(before + 1);
  // From one moment to the next, too.
  second.kill('SIGKILL');
  await second.exited;
  await serve();
  await createUser('robot-2');
  await follower.seen(before + 2);
  expect(follower.positions).toEqual(follower.positions.map((_, nth) => nth + 1));
  follower.child.kill('SIGINT');
  expect(await follower.ended).toEqual({ code: 0, stderr: '' });
}, 60_000);

test('fails with its exit code where the server stays away', async () => {
  const server = await serve();
  const follower = await follow('--retry-seconds', '0');
  await follower.seen(1);
  server.kill('SIGTERM');
  const { code, stderr } = await follower.ended;
  expect(code).toBe(6);
  expect(stderr).toContain('shutting down');
  expect(await server.exited).toBe('exit 0');
}, 60_000);

test('does not wait for a server that was never there', async () => {
  const { code, stderr } = await spawnCli(['events', '--follow', '--url', `http://127.0.0.1:${port}`], {
    env: { LATCHKEY_TOKEN: 'a.b' },
  });
  expect(code).toBe(6);
  expect(stderr).toContain('Cannot reach');
}, 60_000);
