import { closeSync, copyFileSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { copyFile, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openFolder, parseLines, runHere, spawnCli, startServe } from '../cli/run-cli.ts';
import { dialects } from '../support/dialects/all.ts';
import { askBare } from '../support/dialects/bare.ts';
import { probesOf } from '../support/door.ts';
import { noDisks, runOnDisk, serveOnDisk } from '../support/own-mounts.ts';
import { openWire, type Wire } from '../support/wire.ts';

const cleanup = new AsyncDisposableStack();
let folder: string;
let sound: string;
let disk: string;

beforeAll(async () => {
  folder = cleanup.use(await openFolder()).path;
  await using first = await startServe(join(folder, 'data'), ['--demo']);
  sound = join(folder, 'sound.db');
  disk = join(folder, 'disk');
  await mkdir(disk);
  expect(await runHere(['backup', sound, '--db', first.database])).toMatchObject({ code: 0 });
});
afterAll(() => cleanup.disposeAsync());

const grpc = dialects.find(({ name }) => name === 'gRPC proto, bare');

interface Caller {
  readonly wire: Wire;
  readonly token: string;
  readonly userId: string;
}

/** Locks or unlocks by gRPC; answers the code's name. */
async function change({ wire, token, userId }: Caller, method: 'LockUser' | 'UnlockUser'): Promise<string> {
  if (grpc === undefined) throw new Error('no such dialect');
  const answer = await askBare(wire, grpc, { method, message: { userId }, token });
  return answer.ok ? 'OK' : answer.code;
}

const [ready, notReady] = [
  [200, 'SERVING'],
  [503, 'NOT_SERVING'],
];

async function lockedUsers(...where: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await runHere(['user', 'list', '--state', 'locked', '--json', ...where]);
  return parseLines(stdout).map(({ userId }) => String(userId));
}

async function changesOf(userId: string, database: string): Promise<readonly string[]> {
  const { stdout } = await runHere(['events', '--user', userId, '--all', '--json', '--db', database]);
  return parseLines(stdout).map(({ type }) => String(type));
}

const onDisk = noDisks === undefined ? test : test.skip;
const why = noDisks === undefined ? '' : ` (skipped: ${noDisks})`;

onDisk(
  `full: writes are UNAVAILABLE, reads go on, probes tell, nothing acknowledged is lost; space cures it${why}`,
  async () => {
    await using server = await serveOnDisk(8 * 1024 * 1024, disk);
    const { url } = server;
    await using wire = openWire(url);
    const token = readFileSync(join(server.disk, 'admin-token'), 'utf8').trim();
    const [userId = ''] = await lockedUsers('--url', url, '--token', token);
    const caller = { wire, token, userId };
    let acknowledged = 0;
    const turn = async () => {
      const code = await change(caller, acknowledged % 2 === 0 ? 'UnlockUser' : 'LockUser');
      if (code === 'OK') acknowledged += 1;
      return code;
    };
    for (let round = 0; round < 3; round += 1) {
      expect(await probesOf(url)).toEqual(ready);
      expect(await turn()).toBe('OK');
      const ballast = join(server.disk, 'ballast');
      fill(ballast);
      expect(await probesOf(url)).toEqual(notReady);
      const codes = new Set<string>();
      for (let calls = 0; calls < 2_000 && !codes.has('Unavailable'); calls += 1) codes.add(await turn());
      expect([...codes].filter((code) => code !== 'OK')).toEqual(['Unavailable']);
      for (let calls = 0; calls < 100; calls += 1) expect(await turn()).toBe('Unavailable');
      expect(await probesOf(url)).toEqual(notReady);
      const read = await fetch(`${url}/v2/users/${userId}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      expect(read.status).toBe(200);
      rmSync(ballast);
      expect(await probesOf(url)).toEqual(ready);
      expect(await turn()).toBe('OK');
      const database = copyDatabase(server.disk, join(folder, `full-${round}.db`));
      expect((await changesOf(userId, database)).length).toBe(2 + acknowledged);
      expect(await runHere(['verify', '--db', database])).toMatchObject({ code: 0 });
    }
    const { code, stderr } = await server.stop();
    expect(code).toBe(0);
    expect(stderr).not.toContain(token);
    // Told whole once, and then once a minute how often it came again: no stack for each of hundreds of calls.
    const errors = parseLines(stderr).filter(({ level }) => level === 'error');
    const whole = errors.filter(({ err }) => err !== undefined);
    const again = errors.reduce((sum, { times = 0 }) => sum + Number(times), 0);
    expect(whole).toMatchObject([{ err: { cause: { message: 'database or disk is full' } } }]);
    expect(whole.length + again).toBe(3 * 101);
    expect(errors.length).toBeLessThanOrEqual(4);
  },
);

onDisk(`too small for the first start: one line, exit code 6${why}`, async () => {
  const argv = ['serve', '--data', disk, '--port', '0', '--log-level', 'warn'];
  const ended = await runOnDisk({ bytes: 64 * 1024, folder: disk, argv });
  expect(ended).toMatchObject({ code: 6, stdout: '' });
  expect(ended.stderr).toMatch(/^latchkey: cannot open the database .*latchkey\.db: .*\n$/);
});

onDisk.each([
  ['file', 'mount --bind a.db a.db && mount -o remount,bind,ro a.db'],
  ['folder', 'cd / && mount -o remount,ro "$0"'],
])(
  `a read-only %s: verify reads it, what writes says so in one line, exit code 6${why}`,
  async (_what, lock) => {
    const furnish = `cat < "$SOURCE" > a.db && ${lock}`;
    const source = sound;
    const verified = await runOnDisk({
      bytes: 1 << 20,
      folder: disk,
      furnish,
      source,
      argv: ['verify', '--db', join(disk, 'a.db')],
    });
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining(' 0 problems') });
    for (const argv of [['serve', '--port', '0'], ['migrate'], ['import', '-']]) {
      const database = ['--db', join(disk, 'a.db')];
      const ended = await runOnDisk({
        bytes: 1 << 20,
        folder: disk,
        furnish,
        source,
        argv: [...argv, ...database],
      });
      expect(ended).toMatchObject({ code: 6, stdout: '' });
      expect(ended.stderr).toMatch(
        /^latchkey: cannot open the database .*a\.db: .*(readonly|unable to open).* needs to read and write the file and its folder.*\n$/,
      );
    }
  },
);

/** Writes until no byte more fits. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  const block = Buffer.alloc(4_096);
  try {
    while (writeSync(file, block) > 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}

/** From a disk that SQLite cannot reach by name from here; nobody may be writing. */
function copyDatabase(from: string, to: string): string {
  copyFileSync(join(from, 'latchkey.db'), to);
  copyFileSync(join(from, 'latchkey.db-wal'), `${to}-wal`);
  return to;
}

/** Overwrites a part of the file with what cannot be right. */
function spoil(path: string, from: number, bytes: number): void {
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(bytes, 0xa5), 0, bytes, from);
  closeSync(file);
}

const pageBytes = 2_048;

describe('a database that is not as it should be is refused in one line, and left as it was', () => {
  test.each<[string, (path: string) => void, RegExp]>([
    [
      'spoilt at its head',
      (path) => spoil(path, 0, 100),
      /damaged or not a Latchkey database: restore a backup/,
    ],
    [
      'spoilt in its schema',
      (path) => spoil(path, 100, pageBytes - 100),
      /damaged or not a Latchkey database/,
    ],
    [
      'newer than this code',
      (path) =>
        execute(path, "PRAGMA journal_mode = WAL; INSERT INTO migrations VALUES (999, '0999-later.sql', 1)"),
      /schema version 999, this Latchkey knows \d+: it was written by a newer Latchkey; upgrade this one/,
    ],
  ])('%s', async (_what, harm, message) => {
    const path = join(folder, 'harmed.db');
    await copyFile(sound, path);
    harm(path);
    const before = readFileSync(path);
    for (const argv of [
      ['serve', '--port', '0'],
      ['migrate'],
      ['verify'],
      ['export'],
      ['user', 'list'],
      ['import', '-'],
    ]) {
      const ended = await spawnCli([...argv, '--db', path], { cwd: folder });
      expect(ended).toMatchObject({ code: 6, stdout: '', stderr: expect.stringMatching(message) });
      expect(ended.stderr.split('\n').length).toBe(2);
    }
    expect(readFileSync(path).equals(before)).toBe(true);
    for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
  });

  test('spoilt in the middle: what lies there is UNAVAILABLE, and from then on probes tell; so does verify', async () => {
    const data = join(folder, 'spoilt');
    let userIds: readonly string[];
    {
      await using first = await startServe(data, ['--demo']);
      userIds = await lockedUsers('--db', first.database);
    }
    const database = join(data, 'latchkey.db');
    spoil(database, rootPage(database, 'users') * pageBytes - pageBytes, pageBytes);
    await using server = await startServe(data);
    await using wire = openWire(server.url);
    const token = readFileSync(join(data, 'admin-token'), 'utf8').trim();
    expect(await probesOf(server.url)).toEqual(ready);
    expect(await change({ wire, token, userId: userIds[0] ?? '' }, 'UnlockUser')).toBe('Unavailable');
    expect(await probesOf(server.url)).toEqual(notReady);
    const verified = await runHere(['verify', '--db', database]);
    expect(verified.code).toBe(6);
  });
});

function execute(path: string, sql: string): void {
  using db = new DatabaseSync(path);
  db.exec(sql);
}

function rootPage(path: string, table: string): number {
  using db = new DatabaseSync(path, { readOnly: true });
  return Number(db.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').get(table)?.rootpage);
}

test('two servers on one file: both serve, of 64 unlocks one wins, neither loses a change', async () => {
  const data = join(folder, 'shared');
  await using one = await startServe(data, ['--demo']);
  await using other = await startServe(data);
  const [userId = ''] = await lockedUsers('--db', one.database);
  await using wires = new AsyncDisposableStack();
  const callers = [one, other].map(({ url }) => ({
    wire: wires.use(openWire(url)),
    token: one.token,
    userId,
  }));
  for (let round = 0; round < 20; round += 1) {
    const codes = await Promise.all(
      Array.from({ length: 32 }, () => callers.map((caller) => change(caller, 'UnlockUser'))).flat(),
    );
    expect(codes.filter((code) => code === 'OK').length).toBe(1);
    expect(codes.filter((code) => code === 'FailedPrecondition').length).toBe(63);
    const [first, second] = callers;
    if (first === undefined || second === undefined) throw new Error('no callers');
    expect(await change(round % 2 === 0 ? first : second, 'LockUser')).toBe('OK');
    expect(await change(round % 2 === 0 ? second : first, 'LockUser')).toBe('FailedPrecondition');
  }
  const changes = await changesOf(userId, one.database);
  expect(changes.filter((type) => type === 'user.unlocked').length).toBe(20);
  expect(await runHere(['verify', '--db', one.database])).toMatchObject({ code: 0 });
  expect((await stat(one.database)).mode & 0o777).toBe(0o600);
});
