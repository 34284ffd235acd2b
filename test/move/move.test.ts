import { readFile, stat } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openApp, openArchive } from '../../src/app/app.ts';
import { archiveTables } from '../../src/store/archive/tables.ts';
import { archiveKinds } from '../../src/store/store.ts';
import { runHere } from '../cli/run-cli.ts';
import { runSql } from '../support/execute.ts';
import { createPeople, password } from '../support/people.ts';
import { openEmptyDatabase, type StoreKind, stores } from '../support/stores.ts';
import { type Moving, openMoving, succeed } from './moving.ts';

const cleanup = new AsyncDisposableStack();
let moving: Moving;
let whole: string;

beforeAll(async () => {
  moving = cleanup.use(await openMoving());
  whole = moving.whole;
});
afterAll(() => cleanup.disposeAsync());

const { exportOf, importText } = {
  exportOf: (database: string) => moving.exportOf(database),
  importText: (text: string, database: string) => moving.importText(text, database),
};

function execute(kind: StoreKind, database: string, sql: string): Promise<unknown> {
  if (kind === 'postgres') return runSql(database, sql);
  using db = new DatabaseSync(database);
  db.exec(sql);
  return Promise.resolve();
}

test('from file to PostgreSQL to file, every export is the same, byte for byte', async () => {
  let text = whole;
  for (const kind of ['postgres', 'sqlite', 'postgres', 'postgres', 'sqlite'] as const) {
    await using next = await openEmptyDatabase(kind);
    expect(await importText(text, next.database)).toMatchObject({ code: 0 });
    text = await exportOf(next.database);
    expect(text).toBe(whole);
    expect(await succeed('verify', '--db', next.database)).toMatchObject({ problemsTotal: 0, users: 16 });
  }
});

test('the file is canonical: rows in the order of code points, members in the order of their names', () => {
  const lines = whole.trimEnd().split('\n');
  const rows = lines.slice(1, -1).map((line) => JSON.parse(line));
  const kinds: readonly string[] = archiveKinds;
  const keyOf = (row: Record<string, Record<string, string | number>>) => {
    const [kind = ''] = Object.keys(row);
    const { position, organizationId, userId, tokenId } = row[kind] ?? {};
    const key =
      { organization: organizationId, policy: organizationId, event: position, token: tokenId }[kind] ??
      userId;
    const sortable = typeof key === 'number' ? String(key).padStart(9, '0') : key;
    return Buffer.from(`${kinds.indexOf(kind)} ${sortable}`);
  };
  expect(rows.map(keyOf)).toEqual(rows.map(keyOf).sort(Buffer.compare));
  const sorted = (_name: string, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value;
  expect(lines).toEqual(lines.map((line) => JSON.stringify(JSON.parse(line), sorted)));
  const positions = rows.flatMap((row) => (row.event === undefined ? [] : [row.event.position]));
  expect(positions).toEqual(positions.map((_position, index) => index + 1));
});

test('a file that holds secrets is its owner’s alone, and no file is overwritten', async () => {
  expect((await stat(moving.exported)).mode & 0o777).toBe(0o600);
  expect(whole).toContain('$argon2id$never-verified');
  expect(whole).not.toContain(password);
  await using other = await openEmptyDatabase('sqlite');
  await succeed('migrate', '--db', other.database);
  const refused = await runHere(['export', moving.exported, '--db', other.database]);
  expect(refused).toMatchObject({ code: 5, stdout: '', stderr: expect.stringContaining('is there already') });
  expect(await readFile(moving.exported, 'utf8')).toBe(whole);
});

test('without a file the rows go to stdout, the summary elsewhere', async () => {
  await using copy = await openEmptyDatabase('sqlite');
  await importText(whole, copy.database);
  const { code, stdout, stderr } = await runHere(['export', '--db', copy.database]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: whole });
  expect(stderr).toMatch(/^\d+ rows to stdout in \d+\.\d s, \d+ a second\n$/);
  const said = JSON.parse((await runHere(['export', '-', '--json', '--db', copy.database])).stderr);
  expect(said).toMatchObject({
    file: '-',
    rows: whole.split('\n').length - 3,
    rowsPerSecond: expect.any(Number),
  });
});

describe.each(stores)('%s', (kind, openEmpty) => {
  test('what was imported goes on: sign-ins, tokens, changes, positions', async () => {
    await using copy = await openEmpty();
    const { database } = copy;
    await importText(whole, database);
    await using app = await openApp({ database, passwordAttemptsMax: 5, logLevel: 'silent' });
    const last = (await app.store.listOrganizations('all', { offset: 0, limit: 1, ascending: true }))
      .position;
    const people = createPeople(app);
    await people.act('locked-user', 'unlock');
    await people.user({ organization: 'globex', userId: 'new' });
    const later = await app.store.listEvents({ afterPosition: last, limit: 10 });
    expect(later.map(({ position, userId }) => [position - last, userId])).toEqual([
      [1, 'locked-user'],
      [2, 'new'],
    ]);
    await expect(people.user({ organization: 'globex', userName: 'ZZ İß' })).resolves.toBeDefined();
    await expect(people.user({ organization: 'globex', userName: 'A İß' })).rejects.toThrow();
    expect(await succeed('verify', '--db', database)).toMatchObject({ problemsTotal: 0 });
  });

  test.each([
    [
      'a row changed by hand',
      "UPDATE users SET state = 'active' WHERE user_id = 'locked-user'",
      'user locked-user: state',
    ],
    [
      'an event deleted',
      "DELETE FROM events WHERE user_id = 'bot' AND sequence = 2",
      'user bot: event 2 is missing',
    ],
    [
      'a gap',
      "UPDATE events SET sequence = 9 WHERE user_id = 'active-user'",
      'active-user: event 1 is missing: the next one is 9',
    ],
    [
      'a wrong count',
      "INSERT INTO organizations VALUES ('o', 'o', 'o', 1)",
      '3 organizations of whom 2 have an event',
    ],
    ['a token of nobody', "UPDATE tokens SET user_id = 'nobody'", 'user nobody: tokens'],
  ])('verify finds %s', async (_what, sql, problem) => {
    await using copy = await openEmpty();
    await importText(whole, copy.database);
    await execute(kind, copy.database, sql);
    const { code, stdout, stderr } = await runHere(['verify', '--db', copy.database]);
    expect({ code, stderr }).toEqual({
      code: 5,
      stderr: expect.stringMatching(/contradict one another, (1 time|([2-9]|\d{2,}) times)\n/),
    });
    expect(stdout).toContain(problem);
    const asJson = await runHere(['verify', '--json', '--db', copy.database]);
    expect(JSON.parse(asJson.stdout).problemsTotal).toBeGreaterThan(0);
    expect(JSON.parse(asJson.stderr)).toMatchObject({ error: { code: 'failed_precondition' } });
  });

  test('an archive is of the moment at which it was opened, whatever happens meanwhile', async () => {
    await using copy = await openEmpty();
    const { database } = copy;
    await importText(whole, database);
    await using app = await openApp({ database, passwordAttemptsMax: 5, logLevel: 'silent' });
    const people = createPeople(app);
    await using archive = await openArchive(database);
    await people.act('locked-user', 'unlock');
    await people.act('bot', 'delete');
    await people.user({ organization: 'acme', userId: 'late' });
    const rows = [];
    for await (const page of archive.readPages()) {
      for (const row of page.rows) rows.push({ [page.kind]: row });
    }
    expect(rows).toEqual(
      whole
        .split('\n')
        .slice(1, -2)
        .map((line) => JSON.parse(line)),
    );
    expect((await exportOf(database)).split('\n').length).toBeGreaterThan(rows.length);
  });

  test('exports taken while others write are sound, each of them', async () => {
    await using copy = await openEmpty();
    const { database } = copy;
    await importText(whole, database);
    await using app = await openApp({ database, passwordAttemptsMax: 5, logLevel: 'silent' });
    const people = createPeople(app);
    let isDone = false;
    const writers = ['a', 'Z', '0', '~'].map(async (userId) => {
      for (let round = 0; !isDone; round += 1) await people.act(userId, round % 2 === 0 ? 'lock' : 'unlock');
    });
    for (let round = 0; round < 5; round += 1) {
      const text = await exportOf(database);
      await using other = await openEmptyDatabase('sqlite');
      expect(await importText(text, other.database)).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(/^All/),
      });
      expect(await exportOf(other.database)).toBe(text);
      expect(await succeed('verify', '--db', database)).toMatchObject({ problemsTotal: 0 });
    }
    isDone = true;
    await Promise.all(writers);
  });

  test('an import leaves tables and indexes as a migration does', async () => {
    await using empty = await openEmpty();
    await succeed('migrate', '--db', empty.database);
    await using copy = await openEmpty();
    await importText(whole, copy.database);
    const indexes = await indexesOf(kind, copy.database);
    expect(indexes.length).toBeGreaterThan(4);
    expect(indexes).toEqual(await indexesOf(kind, empty.database));
    expect(await columnsOf(kind, copy.database)).toEqual(await columnsOf(kind, empty.database));
  });

  test('every table and every column is in the archive, or follows from what is', async () => {
    await using empty = await openEmpty();
    await succeed('migrate', '--db', empty.database);
    const kept = Object.values(archiveTables).flatMap(({ name, columns, derived = [] }) => [
      ...columns.map(({ column }) => `${name}.${column}`),
      ...derived.map((column) => `${name}.${column}`),
    ]);
    const ofOne: Record<StoreKind, readonly string[]> = {
      sqlite: ['events.previous_position', 'users.newest_position'],
      postgres: [
        ...['placer.last_position', 'placer.placer_id', 'profiles.profile_folded'],
        // What the positions follow from, and the other way round.
        ...['batch_id', 'created_at', 'events', 'first_position'].map((column) => `batches.${column}`),
        ...['events.batch_id', 'events.place', 'log.first_position', 'log.next_position'],
      ],
    };
    // A view of the same columns beside the positions.
    const there = (await columnsOf(kind, empty.database))
      .map((column) => (column === 'log.position' ? 'events.position' : column))
      .filter(
        (column) => !/^(migrations|sessions|codes|password_checks|signing_keys|subscriptions)\./.test(column),
      )
      .filter((column) => !/^(unlock_(runs|run_slices)|erasures)\./.test(column))
      .filter((column) => !isSeenTwice(column));
    expect(there.sort()).toEqual([...kept, ...ofOne[kind]].sort());
  });
});

/** Whether the view of the log shows a column of another table once more. */
function isSeenTwice(column: string): boolean {
  return column.startsWith('log.') && !['log.first_position', 'log.next_position'].includes(column);
}

async function indexesOf(kind: StoreKind, database: string): Promise<string[]> {
  return selectText(kind, database, {
    sqlite: "SELECT name || sql AS text FROM sqlite_schema WHERE type = 'index' ORDER BY name",
    postgres:
      'SELECT indexdef AS text FROM pg_indexes WHERE schemaname = current_schema() ORDER BY indexname',
  });
}

async function columnsOf(kind: StoreKind, database: string): Promise<string[]> {
  return selectText(kind, database, {
    sqlite:
      "SELECT tables.name || '.' || columns.name AS text FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'",
    postgres:
      "SELECT table_name || '.' || column_name AS text FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position",
  });
}

async function selectText(
  kind: StoreKind,
  database: string,
  sql: Readonly<Record<StoreKind, string>>,
): Promise<string[]> {
  if (kind === 'postgres') return (await runSql(database, sql.postgres)).map(({ text }) => String(text));
  using db = new DatabaseSync(database);
  return db
    .prepare(sql.sqlite)
    .all()
    .map(({ text }) => String(text));
}
