import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { UserId } from '../../src/domain/ids.ts';
import type { HumanProfile } from '../../src/domain/user.ts';
import { nameTakenSql } from '../../src/store/sql/login-name.ts';
import type { SqliteOptions } from '../../src/store/sqlite/database.ts';
import { openSqlite } from '../../src/store/sqlite/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { historyOf } from '../support/replay.ts';
import { human, seedEvents, seedOrganization, seedUser } from '../support/seed-users.ts';

let folder: string;
let resources: AsyncDisposableStack;
const file = (name = 'latchkey.db'): string => join(folder, name);

beforeEach(async () => {
  resources = new AsyncDisposableStack();
  folder = await mkdtemp(join(tmpdir(), 'latchkey-sqlite-'));
  resources.defer(() => rm(folder, { recursive: true }));
});
afterEach(() => resources.disposeAsync());

function open(options: Partial<SqliteOptions> = {}): Store {
  return resources.use(openSqlite({ path: file(), ...options }));
}

/** Makes a database with one active user, `ada`. */
async function openWithAda(options: Partial<SqliteOptions> = {}): Promise<Store> {
  const store = open(options);
  await seedOrganization(store, 'here');
  await seedUser(store, { userId: 'ada', organizationId: 'here', profile: human({ userName: 'ada' }) });
  return store;
}

const ada = 'ada' as UserId;
const lock = [{ type: 'user.locked', payload: {} }] as const;
const unlock = [{ type: 'user.unlocked', payload: {} }] as const;

/** Another tool's connection to the file. */
function openRaw(path = file()): DatabaseSync & Disposable {
  const db = new DatabaseSync(path);
  resources.defer(() => {
    if (db.isOpen) db.close();
  });
  return Object.assign(db, { [Symbol.dispose]: () => db.close() });
}

const logBytes = (): number => statSync(file('latchkey.db-wal')).size;

/** Adds `count` users to the organization `here`, with numbers that begin at `from`. */
function addUsers(store: Store, from: number, count: number, more: Partial<HumanProfile> = {}) {
  const users = Array.from({ length: count }, (_, index) => {
    const userName = `user-${from + index}`;
    return seedUser(store, {
      userId: userName,
      organizationId: 'here',
      profile: human({ userName, ...more }),
    });
  });
  return Promise.all(users);
}

describe('the file', () => {
  test('takes a long log over while it is served, and the log begins anew', async () => {
    const store = open();
    await seedOrganization(store, 'here');
    await addUsers(store, 0, 8_500);
    for (let turn = 0; turn < 500 && statSync(file()).size < 4_000_000; turn += 1) await sleep(10);
    expect(statSync(file()).size).toBeGreaterThan(4_000_000);
    // Until it begins anew, every commit makes it longer.
    let [before, after, next] = [0, logBytes(), 8_500];
    for (; before !== after && next < 9_000; next += 1) {
      await addUsers(store, next, 1);
      [before, after] = [after, logBytes()];
    }
    expect(before).toBe(after);
    expect(await store.loadUser(`user-${next - 1}` as UserId)).toMatchObject({ state: 'active' });
  });

  test('takes over what a reader has made long without having a commit do it', async () => {
    const store = open();
    await seedOrganization(store, 'here');
    const reader = openRaw();
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM users').get();
    const nickName = 'n'.repeat(6_000);
    await addUsers(store, 0, 8_500, { nickName });
    // Longer than what bounds it otherwise: 32,000 pages.
    expect(logBytes()).toBeGreaterThan(70_000_000);
    // Time to find that it is held, and to be at rest.
    await sleep(500);
    await addUsers(store, 8_500, 1);
    await sleep(500);
    reader.exec('COMMIT');
    const { size } = statSync(file());
    await addUsers(store, 8_501, 1);
    expect(statSync(file()).size).toBe(size);
    await addUsers(store, 8_502, 600);
    for (let turn = 0; turn < 500 && statSync(file()).size < 70_000_000; turn += 1) await sleep(10);
    expect(statSync(file()).size).toBeGreaterThan(70_000_000);
  }, 30_000);

  test('tells whether a name is free without a look at everybody in the organization', () => {
    open();
    const plan = openRaw()
      .prepare(`EXPLAIN QUERY PLAN ${nameTakenSql((index) => `?${index}`)}`)
      .all();
    const searches = plan.map(({ detail }) => String(detail)).filter((detail) => detail.includes('profiles'));
    expect(searches).toEqual([
      expect.stringContaining('(organization_id=? AND user_name_folded=?)'),
      expect.stringContaining('(email_folded=?)'),
      expect.stringContaining('(external_id=? AND organization_id=?)'),
    ]);
  });

  test('is made in a new folder, with everything beside it, for its owner alone', async () => {
    const umask = process.umask(0);
    resources.defer(() => void process.umask(umask));
    const path = file('new/deep/latchkey.db');
    await seedOrganization(open({ path }), 'here');
    const modes = readdirSync(join(folder, 'new/deep')).map((name) => [
      name,
      (statSync(file(`new/deep/${name}`)).mode & 0o777).toString(8),
    ]);
    expect(modes).toEqual([
      ['latchkey.db', '600'],
      ['latchkey.db-shm', '600'],
      ['latchkey.db-wal', '600'],
    ]);
    expect((statSync(file('new/deep')).mode & 0o777).toString(8)).toBe('700');
  });

  test('is one file once it is closed, and opens again with all that was in it', async () => {
    await (await openWithAda())[Symbol.asyncDispose]();
    expect(readdirSync(folder)).toEqual(['latchkey.db']);
    expect((await open().loadUser(ada))?.state).toBe('active');
  });

  test('is read by any other tool, without functions of ours', async () => {
    await openWithAda();
    const db = openRaw();
    expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    expect(db.prepare('SELECT user_id, state FROM users').all()).toEqual([
      { user_id: 'ada', state: 'active' },
    ]);
  });

  test('holds no secret in its events', async () => {
    const store = open();
    await seedOrganization(store, 'here');
    const seed = { userId: 'ada', organizationId: 'here', profile: human({ userName: 'ada' }) };
    await seedUser(store, { ...seed, password: { changeRequired: true } });
    expect(await store.loadPasswordHash(ada)).toMatch(/^\$argon2id/);
    expect(JSON.stringify(await historyOf(store, ada))).not.toContain('argon2');
  });
});

describe('what cannot be opened', () => {
  const refusal = (
    options: Partial<SqliteOptions> = {},
  ): { readonly name: string; readonly message: string } => {
    try {
      open(options);
    } catch (error) {
      return error as Error;
    }
    throw new Error('it was opened');
  };

  test('a database of a newer Latchkey is refused and left as it is', async () => {
    await (await openWithAda())[Symbol.asyncDispose]();
    openRaw().exec("INSERT INTO migrations VALUES (900, '0900-future.sql', 1)");
    expect(refusal()).toMatchObject({
      name: 'StoreUnusable',
      message: expect.stringMatching(/version 900.*written by a newer Latchkey; upgrade this one/),
    });
    expect(openRaw().prepare('SELECT count(*) AS users FROM users').get()).toEqual({ users: 1 });
  });

  test('a database of an older Latchkey is refused where it may not be migrated', () => {
    expect(refusal({ migrateNot: true })).toMatchObject({
      name: 'StoreUnusable',
      message: expect.stringMatching(/schema version 0, this Latchkey needs \d+: run "latchkey migrate"/),
    });
  });

  test('a file that is no database is refused and left as it is', () => {
    const text = 'Dear diary, '.repeat(1_000);
    writeFileSync(file(), text);
    expect(refusal()).toMatchObject({
      name: 'StoreUnusable',
      message: expect.stringMatching(/not a database.*restore a backup, or name another file with --db/),
    });
    expect(readFileSync(file(), 'utf8')).toBe(text);
  });

  test.each([
    ['is itself a folder', () => mkdirSync(file())],
    ['lies in a file', () => writeFileSync(file('plain'), ''), 'plain/latchkey.db'],
  ])('a path that %s is refused', (_what, prepare: () => void, name = 'latchkey.db') => {
    prepare();
    expect(refusal({ path: file(name) })).toMatchObject({
      name: 'StoreUnusable',
      message: expect.stringMatching(
        /needs to read and write the file and its folder: check their owner and mode/,
      ),
    });
  });

  // Root may write everywhere: there, permission bits refuse nothing.
  const asOrdinaryUser = process.getuid?.() === 0 ? test.skip : test;
  asOrdinaryUser('a file or folder that may not be written is refused', async () => {
    await (await openWithAda())[Symbol.asyncDispose]();
    const readOnly = {
      name: 'StoreUnusable',
      message: expect.stringContaining('check their owner and mode'),
    };
    chmodSync(file(), 0o400);
    expect(refusal()).toMatchObject(readOnly);
    mkdirSync(file('closed'), { mode: 0o500 });
    expect(refusal({ path: file('closed/latchkey.db') })).toMatchObject(readOnly);
  });
});

describe('another process on the same file', () => {
  test('that holds the lock is waited for', async () => {
    const store = await openWithAda();
    const other = openRaw();
    other.exec('BEGIN IMMEDIATE');
    const locked = seedEvents(store, 'ada', lock);
    // Reads and the event loop go on meanwhile.
    expect((await store.loadUser(ada))?.state).toBe('active');
    other.exec('COMMIT');
    expect((await locked).state).toBe('locked');
  });

  test('that keeps the lock too long makes the store unavailable, until it lets go', async () => {
    const store = await openWithAda({ busyTimeoutMs: 50 });
    const other = openRaw();
    other.exec('BEGIN IMMEDIATE');
    expect(await store.isReady()).toBe(false);
    const writes = Array.from({ length: 5 }, () => seedEvents(store, 'ada', lock));
    for (const write of await Promise.allSettled(writes)) {
      expect(write).toMatchObject({ status: 'rejected', reason: { error: 'storeUnavailable' } });
    }
    expect((await store.loadUser(ada))?.state).toBe('active');
    other.exec('ROLLBACK');
    expect(await store.isReady()).toBe(true);
    expect((await seedEvents(store, 'ada', lock)).state).toBe('locked');
    expect((await historyOf(store, ada)).length).toBe(2);
  });

  test('and this one: of two changes decided on one row, one wins', async () => {
    const both = [await openWithAda(), open()];
    for (let round = 0; round < 50; round += 1) {
      const before = await both[round % 2]?.loadUser(ada);
      const events = round % 2 === 0 ? lock : unlock;
      const outcomes = await Promise.all(
        both.map((store, which) => {
          const at = { createdAt: round, eventId: `${round}.${which}` };
          return store.append({ before, userId: ada, events, at, meta: {} });
        }),
      );
      expect(outcomes.filter((outcome) => outcome === 'stale').length).toBe(1);
    }
    const histories = await Promise.all(both.map((store) => historyOf(store, ada)));
    expect(histories[0]).toEqual(histories[1]);
    expect(histories[0]?.length).toBe(51);
  });

  test('that makes it at the same moment finds it made: one migrates, all serve', async () => {
    const script =
      `import { openSqlite } from ${JSON.stringify(new URL('../../src/store/sqlite/sqlite.ts', import.meta.url).href)};` +
      'process.stdin.once("data", () => openSqlite({ path: process.argv[1] })[Symbol.asyncDispose]());' +
      'process.stdout.write("loaded");';
    const children = Array.from({ length: 4 }, () => {
      const argv = ['--no-warnings', '--input-type=module', '-e', script, file()];
      const child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
      return { child, loaded: once(child.stdout, 'data'), exited: once(child, 'exit') };
    });
    await Promise.all(children.map(({ loaded }) => loaded));
    for (const { child } of children) child.stdin.end('open');
    const codes = await Promise.all(children.map(async ({ exited }) => (await exited)[0]));
    expect(codes).toEqual([0, 0, 0, 0]);
    await openWithAda();
  });
});
