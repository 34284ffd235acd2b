import { connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openPostgres } from '../../src/store/postgres/postgres.ts';
import type { StoreReport } from '../../src/store/store.ts';
import { openFolder, type ServeProcess, spawnCli, startServe } from '../cli/run-cli.ts';
import { type KeyPairFiles, makeKeyPair } from '../server/doors/key-pair.ts';
import { runSql } from '../support/execute.ts';
import { isForeignServer, type PostgresServer, startPostgres } from '../support/postgres.ts';
import { openWire } from '../support/wire.ts';

const resources = new AsyncDisposableStack();
const urls: Record<'offered' | 'none', string> = { offered: '', none: '' };
let offering: PostgresServer;
let keys: KeyPairFiles;
let others: KeyPairFiles;

beforeAll(async () => {
  if (isForeignServer) return;
  keys = resources.use(await makeKeyPair());
  others = resources.use(await makeKeyPair());
  offering = resources.use(await startPostgres({ tls: keys }));
  const without = resources.use(await startPostgres());
  [urls.offered, urls.none] = [await offering.createDatabase(), await without.createDatabase()];
});
afterAll(() => resources.disposeAsync());

/** Whether what Latchkey has open to the database is encrypted. */
const connections =
  "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'latchkey' AND datname = current_database()";

const ifOurs = isForeignServer ? describe.skip : describe;

type Outcome = 'encrypted' | 'plain text' | RegExp;

/** PGSSLMODE and what goes with it, in the environment or in the URL, and what comes of it with a server of each kind. */
interface Asked {
  readonly asked: Readonly<Record<string, string>>;
  /** Put into the URL. */
  readonly search?: string;
  readonly host?: string;
  readonly offered: Outcome;
  readonly none: Outcome;
}

const noTls = /does not support SSL/;
const table: readonly Asked[] = [
  { asked: {}, offered: 'encrypted', none: 'plain text' },
  { asked: { PGSSLMODE: 'disable' }, offered: 'plain text', none: 'plain text' },
  { asked: { PGSSLMODE: 'allow' }, offered: 'plain text', none: 'plain text' },
  { asked: { PGSSLMODE: 'prefer' }, offered: 'encrypted', none: 'plain text' },
  { asked: { PGSSLMODE: 'require' }, offered: 'encrypted', none: noTls },
  { asked: { PGREQUIRESSL: '1' }, offered: 'encrypted', none: noTls },
  { asked: { PGSSLMODE: 'verify-ca' }, offered: /self-signed certificate/, none: noTls },
  { asked: { PGSSLMODE: 'verify-full' }, offered: /self-signed certificate/, none: noTls },
  { asked: { PGSSLMODE: 'verify-ca', PGSSLROOTCERT: 'ours' }, offered: 'encrypted', none: noTls },
  { asked: { PGSSLMODE: 'verify-full', PGSSLROOTCERT: 'ours' }, offered: 'encrypted', none: noTls },
  { asked: { PGSSLROOTCERT: 'ours' }, offered: 'encrypted', none: noTls },
  { asked: { PGSSLROOTCERT: 'system' }, offered: /self-signed certificate/, none: noTls },
  {
    asked: { PGSSLMODE: 'verify-ca', PGSSLROOTCERT: 'ours' },
    host: 'localhost',
    offered: 'encrypted',
    none: noTls,
  },
  {
    asked: { PGSSLMODE: 'verify-full', PGSSLROOTCERT: 'ours' },
    host: 'localhost',
    offered: /altnames/,
    none: noTls,
  },
  { asked: { PGSSLMODE: 'require', PGSSLROOTCERT: 'theirs' }, offered: /certificate/, none: noTls },
  // A failure of TLS is never answered with plain text.
  { asked: { PGSSLMODE: 'prefer', PGSSLROOTCERT: 'theirs' }, offered: /certificate/, none: 'plain text' },
  { asked: { PGSSLMODE: 'require' }, search: 'sslmode=disable', offered: 'plain text', none: 'plain text' },
  { asked: { PGSSLMODE: 'disable' }, search: 'sslmode=require', offered: 'encrypted', none: noTls },
  { asked: { PGSSLMODE: 'require', PGCHANNELBINDING: 'require' }, offered: 'encrypted', none: noTls },
  {
    asked: { PGSSLMODE: 'disable', PGCHANNELBINDING: 'require' },
    offered: /channel_binding=require/,
    none: /channel_binding=require/,
  },
  { asked: { PGCHANNELBINDING: 'require' }, offered: 'encrypted', none: /channel_binding=require/ },
  { asked: { PGSSLMODE: 'require', PGCHANNELBINDING: 'disable' }, offered: 'encrypted', none: noTls },
  { asked: { PGSSLMODE: 'require', PGSSLNEGOTIATION: 'direct' }, offered: 'encrypted', none: /./ },
  { asked: { PGSSLMODE: 'require', PGSSLMINPROTOCOLVERSION: 'TLSv1.3' }, offered: 'encrypted', none: noTls },
];

ifOurs.each(['offered', 'none'] as const)('TLS to a server that has it: %s', (kind) => {
  test.each(table)('$asked $search $host', async ({ asked, search = '', host, ...outcomes }) => {
    const url = new URL(urls[kind]);
    if (host !== undefined) url.hostname = host;
    url.search = search;
    const files: Record<string, string> = { ours: keys.certPath, theirs: others.certPath };
    const environment = Object.fromEntries(
      Object.entries(asked).map(([name, value]) => [name, files[value] ?? value]),
    );
    const opening = openPostgres({ url: url.href, environment, patienceMs: 5_000 });
    const outcome = outcomes[kind];
    if (outcome instanceof RegExp) {
      await expect(opening).rejects.toMatchObject({
        name: 'StoreUnusable',
        message: expect.stringMatching(outcome),
      });
      return;
    }
    await using store = await opening;
    expect(await store.isReady()).toBe(true);
    const rows = await runSql(urls[kind], connections);
    expect(rows).toEqual([{ ssl: outcome === 'encrypted' }]);
  });
});

ifOurs('`latchkey serve` on a server with TLS', () => {
  const ask = async (server: ServeProcess, version: 1 | 2) => {
    await using wire = openWire(server.url);
    const authorization = `Bearer ${server.token}`;
    const headers = { authorization, 'content-type': 'application/json' };
    const { status } = await wire.send({
      version,
      verb: 'POST',
      path: '/v2/users',
      headers,
      body: Buffer.from('{}'),
    });
    return status;
  };

  test.each([
    ['disable', false],
    ['require', true],
    ['verify-full', true],
  ])('answers in either version of HTTP; PGSSLMODE=%s', async (PGSSLMODE, ssl) => {
    await using folder = await openFolder();
    const url = new URL(await offering.createDatabase());
    url.hostname = '127.0.0.1';
    const env = { PGSSLMODE, ...(PGSSLMODE === 'verify-full' && { PGSSLROOTCERT: keys.certPath }) };
    await using server = await startServe(folder.path, ['--db', url.href], { env });
    expect([await ask(server, 1), await ask(server, 2)]).toEqual([200, 200]);
    expect(await runSql(url.href, connections)).toEqual([{ ssl }]);
  });

  test('does not start where the certificate is nobody’s that it trusts', async () => {
    const argv = ['serve', '--db', await offering.createDatabase(), '--port', '0'];
    const ended = await spawnCli(argv, { env: { PGSSLMODE: 'verify-full' } });
    expect(ended).toMatchObject({ code: 6, stderr: expect.stringMatching(/self-signed certificate/) });
  });
});

const outside = Object.values(networkInterfaces())
  .flat()
  .find((found) => found !== undefined && !found.internal && found.family === 'IPv4')?.address;
const withNetwork = outside === undefined || isForeignServer ? test.skip : test;

withNetwork(
  `plain text over a network that nobody asked for is said at the start${outside === undefined ? ' (skipped: this machine has no address but the loopback)' : ''}`,
  async () => {
    const { port } = new URL(urls.none);
    const proxy = createServer((client) => {
      const server = connect(Number(port), '127.0.0.1');
      client.pipe(server).pipe(client);
      for (const socket of [client, server]) socket.on('error', () => socket.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, outside, resolve));
    const address = proxy.address();
    const url = new URL(urls.none);
    url.host = `${outside}:${address !== null && typeof address === 'object' ? address.port : 0}`;
    const reportsOf = async (search: string) => {
      const reports: StoreReport[] = [];
      url.search = search;
      await using _store = await openPostgres({ url: url.href, onReport: (report) => reports.push(report) });
      return reports.filter(({ level }) => level === 'warn');
    };
    expect(await reportsOf('')).toEqual([
      {
        level: 'warn',
        text: expect.stringMatching(/offers no TLS.*plain text.*sslmode=require refuses that/),
      },
    ]);
    expect(await reportsOf('?sslmode=disable')).toEqual([]);
    await new Promise((resolve) => proxy.close(resolve));
  },
);
