import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { openStore } from '../../src/store/open.ts';
import type { StoreReport } from '../../src/store/store.ts';
import { runHere } from '../cli/run-cli.ts';
import { dialects, openClients } from '../support/dialects/all.ts';
import { probesOf } from '../support/door.ts';
import { type LoggedServer, serveLogged } from '../support/logged-server.ts';
import { human, seedEvents, seedOrganization, seedUser } from '../support/seed-users.ts';
import { temporaryDatabase } from '../support/temporary.ts';

const locked = { type: 'user.locked', payload: {} } as const;
const unlocked = { type: 'user.unlocked', payload: {} } as const;

async function lockedUser({ door }: LoggedServer): Promise<string> {
  const { response } = await door.ask('ListUsers', {
    queries: [{ stateQuery: { state: 'USER_STATE_LOCKED' } }],
  });
  return (response.result as { userId: string }[])[0]?.userId ?? '';
}

interface Harm {
  readonly what: string;
  readonly harm: (database: string) => void;
  /** Puts everything back as it was, where that can be done. */
  readonly mend?: (database: string) => void;
  readonly said: RegExp;
}

const aside = (path: string) => `${path}.aside`;
const away = (path: string) => renameSync(path, aside(path));
const back = (path: string) => renameSync(aside(path), path);

const cutFile = (database: string) => truncateSync(database, 4_096);

const harms: readonly Harm[] = [
  { what: 'the file is removed', harm: (database) => rmSync(database), said: /was moved or removed/ },
  { what: 'the file is moved', harm: away, mend: back, said: /was moved or removed/ },
  {
    what: 'the folder is moved',
    harm: (database) => renameSync(dirname(database), aside(dirname(database))),
    mend: (database) => renameSync(aside(dirname(database)), dirname(database)),
    said: /was moved or removed/,
  },
  {
    what: 'a copy is put into its place',
    harm(database) {
      copyFileSync(database, aside(database));
      renameSync(aside(database), database);
    },
    said: /is another file than the one that was opened/,
  },
  {
    what: 'the file is cut',
    harm: cutFile,
    said: /latchkey\.db was cut short/,
  },
  {
    what: 'the log is emptied',
    harm: (database) => truncateSync(`${database}-wal`, 0),
    said: /-wal was cut short/,
  },
  {
    what: 'the log is cut',
    harm: (database) => truncateSync(`${database}-wal`, 8_192),
    said: /-wal was cut short/,
  },
  { what: 'the log is removed', harm: (database) => rmSync(`${database}-wal`), said: /-wal was cut short/ },
  {
    what: 'the log is moved',
    harm: (database) => away(`${database}-wal`),
    mend: (database) => back(`${database}-wal`),
    said: /-wal was cut short, moved/,
  },
];

test.each(
  harms,
)('$what: not one unlock is answered OK, nor any read after a second; probes and log tell', async ({
  harm,
  mend,
  said,
}) => {
  await using server = await serveLogged('pipe', ['--demo']);
  const { url, door, database } = server;
  const userId = await lockedUser(server);
  const token = readFileSync(join(dirname(database), 'admin-token'), 'utf8').trim();
  await using clients = openClients(url);
  expect(await probesOf(url)).toEqual([200, 'SERVING']);
  expect((await door.ask('UnlockUser', { userId })).ok).toBe(true);
  expect((await door.ask('LockUser', { userId })).ok).toBe(true);
  // So that the file is longer than what it is cut to, and was seen to be.
  if (harm === cutFile) moveLog(database);
  expect(await probesOf(url)).toEqual([200, 'SERVING']);
  harm(database);
  const unlock = { method: 'UnlockUser', message: { userId }, token } as const;
  const answers = await Promise.all(dialects.map((dialect) => clients.ask(dialect, unlock)));
  const codes = new Set(answers.map(({ ok, code }) => (ok ? 'OK' : code)));
  // A commit that the harm came in between of is in the file that is gone: who asks next may be told so.
  codes.delete('FailedPrecondition');
  expect(codes).toEqual(new Set(['Unavailable']));
  expect(await probesOf(url)).toEqual([503, 'NOT_SERVING']);
  expect(await door.ask('GetUserByID', { userId })).toMatchObject({ ok: false, code: 'Unavailable' });
  if (mend !== undefined) {
    mend(database);
    expect(await probesOf(url)).toEqual([200, 'SERVING']);
    await door.ask('UnlockUser', { userId });
    expect((await door.ask('LockUser', { userId })).ok).toBe(true);
    expect(await door.user(userId)).toMatchObject({ state: 'USER_STATE_LOCKED' });
    expect(await runHere(['verify', '--db', database])).toMatchObject({ code: 0 });
  }
  const { code, errors } = await server.stop();
  expect(code).toBe(0);
  const lines = errors.split('\n').filter((line) => line.includes('"level":"error"') && said.test(line));
  // What calls fail with is told as well, with its stack the first time and counted later.
  expect(lines.filter((line) => !/"err"|"failure"/.test(line))).toHaveLength(1);
  if (mend === undefined) rmSync(aside(dirname(database)), { recursive: true, force: true });
});

test('a list that is asked for while the file is moved makes no other, and leaves the log alone', async () => {
  const path = temporaryDatabase();
  await using store = await openStore({ database: path });
  await seedOrganization(store, 'here');
  await seedUser(store, { userId: 'ada', organizationId: 'here', profile: human({ userName: 'ada' }) });
  const before = statSync(`${path}-wal`);
  away(path);
  // In a thread that opens the file.
  await expect(store.countLocked()).rejects.toMatchObject({ error: 'storeUnavailable' });
  expect(existsSync(path)).toBe(false);
  const { ino, size } = statSync(`${path}-wal`);
  expect([ino, size]).toEqual([before.ino, before.size]);
  back(path);
  expect(await store.isReady()).toBe(true);
  await seedEvents(store, 'ada', [locked]);
  expect(Object.values(await store.countLocked()).length).toBeGreaterThan(0);
  expect(await runHere(['verify', '--db', path])).toMatchObject({ code: 0 });
});

/** Moves the log into the file, so that the file has as many pages as the log says. */
function moveLog(database: string): void {
  using db = new DatabaseSync(database);
  db.exec('PRAGMA wal_checkpoint(PASSIVE)');
}

test('another process empties the log, as SQLite itself may: nothing is wrong', async () => {
  const path = temporaryDatabase();
  const reports: StoreReport[] = [];
  await using store = await openStore({ database: path, onReport: (report) => reports.push(report) });
  await seedOrganization(store, 'here');
  await seedUser(store, { userId: 'ada', organizationId: 'here', profile: human({ userName: 'ada' }) });
  using other = new DatabaseSync(path, { timeout: 5_000 });
  for (let round = 0; round < 200; round += 1) {
    const change = seedEvents(store, 'ada', [round % 2 === 0 ? locked : unlocked]);
    other.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    await change;
    if (round % 20 === 0) expect(await store.isReady()).toBe(true);
  }
  expect(reports).toEqual([]);
  expect(existsSync(`${path}-wal`)).toBe(true);
});

test('nobody asks: a file that is gone is told of within two seconds, and nothing stale is shown', async () => {
  const path = temporaryDatabase();
  const told = Promise.withResolvers<StoreReport>();
  await using store = await openStore({ database: path, onReport: told.resolve });
  await seedOrganization(store, 'here');
  await seedUser(store, { userId: 'ada', organizationId: 'here', profile: human({ userName: 'ada' }) });
  const before = statSync(path).ino;
  rmSync(path);
  const started = performance.now();
  expect(await told.promise).toMatchObject({
    level: 'error',
    text: expect.stringContaining('was moved or removed'),
  });
  expect(performance.now() - started).toBeLessThan(2_000);
  const looks = Object.entries(store).filter(([name]) => /^(load|find|list|count|sum)/.test(name));
  for (const [name, look] of looks) {
    const error = await look('ada', {}).catch((reason: unknown) => reason);
    expect([name, error]).toEqual([name, expect.objectContaining({ error: 'storeUnavailable' })]);
  }
  expect(looks.length).toBeGreaterThan(25);
  expect(existsSync(join(dirname(path), 'latchkey.db'))).toBe(false);
  expect(before).toBeGreaterThan(0);
});

const lost: readonly { readonly what: string; readonly harm: (database: string) => void }[] = [
  { what: 'is gone', harm: away },
  { what: 'is empty', harm: (database) => truncateSync(database, 0) },
];

test.each(
  lost,
)('a file that $what while its log is there: nobody makes an empty one, and what the log holds stays', async ({
  harm,
}) => {
  const path = temporaryDatabase();
  {
    await using store = await openStore({ database: path });
    await seedOrganization(store, 'here');
    // As a crash leaves them: once it is closed, the log is gone.
    for (const end of ['', '-wal']) copyFileSync(`${path}${end}`, `${path}.crashed${end}`);
  }
  const crashed = `${path}.crashed`;
  const log = readFileSync(`${crashed}-wal`);
  const exported = `${path}.jsonl`;
  expect(await runHere(['export', exported, '--db', path])).toMatchObject({ code: 0 });
  expect(log.length).toBeGreaterThan(0);
  harm(crashed);
  const said = /put it back.*restore a backup.*move .*-wal/;
  await expect(openStore({ database: crashed })).rejects.toThrow(said);
  for (const argv of [['migrate'], ['import', exported]]) {
    const ended = await runHere([...argv, '--db', crashed]);
    expect(ended).toMatchObject({ code: 6, stderr: expect.stringMatching(said) });
  }
  expect(readFileSync(`${crashed}-wal`).equals(log)).toBe(true);
  if (harm !== away) return;
  back(crashed);
  await using store = await openStore({ database: crashed });
  expect(await store.loadOrganization({ organizationId: 'here' as never })).toMatchObject({
    organizationId: 'here',
  });
});
