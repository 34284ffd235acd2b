import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openStore } from '../../src/store/open.ts';
import { openFolder, runHere, spawnCli } from '../cli/run-cli.ts';
import { standBy } from '../support/child-server.ts';
import { human, seedEvents, seedOrganization, seedUser } from '../support/seed-users.ts';

const cleanup = new AsyncDisposableStack();
let folder: string;
/** A database with three people, each with some events; nobody has it open. */
let whole: string;
let made = 0;
beforeAll(async () => {
  folder = cleanup.use(await openFolder()).path;
  whole = join(folder, 'whole.db');
  await using store = await openStore({ database: whole });
  await seedOrganization(store, 'here');
  for (const userId of ['ada', 'bram', 'chiara']) {
    await seedUser(store, { userId, organizationId: 'here', profile: human({ userName: userId }) });
    for (const type of ['user.locked', 'user.unlocked', 'user.locked'] as const)
      await seedEvents(store, userId, [{ type, payload: {} } as never]);
  }
});
afterAll(() => cleanup.disposeAsync());

async function copy(): Promise<string> {
  made += 1;
  const path = join(folder, `copy-${made}.db`);
  await copyFile(whole, path);
  return path;
}

function change(path: string, ...statements: readonly string[]): void {
  using db = new DatabaseSync(path);
  for (const sql of statements) db.exec(sql);
}

const unlink = 'UPDATE events SET previous_position = 0';
const repair = (path: string) => runHere(['verify', '--repair', '--db', path]);

describe('--repair does not make good what somebody has changed', () => {
  test.each([
    ['an event is gone', "DELETE FROM events WHERE user_id = 'ada' AND sequence = 2"],
    ['the newest event is gone', "DELETE FROM events WHERE user_id = 'ada' AND sequence = 4"],
    [
      'an event is another',
      "UPDATE events SET type = 'user.unlocked' WHERE user_id = 'ada' AND sequence = 4",
    ],
    [
      'an event was given to somebody else',
      "UPDATE events SET user_id = 'bram' WHERE user_id = 'ada' AND sequence = 4",
    ],
    ['a row is another', "UPDATE users SET state = 'active' WHERE user_id = 'ada'"],
    [
      'two events have changed places',
      "UPDATE events SET sequence = 5 - sequence WHERE user_id = 'ada' AND sequence IN (2, 3)",
    ],
  ])('%s: still a problem, exit 5', async (_what, sql) => {
    const path = await copy();
    change(path, sql, unlink);
    const ended = await repair(path);
    expect(ended).toMatchObject({ code: 5, stdout: expect.stringMatching(/^user (ada|bram): /m) });
    expect(await runHere(['verify', '--db', path])).toMatchObject({ code: 5 });
  });

  test('links that lead in a circle or to somebody else are mended', async () => {
    const path = await copy();
    change(
      path,
      'UPDATE events SET previous_position = 5 + (position % 7)',
      'UPDATE users SET newest_position = 1',
    );
    expect(await repair(path)).toMatchObject({ code: 0, stdout: expect.stringContaining(' 0 problems') });
  });
});

describe('--repair refuses what it must not touch, and leaves it as it is', () => {
  test.each([
    ['a newer schema', (path: string) => change(path, "INSERT INTO migrations VALUES (9999, 'later', 0)")],
    [
      "another program's database",
      (path: string) => change(path, 'DROP TABLE migrations', 'CREATE TABLE own (a)'),
    ],
    [
      'no database',
      (path: string) => writeFile(path, 'some text, long enough to be no empty file'.repeat(50)),
    ],
  ])('%s', async (_what, spoil) => {
    const path = await copy();
    await spoil(path);
    const before = await readFile(path);
    expect(await repair(path)).toMatchObject({ code: 6 });
    expect((await readFile(path)).equals(before)).toBe(true);
  });

  test('a folder, a file that is not there, PostgreSQL', async () => {
    const path = join(folder, 'a folder');
    await mkdir(path);
    for (const database of [path, join(folder, 'absent.db'), 'postgres://nobody@127.0.0.1:1/none'])
      expect((await repair(database)).code).toBeGreaterThan(1);
  });

  test.each(['DELETE', 'WAL'])('one that somebody else reads just then, in mode %s', async (mode) => {
    const path = await copy();
    change(path, unlink, `PRAGMA journal_mode = ${mode}`);
    const startedMs = performance.now();
    using reader = new DatabaseSync(path);
    reader.exec('BEGIN; SELECT count(*) FROM users');
    reader.prepare('SELECT count(*) FROM users').get();
    expect(await repair(path)).toMatchObject({ code: 6 });
    expect(performance.now() - startedMs).toBeLessThan(20_000);
    reader.exec('COMMIT');
    reader.close();
    expect(await repair(path)).toMatchObject({ code: 0 });
  }, 60_000);
});

test('two repairs at once, and a server that starts meanwhile: one after the other, and all is well', async () => {
  const path = await copy();
  change(path, unlink);
  const argv = ['verify', '--repair', '--db', path];
  const starting = cleanup.use(standBy(['--data', folder, '--db', path])).start();
  const [server, ...ended] = await Promise.all([starting, spawnCli(argv), spawnCli(argv)]);
  for (const { code } of ended) expect([0, 6]).toContain(code);
  server.kill('SIGTERM');
  await server.exited;
  expect(await repair(path)).toMatchObject({ code: 0 });
}, 60_000);

test('what a killed server has left beside the file is taken in first, through a symbolic link too', async () => {
  const path = await copy();
  change(path, unlink);
  const server = await cleanup.use(standBy(['--data', folder, '--db', path])).start();
  server.kill('SIGKILL');
  await server.exited;
  const link = join(folder, 'link.db');
  await symlink(path, link);
  expect(await repair(link)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/ [1-9]\d* links mended/),
  });
  expect(await runHere(['verify', '--db', path])).toMatchObject({ code: 0 });
}, 30_000);
