import { chmod, chown, copyFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll } from '@jest/globals';
import { runSql } from './execute.ts';
import { makePostgres } from './postgres/process.ts';
import { clusterOptions, sharedVariable } from './postgres/shared.ts';

export { runSql } from './execute.ts';

/** A real PostgreSQL: DATABASE_URL where it is set, else one of its own that ends with the test. */
export interface PostgresServer extends AsyncDisposable {
  /** Stops and starts as the test says; undefined where the server is somebody else's. */
  readonly control: PostgresControl | undefined;
  /** A new, empty database; answers its URL. */
  createDatabase(): Promise<string>;
}

export interface PostgresControl {
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface PostgresServerOptions {
  /** PEM files; the server then takes TLS, and plain text as well. */
  readonly tls?: { readonly certPath: string; readonly keyPath: string };
}

/** What tests that stop the server, or need it with options of its own, are skipped for. */
export const isForeignServer = Boolean(process.env.DATABASE_URL);

/** Starts with nothing in it, on a free port of 127.0.0.1. */
export async function startPostgres({ tls }: PostgresServerOptions = {}): Promise<PostgresServer> {
  const given = process.env.DATABASE_URL;
  if (given) {
    return { ...databasesOf(given), control: undefined, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const postgres = await makePostgres({
    ...clusterOptions,
    settings: [
      ...clusterOptions.settings,
      'max_connections=60',
      ...(tls ? ['ssl=on', 'ssl_cert_file=server.crt', 'ssl_key_file=server.key'] : []),
    ],
  });
  if (tls) {
    await copyOwned(tls.certPath, join(postgres.dataFolder, 'server.crt'));
    await copyOwned(tls.keyPath, join(postgres.dataFolder, 'server.key'));
  }
  await postgres.start();
  return {
    ...databasesOf(postgres.url),
    control: { stop: () => postgres.stop(), start: () => postgres.start() },
    [Symbol.asyncDispose]: () => postgres[Symbol.asyncDispose](),
  };
}

let shared: Promise<PostgresServer> | undefined;

/** An empty database on the one server of all test files, which starts when first asked for; dropped with the file. */
export async function createPostgresDatabase(): Promise<string> {
  shared ??= findShared();
  return (await shared).createDatabase();
}

async function findShared(): Promise<PostgresServer> {
  const broker = process.env[sharedVariable];
  if (isForeignServer || broker === undefined) return startPostgres();
  const answer = await fetch(broker);
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  const made: string[] = [];
  const { createDatabase } = databasesOf(text);
  return {
    control: undefined,
    async createDatabase() {
      const url = await createDatabase();
      made.push(new URL(url).pathname.slice(1));
      return url;
    },
    async [Symbol.asyncDispose]() {
      for (const name of made) await runSql(text, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

afterAll(async () => {
  await (await shared)?.[Symbol.asyncDispose]();
});

// PostgreSQL refuses a key that is not its own user's alone.
async function copyOwned(from: string, to: string): Promise<void> {
  const { uid, gid } = await stat(dirname(to));
  await copyFile(from, to);
  await chmod(to, 0o600);
  await chown(to, uid, gid);
}

function databasesOf(server: string): Pick<PostgresServer, 'createDatabase'> {
  let count = 0;
  return {
    async createDatabase() {
      count += 1;
      const name = `latchkey_${process.pid}_${Date.now()}_${count}`;
      await runSql(server, `CREATE DATABASE ${name} ENCODING 'UTF8' TEMPLATE template0`);
      const url = new URL(server);
      url.pathname = `/${name}`;
      return url.href;
    },
  };
}
