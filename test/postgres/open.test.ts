import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { withoutPassword } from '../../src/store/postgres/connect/url.ts';
import { openPostgres } from '../../src/store/postgres/postgres.ts';
import { runSql } from '../support/execute.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { human, seedOrganization, seedUser } from '../support/seed-users.ts';

const resources = new AsyncDisposableStack();
let postgres: PostgresServer;

beforeAll(async () => {
  postgres = resources.use(await startPostgres());
});
afterAll(() => resources.disposeAsync());

describe('the schema', () => {
  test('is made once where four servers start at once', async () => {
    const url = await postgres.createDatabase();
    const stores = await Promise.all(Array.from({ length: 4 }, () => openPostgres({ url })));
    for (const store of stores) expect(await store.isReady()).toBe(true);
    for (const store of stores) await store[Symbol.asyncDispose]();
    const files = readdirSync(new URL('../../src/store/postgres/migrations/', import.meta.url)).sort();
    expect(await runSql(url, 'SELECT version::int, name FROM migrations ORDER BY version')).toEqual(
      files.map((name, index) => ({ version: index + 1, name })),
    );
  });

  // What PostgreSQL says depends on how far the second was when the first was done: of a row of the catalogue, of the table,
  // of the type that comes with it, or that a row was changed at the same time.
  test.each(['23505', '42P07', '42710', 'XX000'])('is made once where the second hears %s', async (state) => {
    const url = await postgres.createDatabase();
    const first = new Client({ connectionString: url });
    await first.connect();
    await first.query(`
      SELECT pg_advisory_lock(1);
      CREATE FUNCTION meet() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_xact_lock(1);
        IF NOT EXISTS (SELECT FROM migrations) THEN RAISE 'met' USING ERRCODE = '${state}'; END IF;
      END $$;
      CREATE EVENT TRIGGER meets ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION meet()`);
    const opening = openPostgres({ url });
    const waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    while ((await first.query(waiting)).rowCount === 0) await new Promise((go) => setTimeout(go, 10));
    await first.query('SET event_triggers = off');
    await first.query(
      'CREATE TABLE migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)',
    );
    await first.end();
    await using store = await opening;
    expect(await store.isReady()).toBe(true);
  });

  test('from before batches keeps every event at its position, and gives one to those without', async () => {
    const url = await postgres.createDatabase();
    const folder = new URL('../../src/store/postgres/migrations/', import.meta.url);
    await runSql(url, 'CREATE TABLE migrations (version BIGINT PRIMARY KEY, name TEXT, applied_at BIGINT)');
    for (const [index, name] of readdirSync(folder).sort().slice(0, 4).entries()) {
      await runSql(url, readFileSync(new URL(name, folder), 'utf8'));
      await runSql(url, `INSERT INTO migrations VALUES (${index + 1}, '${name}', 0)`);
    }
    const columns = '(user_id, sequence, position, created_at, event_id, type, payload)';
    await runSql(
      url,
      `INSERT INTO events ${columns} SELECT 'ada', n, n, n, 'e' || n, 'user.locked', '{}' FROM generate_series(1, 1200) AS n;
       INSERT INTO events ${columns} VALUES ('ada', 1201, NULL, 9000, 'late', 'user.unlocked', '{}'), ('ada', 1202, NULL, 1, 'later', 'user.locked', '{}');
       UPDATE placer SET last_position = 1200`,
    );
    await using store = await openPostgres({ url });
    const events = await store.listEvents({ afterPosition: 0, limit: 2_000 });
    expect(events.map(({ position }) => position)).toEqual(events.map((_event, index) => index + 1));
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map(({ position }) => position));
    expect(events.length).toBe(1_202);
    const page = await store.listEvents({ afterPosition: 700, limit: 2 });
    expect(page.map(({ position }) => position)).toEqual([701, 702]);
    await seedOrganization(store, 'acme');
    const [added] = await store.listEvents({ afterPosition: 1_202, limit: 2 });
    expect(added).toMatchObject({ position: 1_203, type: 'organization.added' });
  });

  test('of a newer Latchkey is refused', async () => {
    const url = await postgres.createDatabase();
    await (await openPostgres({ url }))[Symbol.asyncDispose]();
    await runSql(url, "INSERT INTO migrations VALUES (99, 'later', 0)");
    const refusal = { name: 'StoreUnusable', message: expect.stringContaining('schema version 99') };
    await expect(openPostgres({ url })).rejects.toMatchObject(refusal);
    await expect(openPostgres({ url, migrateNot: true })).rejects.toMatchObject(refusal);
  });

  test('that is behind is only looked at, where that is wanted', async () => {
    const url = await postgres.createDatabase();
    await expect(openPostgres({ url, migrateNot: true })).rejects.toMatchObject({
      name: 'StoreUnusable',
      message: expect.stringContaining('run "latchkey migrate"'),
    });
    expect(await runSql(url, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
    await (await openPostgres({ url }))[Symbol.asyncDispose]();
    await (await openPostgres({ url, migrateNot: true }))[Symbol.asyncDispose]();
  });

  test('is left half-made by nobody: a migration that fails leaves nothing', async () => {
    const url = await postgres.createDatabase();
    await runSql(url, 'CREATE TABLE tokens (mine TEXT)');
    await expect(openPostgres({ url })).rejects.toMatchObject({ name: 'StoreUnusable' });
    expect(await runSql(url, 'SELECT * FROM migrations')).toEqual([]);
    expect(
      await runSql(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"),
    ).toEqual([{ tablename: 'migrations' }, { tablename: 'tokens' }]);
  });

  test('serves a user who may make no tables', async () => {
    const url = await postgres.createDatabase();
    await (await openPostgres({ url }))[Symbol.asyncDispose]();
    const role = `modest_${Date.now()}`;
    await runSql(
      url,
      `CREATE ROLE ${role} LOGIN PASSWORD 'modest'; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role}`,
    );
    const modest = new URL(url);
    [modest.username, modest.password] = [role, 'modest'];
    await using store = await openPostgres({ url: modest.href });
    await seedOrganization(store, 'acme');
    await seedUser(store, { userId: 'u1', organizationId: 'acme', profile: human({ userName: 'u1' }) });
    expect(await store.listEvents({ afterPosition: 0, limit: 9 })).toHaveLength(2);
  });
});

describe('a database that cannot be opened', () => {
  const refusals: readonly [string, (url: URL) => void, RegExp][] = [
    [
      'wrong password',
      (url) => {
        url.password = 'swordfish';
      },
      /Check user and password/,
    ],
    [
      'no such database',
      (url) => {
        url.pathname = '/nowhere';
      },
      /createdb/,
    ],
    [
      'unknown parameter',
      (url) => {
        url.search = '?sslmoed=require';
      },
      /"sslmoed", which Latchkey does not know/,
    ],
    [
      'unknown sslmode',
      (url) => {
        url.search = '?sslmode=perhaps';
      },
      /sslmode must be/,
    ],
    [
      'unknown session',
      (url) => {
        url.search = '?target_session_attrs=standby';
      },
      /target_session_attrs must be any, read-write/,
    ],
    [
      'no such file',
      (url) => {
        url.search = '?sslrootcert=/nowhere.pem';
      },
      /cannot read the sslrootcert/,
    ],
  ];
  test.each(refusals)('%s: says what to do, and not the password', async (_name, spoil, message) => {
    const url = new URL(await postgres.createDatabase());
    const secret = decodeURIComponent(url.password);
    spoil(url);
    const opening = openPostgres({ url: url.href });
    await expect(opening).rejects.toMatchObject({
      name: 'StoreUnusable',
      message: expect.stringMatching(message),
    });
    const shown = await opening.catch((error) => `${error.message} ${error.stack}`);
    // Somebody else's server may have a password that is part of many words.
    const words = [secret, encodeURIComponent(secret), 'swordfish'].filter((word) => word.length > 3);
    for (const word of words) expect(shown).not.toContain(word);
  });

  test('an encoding that has no place for every name', async () => {
    const url = new URL(await postgres.createDatabase());
    const name = `latin_${Date.now()}`;
    await runSql(
      url.href,
      `CREATE DATABASE ${name} ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER 'libc' TEMPLATE template0`,
    );
    url.pathname = `/${name}`;
    await expect(openPostgres({ url: url.href })).rejects.toThrow(/LATIN1.*UTF8/);
  });
});

test('every session commits to disk, whatever the database says', async () => {
  const url = await postgres.createDatabase();
  const name = new URL(url).pathname.slice(1);
  await runSql(url, `ALTER DATABASE ${name} SET synchronous_commit = off`);
  await using store = await openPostgres({ url });
  // What a commit of this session was told can be read from within one: a trigger writes it down.
  await runSql(url, 'CREATE TABLE told (setting TEXT)');
  await runSql(
    url,
    "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO told VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$",
  );
  await runSql(url, 'CREATE TRIGGER tell BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION tell()');
  await seedOrganization(store, 'acme');
  expect(await runSql(url, 'SELECT DISTINCT setting FROM told')).toEqual([{ setting: 'on' }]);
});

test('connections stay within their number', async () => {
  const url = await postgres.createDatabase();
  await using store = await openPostgres({ url, connectionsMax: 4 });
  await using watcher = Object.assign(new Client({ connectionString: url }), {
    [Symbol.asyncDispose]: () => watcher.end(),
  });
  await watcher.connect();
  const page = { offset: 0, limit: 1, ascending: true };
  const calls = Array.from({ length: 50 }, (_none, nth) => [
    store.listOrganizations('all', page),
    store.loadUser(`u${nth}` as never),
    store.loadPasswordHash(`u${nth}` as never),
  ]);
  await Promise.all(calls.flat());
  const { rows } = await watcher.query(
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'latchkey'",
  );
  expect(rows[0].n).toBeLessThanOrEqual(4);
});

describe('the URL', () => {
  test.each([
    ['postgres://u:secret@h:6432/d?sslmode=require', 'postgres://u@h:6432/d'],
    ['postgres://h/d', 'postgres://h/d'],
    ['postgres:///d?host=/sock&user=u&password=secret', 'postgres://u@/sock/d'],
    ['postgres://u:sec@ret@h/d', 'postgres://(unreadable)'],
    ['postgres://u:12?ret@h/d', 'postgres://(unreadable)'],
    ['postgres://u:12#ret@h/d', 'postgres://(unreadable)'],
    ['postgres://u:secret', 'postgres://(unreadable)'],
    ['postgres://u:sec/ret@h/d', 'postgres://(unreadable)'],
    ['postgres://u:123/ret@h/d', 'postgres://(unreadable)'],
    ['postgres://u:se,cret@one:1,two:2/d', 'postgres://u@one:1,two:2/d'],
    ['postgres://u:123/ret@one,two/d', 'postgres://(unreadable)'],
    ['postgres://u:sec%ret@h/d', 'postgres://(unreadable)'],
    ['data/latchkey.db', 'data/latchkey.db'],
  ])('%s is called %s', (url, name) => {
    expect(withoutPassword(url)).toBe(name);
  });
});
