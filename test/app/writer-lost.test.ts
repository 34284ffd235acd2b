import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { openApp } from '../../src/app/app.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { type ChildServer, standBy } from '../support/child-server.ts';
import { openDoor } from '../support/door.ts';
import { historyOf } from '../support/replay.ts';

const preload = new URL('../support/ending-threads.ts', import.meta.url).href;

/** It is replaced three times within a minute. */
const lossesMax = 4;

/** Locks and unlocks the user in turn, loses the writer while it does, until the server has ended; answers what was acknowledged. */
async function writeUntilTheEnd(server: ChildServer, token: string, userId: string): Promise<number> {
  await using door = openDoor(server.url, token);
  let acknowledged = 0;
  let hasEnded = false;
  let losses = 0;
  void server.exited.then(() => {
    hasEnded = true;
  });
  for (let turn = 0; !hasEnded; turn += 1) {
    const method = turn % 2 === 0 ? 'LockUser' : 'UnlockUser';
    const answer = await door.ask(method, { userId }).catch(() => undefined);
    if (!answer?.ok) {
      turn -= 1;
      await delay(5);
      continue;
    }
    acknowledged += 1;
    if (acknowledged < 20 || losses === lossesMax) continue;
    losses += 1;
    server.kill('SIGUSR2');
  }
  return acknowledged;
}

test('a server whose writer thread ends again and again exits with 1, for its supervisor; nothing acknowledged is lost', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-writer-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const database = join(folder, 'latchkey.db');
  const flags = ['--data', folder, '--db', database, '--demo', '--log-level', 'silent'];
  const server = await cleanup.use(standBy(flags, ['--import', preload])).start();
  const token = (await readFile(join(folder, 'admin-token'), 'utf8')).trim();
  await using door = openDoor(server.url, token);
  const { response } = await door.ask('ListUsers', { queries: [{ userNameQuery: { userName: 'esi' } }] });
  const [esi] = response.result as { userId: string }[];
  const userId = String(esi?.userId);
  const acknowledged = await writeUntilTheEnd(server, token, userId);
  expect(await server.exited).toBe('exit 1');
  expect(acknowledged).toBeGreaterThanOrEqual(20);

  const again = await cleanup.use(standBy(flags)).start();
  expect((await fetch(`${again.url}/readyz`)).status).toBe(200);
  again.kill('SIGTERM');
  expect(await again.exited).toBe('exit 0');
  await using app = await openApp({ database, passwordAttemptsMax: 5, logLevel: 'silent' });
  const events = await historyOf(app.store, userId as never);
  const changes = events.filter(({ type }) => type === 'user.locked' || type === 'user.unlocked');
  expect(changes.length).toBeGreaterThanOrEqual(acknowledged);
  expect(await verify(app.store)).toMatchObject({ problems: [] });
}, 60_000);
