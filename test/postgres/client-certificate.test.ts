import { chown, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openPostgres } from '../../src/store/postgres/postgres.ts';
import { openFolder } from '../cli/run-cli.ts';
import { type Authority, type KeyPair, makeAuthority } from '../support/authority.ts';
import { makePostgres } from '../support/postgres/process.ts';
import { clusterOptions } from '../support/postgres/shared.ts';

const resources = new AsyncDisposableStack();
let own: Authority;
let url: string;
let folder: string;

beforeAll(async () => {
  own = resources.use(await makeAuthority());
  folder = resources.use(await openFolder()).path;
  const tls = ['ssl=on', 'ssl_cert_file=server.crt', 'ssl_key_file=server.key', 'ssl_ca_file=clients.crt'];
  const settings = [...clusterOptions.settings, ...tls];
  const postgres = resources.use(await makePostgres({ ...clusterOptions, settings }));
  const { uid, gid } = await stat(postgres.dataFolder);
  const give = async (name: string, text: string): Promise<void> => {
    const path = join(postgres.dataFolder, name);
    await writeFile(path, text, { mode: 0o600 });
    await chown(path, uid, gid);
  };
  const { cert, key } = await own.certify('IP:127.0.0.1');
  await give('server.crt', cert);
  await give('server.key', key);
  await give('clients.crt', await own.certificate());
  // A password is not enough.
  await give('pg_hba.conf', 'hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n');
  await postgres.start();
  url = postgres.url;
});
afterAll(() => resources.disposeAsync());

async function files(name: string, { cert, key }: KeyPair): Promise<{ cert: string; key: string }> {
  await mkdir(join(folder, name), { recursive: true });
  const paths = { cert: join(folder, name, 'postgresql.crt'), key: join(folder, name, 'postgresql.key') };
  await writeFile(paths.cert, cert);
  await writeFile(paths.key, key, { mode: 0o600 });
  return paths;
}

const open = (environment: Readonly<Record<string, string>>, search = '') =>
  openPostgres({ url: `${url}${search}`, environment, patienceMs: 5_000 });
const verified = (): Readonly<Record<string, string>> => ({
  PGSSLMODE: 'verify-full',
  PGSSLROOTCERT: own.caPath,
});

test('a server that wants a certificate gets the one that PGSSLCERT and PGSSLKEY name', async () => {
  const { cert, key } = await files('own', await own.certify('DNS:latchkey'));
  await using store = await open({ ...verified(), PGSSLCERT: cert, PGSSLKEY: key });
  expect(await store.isReady()).toBe(true);
});

test('or the one of the URL, or the one that libpq looks for at home', async () => {
  const { cert, key } = await files('home/.postgresql', await own.certify('DNS:latchkey'));
  await using byUrl = await open(verified(), `?sslcert=${cert}&sslkey=${key}`);
  expect(await byUrl.isReady()).toBe(true);
  await using atHome = await open({ ...verified(), HOME: join(folder, 'home') });
  expect(await atHome.isReady()).toBe(true);
});

test('without one, or with one of another authority, it is refused, and the reason is said', async () => {
  const wanted = { name: 'StoreUnusable', message: expect.stringMatching(/certificate|unknown ca/i) };
  await expect(open(verified())).rejects.toMatchObject(wanted);
  await using others = await makeAuthority();
  const { cert, key } = await files('others', await others.certify('DNS:latchkey'));
  await expect(open({ ...verified(), PGSSLCERT: cert, PGSSLKEY: key })).rejects.toMatchObject(wanted);
});
