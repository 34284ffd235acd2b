import { runSql } from '../support/execute.ts';
import { makePostgres } from '../support/postgres/process.ts';

/** How a database goes away: told to stop, or from one moment to the next. */
export type Restart = 'stopped' | 'crashed';

/** A real PostgreSQL: DATABASE_URL where it is set, else one of its own that ends when disposed. */
export interface Database extends AsyncDisposable {
  /** Makes a new, empty database; answers its URL. */
  create(): Promise<string>;
  /** The same database for tools that know one server alone: the one that takes writes now. */
  direct(url: string): Promise<string>;
  /** Resolves when it answers again. Somebody else's is not ended: there every connection to it is cut. */
  restart(how: Restart): Promise<void>;
}

/** Starts with nothing in it, on a free port of 127.0.0.1. */
export async function startDatabase(): Promise<Database> {
  const given = process.env.DATABASE_URL;
  if (given) return foreignDatabase(given);
  const postgres = await makePostgres({
    password: 'latchkey',
    initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8'],
    settings: ['max_connections=60', 'listen_addresses=127.0.0.1', 'shared_buffers=64MB'],
  });
  await postgres.start();
  return {
    create: creatorOn(postgres.url),
    direct: (url) => Promise.resolve(url),
    async restart(how) {
      await postgres.stop(how === 'stopped' ? 'SIGINT' : 'SIGQUIT');
      await postgres.start();
    },
    [Symbol.asyncDispose]: () => postgres[Symbol.asyncDispose](),
  };
}

function foreignDatabase(url: string): Database {
  return {
    create: creatorOn(url),
    direct: (own) => Promise.resolve(own),
    async restart() {
      await runSql(
        url,
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity ' +
          "WHERE datname LIKE 'latchkey_faults_%' AND pid <> pg_backend_pid()",
      );
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Makes databases of names of their own on this server. */
export function creatorOn(server: string): Database['create'] {
  let count = 0;
  return async () => {
    count += 1;
    const name = `latchkey_faults_${process.pid}_${Date.now()}_${count}`;
    await runSql(server, `CREATE DATABASE ${name} ENCODING 'UTF8' TEMPLATE template0`);
    const url = new URL(server);
    url.pathname = `/${name}`;
    return url.href;
  };
}
