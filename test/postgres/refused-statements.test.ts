import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { listen } from '../support/listen.ts';
import { createPostgresDatabase } from '../support/postgres.ts';
import { startServer } from '../support/start-server.ts';

/** What a pooler that knows no prepared statements says to each of them, and that it is ready for the next. */
function refusal(): Buffer {
  const fields = ['SERROR', 'VERROR', 'C26000', 'Mprepared statement does not exist'];
  const text = Buffer.from(`${fields.map((field) => `${field}\0`).join('')}\0`);
  const head = Buffer.from('E\0\0\0\0');
  head.writeInt32BE(text.length + 4, 1);
  return Buffer.concat([head, text, Buffer.from('Z\0\0\0\x05I', 'latin1')]);
}

/** One answer is due for each. */
const syncsIn = (bytes: Buffer): number => bytes.toString('latin1').split('S\0\0\0\x04').length - 1;

/** Stands before a database, and may begin to refuse all that is not a simple query. */
async function openPooler(databaseUrl: string) {
  const url = new URL(databaseUrl);
  const { hostname, port } = url;
  const sockets = new Set<Socket>();
  let isRefusing = false;
  const server = createServer((client) => {
    const database = connect(Number(port), hostname);
    for (const socket of [client, database]) sockets.add(socket.on('error', () => socket.destroy()));
    client.on('close', () => database.destroy());
    database.on('close', () => client.destroy());
    database.pipe(client);
    const simple = 'Q'.charCodeAt(0);
    const started = new WeakSet<Socket>();
    client.on('data', (bytes) => {
      // The first of a connection has no type.
      const isExtended = started.has(client) && bytes[0] !== simple && bytes[0] !== 'p'.charCodeAt(0);
      started.add(client);
      if (isRefusing && isExtended) client.write(Buffer.concat(Array(syncsIn(bytes)).fill(refusal())));
      else database.write(bytes);
    });
  });
  url.hostname = '127.0.0.1';
  url.port = String(await listen(server));
  url.searchParams.set('sslmode', 'disable');
  return {
    url: url.href,
    refuse: (refusing: boolean) => {
      isRefusing = refusing;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server.close(), 'close');
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

test('a server whose prepared statements are refused is not ready, as its calls fail', async () => {
  await using pooler = await openPooler(await createPostgresDatabase());
  await using server = await startServer({ database: pooler.url });
  await server.people.organization('home');
  const token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  const userId = await server.people.user({ organization: 'home', state: 'active' });
  const statuses = async () => {
    const call = await fetch(`${server.url}/v2/users/${userId}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const ready = await fetch(`${server.url}/readyz`);
    await Promise.all([call.text(), ready.text()]);
    return { call: call.status < 500, ready: ready.status };
  };
  expect(await statuses()).toEqual({ call: true, ready: 200 });
  pooler.refuse(true);
  expect(await statuses()).toEqual({ call: false, ready: 503 });
  pooler.refuse(false);
  await expect(statuses()).resolves.toEqual({ call: true, ready: 200 });
});
