import { copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openApp } from '../../src/app/app.ts';
import { openFolder, runHere, type ServeProcess, startServe } from '../cli/run-cli.ts';

const cleanup = new AsyncDisposableStack();
let folder: string;
let server: ServeProcess;

beforeAll(async () => {
  folder = cleanup.use(await openFolder()).path;
  server = cleanup.use(await startServe(join(folder, 'data'), ['--demo']));
});
afterAll(() => cleanup.disposeAsync());

const locked = async (database: string): Promise<readonly string[]> => {
  await using app = await openApp({ database, passwordAttemptsMax: 0, logLevel: 'silent' });
  const { rows } = await app.store.listUsers({
    scope: 'all',
    filters: [{ kind: 'state', state: 'locked' }],
    sort: 'creation_date',
    page: { offset: 0, limit: 100, ascending: true },
  });
  return rows.map(({ user }) => user.userId);
};

/** Clients that never rest. */
interface Busy {
  /** Resolves when some more calls were answered. */
  more(): Promise<void>;
  stop(): Promise<void>;
}

/** Unlocks and locks the users in turn through the server, and leaves them locked; every call must succeed. */
function keepBusy(userIds: readonly string[]): Busy {
  let isDone = false;
  let answered = 0;
  const lanes = userIds.map(async (userId) => {
    for (let turn = 0; !isDone || turn % 2 === 1; turn += 1) {
      const action = turn % 2 === 0 ? 'unlock' : 'lock';
      const url = `${server.url}/v2/users/${userId}/${action}`;
      const answer = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${server.token}` },
      });
      expect(answer.status).toBe(200);
      await answer.arrayBuffer();
      answered += 1;
    }
  });
  const ended = Promise.all(lanes);
  return {
    async more() {
      const enough = answered + 2 * userIds.length;
      while (answered < enough) await Promise.race([ended, new Promise(setImmediate)]);
    },
    async stop() {
      isDone = true;
      await ended;
    },
  };
}

test('a backup taken from a busy server is whole, and no call waits or fails for it', async () => {
  const busy = keepBusy(await locked(server.database));
  let eventsBefore = 0;
  for (let round = 0; round < 5; round += 1) {
    await busy.more();
    const file = join(folder, `backup-${round}.db`);
    const made = await runHere(['backup', file, '--db', server.database, '--json']);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(made.stdout)).toEqual({
      database: server.database,
      file,
      bytes: (await stat(file)).size,
      seconds: expect.any(Number),
    });
    const found = JSON.parse((await runHere(['verify', '--db', file, '--json'])).stdout);
    expect(found).toMatchObject({ users: 6, problems: [] });
    expect(found.events).toBeGreaterThan(eventsBefore);
    eventsBefore = found.events;
  }
  await busy.stop();
});

test('it is one file, its owner’s alone', async () => {
  const file = join(folder, 'alone.db');
  await runHere(['backup', file, '--db', server.database]);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await expect(stat(`${file}-wal`)).rejects.toThrow('ENOENT');
  const copied = join(folder, 'copied.db');
  await copyFile(file, copied);
  expect(await runHere(['verify', '--db', copied])).toMatchObject({ code: 0 });
});

test('put in the place of the database, it is served, and the token is still good', async () => {
  const file = join(folder, 'restored.db');
  const userIds = await locked(server.database);
  expect(userIds).not.toEqual([]);
  await runHere(['backup', file, '--db', server.database]);
  await runHere(['user', 'unlock', userIds[0] ?? '', '--db', server.database]);
  const restored = join(folder, 'restored');
  {
    await using _first = await startServe(restored);
  }
  for (const suffix of ['', '-wal', '-shm']) await writeFile(join(restored, `latchkey.db${suffix}`), '');
  await copyFile(file, join(restored, 'latchkey.db'));
  await using second = await startServe(restored);
  expect(await locked(second.database)).toEqual(userIds);
  const unlock = ['user', 'unlock', userIds[0] ?? '', '--url', second.url, '--token', server.token];
  expect(await runHere(unlock)).toMatchObject({ code: 0 });
});

test('an existing file is not overwritten, and nothing is left where it fails', async () => {
  const file = join(folder, 'precious');
  await writeFile(file, 'precious');
  const refused = await runHere(['backup', file, '--db', server.database]);
  expect(refused).toMatchObject({ code: 5, stdout: '', stderr: expect.stringContaining('is there already') });
  expect(await readFile(file, 'utf8')).toBe('precious');

  const nowhere = join(folder, 'no-such-folder', 'backup.db');
  expect(await runHere(['backup', nowhere, '--db', server.database])).toMatchObject({ code: 6 });
  const missing = await runHere(['backup', join(folder, 'x.db'), '--db', join(folder, 'no-such.db')]);
  expect(missing).toMatchObject({ code: 6, stderr: expect.stringContaining('There is no database') });
  await expect(stat(join(folder, 'x.db'))).rejects.toThrow('ENOENT');

  const damaged = join(folder, 'damaged.db');
  await writeFile(damaged, 'this is no database '.repeat(1_000));
  const failed = await runHere(['backup', join(folder, 'y.db'), '--db', damaged]);
  expect(failed).toMatchObject({ code: 6, stderr: expect.stringContaining('not a database') });
  await expect(stat(join(folder, 'y.db'))).rejects.toThrow('ENOENT');
});

test('PostgreSQL has its own way, and is told so before anything is made', async () => {
  const file = join(folder, 'z.db');
  const refused = await runHere(['backup', file, '--db', 'postgres://nobody:hidden@127.0.0.1:1/none']);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('use pg_dump') });
  expect(refused.stderr).not.toContain('hidden');
  await expect(stat(file)).rejects.toThrow('ENOENT');
});
