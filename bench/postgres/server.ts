import { totalmem } from 'node:os';
import { Client } from 'pg';
import { makePostgres } from '../../test/support/postgres/process.ts';

/** A real PostgreSQL for a benchmark: DATABASE_URL where that is set, else one of its own that ends when disposed. */
export interface PostgresServer extends AsyncDisposable {
  /** What the server itself says of its version and of the settings that matter here. */
  readonly settings: Readonly<Record<string, string>>;
  /** A new database, empty or a copy of another to which nobody is connected; answers its URL. */
  createDatabase(template?: string): Promise<string>;
}

export interface PostgresServerOptions {
  /** Where the files go. */
  readonly folder: string;
  /** `name=value`, beside and over those below. */
  readonly settings: readonly string[];
}

/** Room for 256 clients of pgbench beside the pools of two servers. */
const connectionsMax = 320;
const sharedBytesMax = 8 * 2 ** 30;
const mebibyte = 2 ** 20;

/** As an administrator would set it for this machine; durability is what it is without any setting. */
const ownSettings = [
  'listen_addresses=127.0.0.1',
  `max_connections=${connectionsMax}`,
  `shared_buffers=${Math.floor(Math.min(totalmem() / 4, sharedBytesMax) / mebibyte)}MB`,
  'maintenance_work_mem=512MB',
  'fsync=on',
  'synchronous_commit=on',
  'full_page_writes=on',
  'wal_compression=on',
  'max_wal_size=16GB',
  'checkpoint_timeout=30min',
];

const shownSettings = [
  'server_version',
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_compression',
  'wal_level',
  'shared_buffers',
  'max_wal_size',
  'checkpoint_timeout',
  'autovacuum',
  'max_connections',
];

/** Starts it, with nothing in it. */
export async function startPostgres(options: PostgresServerOptions): Promise<PostgresServer> {
  const given = process.env.DATABASE_URL;
  if (given) return foreignServer(given);
  const postgres = await makePostgres({
    folder: options.folder,
    password: 'bench',
    initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8'],
    settings: [...ownSettings, ...options.settings],
  });
  await postgres.start();
  const { url } = postgres;
  return {
    settings: await readSettings(url),
    createDatabase: async (template) => (await createDatabase(url, template)).url,
    [Symbol.asyncDispose]: () => postgres[Symbol.asyncDispose](),
  };
}

// Somebody else's: it keeps its settings, and gets rid of the databases made here.
async function foreignServer(url: string): Promise<PostgresServer> {
  const names: string[] = [];
  return {
    settings: await readSettings(url),
    async createDatabase(template) {
      const made = await createDatabase(url, template);
      names.push(made.name);
      return made.url;
    },
    async [Symbol.asyncDispose]() {
      for (const name of names) await runSql(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

let count = 0;

async function createDatabase(server: string, template?: string): Promise<{ name: string; url: string }> {
  count += 1;
  const name = `latchkey_bench_${process.pid}_${count}`;
  const from = template === undefined ? 'template0' : new URL(template).pathname.slice(1);
  const strategy = template === undefined ? '' : ' STRATEGY file_copy';
  await runSql(server, `CREATE DATABASE ${name} ENCODING 'UTF8' TEMPLATE ${from}${strategy}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { name, url: url.href };
}

async function readSettings(url: string): Promise<Record<string, string>> {
  const rows = await runSql(
    url,
    `SELECT name, current_setting(name) AS setting FROM unnest(ARRAY['${shownSettings.join("','")}']) AS name`,
  );
  return Object.fromEntries(rows.map(({ name, setting }) => [String(name), String(setting)]));
}

/** Runs one text of SQL over a connection of its own; answers the rows of its last statement. */
export async function runSql(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    // Several statements in one text answer one result each.
    const results = [await client.query(text)].flat();
    return results.at(-1)?.rows ?? [];
  } finally {
    await client.end();
  }
}

/** Bytes on disk of one database. */
export async function databaseBytes(url: string): Promise<number> {
  const [row] = await runSql(url, 'SELECT pg_database_size(current_database()) AS bytes');
  return Number(row?.bytes);
}
