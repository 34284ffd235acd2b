import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { registerFold } from '../../src/store/sqlite/dialect.ts';
import { openFolder, runHere, spawnCli, startServe } from './run-cli.ts';

const cleanup = new AsyncDisposableStack();
let folder: string;
let backup: string;

beforeAll(async () => {
  folder = cleanup.use(await openFolder()).path;
  backup = join(folder, 'backup.db');
  await using first = await startServe(join(folder, 'data'), ['--demo']);
  expect(await runHere(['backup', backup, '--db', first.database])).toMatchObject({ code: 0 });
});
afterAll(() => cleanup.disposeAsync());

/** Every command that opens a database. */
const commands: readonly (readonly string[])[] = [
  ['serve', '--port', '0'],
  ['migrate'],
  ['verify'],
  ['export'],
  ['import', '-'],
  ['backup', 'other.db'],
  ['user', 'list'],
];

describe('what looks like a URL or a connection string is no file: refused, nothing made, nothing of it shown', () => {
  test.each([
    ['postgress://lk:rdfish@db.example/latchkey', /Latchkey knows no database "postgress:": is it misspelt/],
    ['mysql://lk:rdfish@db.example/latchkey', /knows no database "mysql:"/],
    ['postgres:lk:rdfish@db.example', /knows no database "postgres:"/],
    ['jdbc:postgresql://db.example/latchkey?password=rdfish', /knows no database "jdbc:"/],
    ['host=db.example dbname=latchkey password=rdfish', /not a connection string: write it as that URL/],
    ['password=rdfish', /not a connection string/],
    ['file:///x/rd.db?password=rdfish', /by its path, not as a URL: write --db \/x\/rd\.db/],
    ['sqlite:rd.db', /write --db rd\.db/],
    ['postgres%3A%2F%2Flk%3Ardfish%40db.example%2Flatchkey', /not encoded as a whole/],
    ['postgres%253A%252F%252Flk%253Ardfish%2540db.example', /not encoded as a whole/],
    ['"postgres://lk:rdfish@db.example/latchkey"', /not quoted/],
    [' postgres://lk:rdfish@db.example/latchkey', /not quoted/],
    ['lk:rdfish@db.example/latchkey', /with its scheme/],
    ['password%3Drdfish', /not encoded as a whole/],
    [':memory:', /a database in memory is gone when the server ends/],
  ])('%s', async (database, message) => {
    const there = readdirSync(folder);
    for (const argv of commands) {
      const asked = [...argv, '--db', database];
      const ended = await (argv[0] === 'serve' ? spawnCli(asked, { cwd: folder }) : runHere(asked));
      expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
      expect(ended.stderr).not.toContain('rdfish');
    }
    expect(readdirSync(folder)).toEqual(there);
  });
});

test.each([
  'postgres://lk:rdfish@db.example/latchkey',
  'postgres%3A%2F%2Flk%3Ardfish%40db.example',
  'lk:rdfish@db.example',
  '"mysql://lk:rdfish@db.example"',
])('a data folder is none that looks like a URL: %s', async (data) => {
  const there = readdirSync(folder);
  for (const more of [[], ['--db', join(folder, 'beside.db')]]) {
    const argv = ['serve', '--port', '0', '--data', data, ...more];
    const ended = await spawnCli(argv, { cwd: folder });
    expect(ended).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/--data \(LATCHKEY_DATA\)/),
    });
    expect(ended.stderr).not.toContain('rdfish');
  }
  expect(readdirSync(folder)).toEqual(there);
}, 30_000);

test('migrate says of a database that it is empty: whoever stands in another folder has just made it', async () => {
  const argv = ['migrate', '--db', join(folder, 'nobody.db')];
  expect((await runHere(argv)).stdout).toMatch(/nobody\.db has the schema of latchkey \S+, and is empty\n$/);
  expect(JSON.parse((await runHere([...argv, '--json'])).stdout)).toMatchObject({ isEmpty: true });
  expect(await runHere(['org', 'create', 'acme', '--db', join(folder, 'nobody.db')])).toMatchObject({
    code: 0,
  });
  expect((await runHere(argv)).stdout).toMatch(/nobody\.db has the schema of latchkey \S+\n$/);
});

test.each(['data 100%.db', "o'hara.db", 'a@b.db', 'x=y.db', 'two:parts.db'])('%s is a file', async (name) => {
  expect(await runHere(['migrate', '--db', join(folder, name)])).toMatchObject({ code: 0 });
  expect(existsSync(join(folder, name))).toBe(true);
});

test('a database file is its owner’s alone, whoever made it and however', async () => {
  const mode = (path: string) => statSync(path).mode & 0o777;
  const open = join(folder, 'open.db');
  {
    using db = new DatabaseSync(open);
    db.exec('PRAGMA journal_mode = WAL');
  }
  expect(mode(open)).toBe(0o644);
  expect(await runHere(['migrate', '--db', open])).toMatchObject({ code: 0 });
  expect(mode(open)).toBe(0o600);
  const made = join(folder, 'deep/er/made.db');
  expect(await runHere(['migrate', '--db', made])).toMatchObject({ code: 0 });
  expect([mode(made), mode(join(folder, 'deep')), mode(join(folder, 'deep/er'))]).toEqual([
    0o600, 0o700, 0o700,
  ]);
});

test('a folder that cannot be made is said at once, not tried for ever', async () => {
  for (const argv of [
    ['serve', '--port', '0', '--data', '/proc/no/such'],
    ['migrate', '--db', '/proc/no/such/latchkey.db'],
  ]) {
    const ended = await spawnCli(argv, { cwd: folder });
    expect(ended).toMatchObject({ code: 6, stdout: '' });
    expect(ended.stderr).toMatch(
      /^latchkey: cannot open the database \/proc\/no\/such\/latchkey\.db: ENOENT.*check their owner and mode\n$/,
    );
  }
}, 20_000);

test('verify and export leave a backup and its folder as they are, bytes and times', async () => {
  const place = join(folder, 'shelf');
  mkdirSync(place);
  const path = join(place, 'backup.db');
  expect(await runHere(['backup', path, '--db', backup])).toMatchObject({ code: 0 });
  utimesSync(path, 1_000_000_000, 1_000_000_000);
  const [bytes, times] = [readFileSync(path), statSync(path, { bigint: true })];
  expect(await runHere(['verify', '--db', path])).toMatchObject({ code: 0 });
  const exported = await runHere(['export', '--db', path]);
  expect(exported).toMatchObject({ code: 0 });
  expect(readFileSync(path).equals(bytes)).toBe(true);
  expect(statSync(path, { bigint: true }).mtimeNs).toBe(times.mtimeNs);
  expect(readdirSync(place)).toEqual(['backup.db']);
});

/** As the release before the newest migration left it. */
function lower(path: string): void {
  using db = new DatabaseSync(path);
  registerFold(db);
  const folderOf = new URL('../../src/store/sqlite/migrations/', import.meta.url);
  const files = readdirSync(folderOf).sort().slice(0, 3);
  db.exec(
    'CREATE TABLE migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT',
  );
  for (const [index, name] of files.entries()) {
    db.exec(readFileSync(new URL(name, folderOf), 'utf8'));
    db.prepare('INSERT INTO migrations VALUES (?, ?, 1)').run(index + 1, name);
  }
  db.exec(`INSERT INTO organizations VALUES ('here', 'Here', 'here.example', 1);
    INSERT INTO events (position, user_id, sequence, event_id, type, created_at, payload) VALUES
      (1, '', 1, 'o', 'organization.added', 1, '{"organizationId":"here","name":"Here","domain":"here.example"}')`);
}

test('one of an older version is read through a copy; with never, neither that nor any command raises it', async () => {
  const path = join(folder, 'older.db');
  lower(path);
  const bytes = readFileSync(path);
  const verified = await runHere(['verify', '--db', path]);
  expect(verified).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('1 organization, 1 event, 0 problems'),
  });
  expect(await runHere(['export', '--db', path])).toMatchObject({ code: 0 });
  expect(readFileSync(path).equals(bytes)).toBe(true);
  for (const argv of commands.filter(([name]) => name !== 'migrate' && name !== 'backup')) {
    const ended = await spawnCli([...argv, '--db', path], {
      cwd: folder,
      env: { LATCHKEY_MIGRATE: 'never' },
    });
    expect(ended).toMatchObject({
      code: 6,
      stdout: '',
      stderr: expect.stringMatching(/schema version 3.*run "latchkey migrate"/),
    });
    expect(readFileSync(path).equals(bytes)).toBe(true);
  }
});

test('a migration keeps a copy of what was there, and says from where to where; nowhere keeps none', async () => {
  const path = join(folder, 'raised.db');
  lower(path);
  const asked = ['migrate', '--db', path];
  const ended = await spawnCli(asked, { cwd: folder, env: { LATCHKEY_MIGRATE: 'never' } });
  const copy = `${path}.schema-3`;
  expect(ended).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(
      /went from version 3 to \d+; a copy .* is kept in .*raised\.db\.schema-3\n/,
    ),
  });
  expect(statSync(copy).mode & 0o777).toBe(0o600);
  using db = new DatabaseSync(copy, { readOnly: true });
  expect(db.prepare('SELECT max(version) AS version FROM migrations').get()).toMatchObject({ version: 3 });
  expect(await runHere(['verify', '--db', copy])).toMatchObject({ code: 0 });
  expect(await spawnCli(asked, { cwd: folder })).toMatchObject({
    code: 0,
    stdout: expect.not.stringContaining('went'),
  });
  const other = join(folder, 'lean.db');
  lower(other);
  const env = { LATCHKEY_MIGRATE_BACKUP: 'nowhere' };
  expect(await spawnCli(['migrate', '--db', other], { cwd: folder, env })).toMatchObject({ code: 0 });
  expect(existsSync(`${other}.schema-3`)).toBe(false);
});
