import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openFolder, runHere, startCli } from '../cli/run-cli.ts';
import { type Moving, openMoving, sealed, succeed } from './moving.ts';

const cleanup = new AsyncDisposableStack();
let moving: Moving;
let folder: string;
let files = 0;

beforeAll(async () => {
  moving = cleanup.use(await openMoving());
  folder = cleanup.use(await openFolder()).path;
});
afterAll(() => cleanup.disposeAsync());

const contradicting = () =>
  moving.forge((rows) => rows.map((row) => row.replace('"state":"locked"', '"state":"active"')));

test.each<[string, () => string, RegExp]>([
  ['is no export', () => '{"hello":{}}\n', /not the first line of an export/],
  ['is empty', () => '', /the file is empty/],
  ['is cut off', () => moving.whole.slice(0, moving.whole.length / 2), /is cut off/],
  [
    'lacks rows',
    () => sealed([...moving.whole.split('\n').slice(0, -3)]),
    /line 1 says 1 row of kind metadata, the file has 0\n/,
  ],
  ['contradicts itself', contradicting, /contradict one another/],
])('a file that %s makes no database where there was none', async (_what, text, message) => {
  for (const place of [[], ['new', 'folders']]) {
    const database = join(folder, ...place, `${++files}.db`);
    const refused = await moving.importText(text(), database);
    expect(refused).toMatchObject({ code: 7, stderr: expect.stringMatching(message) });
    expect(readdirSync(folder)).toEqual([]);
  }
});

test('nor does a file that is not there', async () => {
  const argv = ['import', `${moving.exported}.not`, '--db', join(folder, 'new', 'latchkey.db')];
  expect(await runHere(argv)).toMatchObject({ code: 7, stderr: expect.stringMatching(/ENOENT/) });
  expect(readdirSync(folder)).toEqual([]);
});

test('a database that cannot be made is refused by its own name', async () => {
  const database = '/proc/nowhere/latchkey.db';
  const refused = await runHere(['import', moving.exported, '--db', database]);
  const message = expect.stringMatching(
    /^latchkey: cannot open the database \/proc\/nowhere\/latchkey\.db: /,
  );
  expect(refused).toMatchObject({ code: 6, stdout: '', stderr: message });
});

test('a whole one makes the database, for nobody else to read, and nothing beside it', async () => {
  const database = join(folder, 'kept', 'latchkey.db');
  expect(await moving.importText(moving.whole, database)).toMatchObject({
    code: 0,
    stderr: expect.any(String),
  });
  expect(readdirSync(dirname(database))).toEqual(['latchkey.db']);
  expect(statSync(database).mode & 0o777).toBe(0o600);
  expect(await moving.exportOf(database)).toBe(moving.whole);
});

test('what somebody makes of that name meanwhile stays as it is', async () => {
  const place = join(folder, 'raced');
  const database = join(place, 'latchkey.db');
  const child = startCli(['import', '-', '--db', database]);
  const ended = once(child, 'close');
  child.stdin?.write(moving.whole.slice(0, moving.whole.length / 2));
  // Only when it has begun is there anything to be in the way of.
  const begun = () => readdirSync(folder).includes('raced') && readdirSync(place).length > 0;
  while (!begun() && child.exitCode === null) await new Promise(setImmediate);
  await succeed('migrate', '--db', database);
  child.stdin?.end(moving.whole.slice(moving.whole.length / 2));
  expect(await ended).toEqual([5, null]);
  expect(readdirSync(place)).toEqual(['latchkey.db']);
  expect(await succeed('verify', '--db', database)).toMatchObject({ organizations: 0, events: 0 });
});
