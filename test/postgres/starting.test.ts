import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { openPostgres } from '../../src/store/postgres/postgres.ts';
import { listen } from '../support/listen.ts';
import { createPostgresDatabase } from '../support/postgres.ts';

/** What a database says to every connection until it has recovered. */
function refusal(): Buffer {
  const fields = ['SFATAL', 'VFATAL', 'C57P03', 'Mthe database system is starting up'];
  const text = Buffer.from(`${fields.map((field) => `${field}\0`).join('')}\0`);
  const head = Buffer.from('E\0\0\0\0');
  head.writeInt32BE(text.length + 4, 1);
  return Buffer.concat([head, text]);
}

test('a database that still starts is waited for', async () => {
  const refusedMax = 5;
  const url = new URL(await createPostgresDatabase());
  const { hostname, port } = url;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => sockets.add(socket.on('error', () => undefined));
  let connections = 0;
  const starting = createServer((client) => {
    keep(client);
    connections += 1;
    if (connections <= refusedMax) {
      client.once('data', () => client.end(refusal()));
      return;
    }
    const database = connect(Number(port), hostname);
    keep(database);
    client.pipe(database).pipe(client);
  });
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(async () => {
    const closed = once(starting.close(), 'close');
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  url.hostname = '127.0.0.1';
  url.port = String(await listen(starting));
  url.searchParams.set('sslmode', 'disable');
  await using store = await openPostgres({ url: url.href });
  expect(connections).toBeGreaterThan(refusedMax);
  expect(await store.isReady()).toBe(true);
});
