import { createServer, type Server } from 'node:http';
import { listen } from '../listen.ts';
import { makePostgres, type PostgresProcess } from './process.ts';

/** How every PostgreSQL of the tests is made. */
export const clusterOptions = {
  password: 'p%40ss/word',
  // A locale whose order is not that of code points: the schema must not depend on it.
  initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8', '--locale-provider=icu', '--icu-locale=en-US'],
  settings: ['listen_addresses=127.0.0.1', 'shared_buffers=64MB'],
};

/** Where a test file asks for the server that all files share: in the environment of Jest's workers. */
export const sharedVariable = 'TEST_POSTGRES_SHARED';

let door: Server | undefined;
let running: Promise<PostgresProcess> | undefined;

/** Before the first test file: whoever asks is told the server's URL, and the first one has it started. */
export async function openShared(): Promise<void> {
  const server = createServer(async (_req, res) => {
    running ??= startCluster();
    try {
      res.end((await running).url);
    } catch (error) {
      res.writeHead(500).end(String(error));
    }
  });
  process.env[sharedVariable] = `http://127.0.0.1:${await listen(server)}/`;
  door = server.unref();
}

/** After the last one. */
export async function closeShared(): Promise<void> {
  const postgres = running;
  door?.close();
  // In watch mode the next run begins with nothing.
  door = undefined;
  running = undefined;
  await (await postgres)?.[Symbol.asyncDispose]();
}

async function startCluster(): Promise<PostgresProcess> {
  // Nobody stops this server, so nothing that is asserted of it rests on its disk.
  const settings = [...clusterOptions.settings, 'max_connections=300', 'fsync=off', 'full_page_writes=off'];
  const postgres = await makePostgres({ ...clusterOptions, settings });
  await postgres.start();
  return postgres;
}
