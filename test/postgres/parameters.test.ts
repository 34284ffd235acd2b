import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { rootCertificates } from 'node:tls';
import { expect, test } from '@jest/globals';
import { type PostgresAddress, parseAddresses } from '../../src/store/postgres/connect/address.ts';
import { parameters } from '../../src/store/postgres/connect/parameters.ts';
import { tableWithHeader } from '../tidy/markdown.ts';

type Environment = Readonly<Record<string, string>>;

/** A URL and libpq's variables, and what of the first address they make. */
const meant: readonly (readonly [string, Environment, object])[] = [
  ['postgres://u:p%40s@h:6432/d', {}, { user: 'u', password: 'p@s', host: 'h', port: 6432, database: 'd' }],
  ['postgresql://u@h', {}, { host: 'h', port: 5432, database: 'u' }],
  ['postgres://h', {}, { user: userInfo().username, database: userInfo().username }],
  ['postgres://[::1]:6/d', {}, { host: '::1', port: 6, database: 'd' }],
  ['postgres://%2Fsock/d', {}, { host: '/sock', tls: { mode: 'disable' } }],
  [
    'postgres:///db?host=/sock&port=5433',
    {},
    { host: '/sock', port: 5433, database: 'db', tls: { mode: 'disable' } },
  ],
  ['postgres:///db?host=/sock&sslmode=verify-full', {}, { tls: { mode: 'disable' } }],
  [
    'postgres://a:1/d?host=b&port=2&dbname=e&user=u&password=p',
    {},
    { host: 'b', port: 2, database: 'e', user: 'u', password: 'p' },
  ],
  [
    'postgres://',
    { PGHOST: 'h', PGPORT: '7', PGUSER: 'u', PGPASSWORD: 'p', PGDATABASE: 'd' },
    { host: 'h', port: 7, user: 'u', password: 'p', database: 'd' },
  ],
  [
    'postgres://v@i/e',
    { PGHOST: 'h', PGPORT: '7', PGUSER: 'u', PGDATABASE: 'd' },
    { host: 'i', port: 7, user: 'v', database: 'e' },
  ],
  ['postgres://h/d', {}, { tls: { mode: 'prefer', options: { rejectUnauthorized: false } } }],
  ['postgres://h/d?sslmode=disable', { PGSSLMODE: 'require' }, { tls: { mode: 'disable' } }],
  [
    'postgres://h/d',
    { PGSSLMODE: 'require' },
    { tls: { mode: 'required', options: { rejectUnauthorized: false } } },
  ],
  ['postgres://h/d', { PGREQUIRESSL: '1' }, { tls: { mode: 'required' } }],
  ['postgres://h/d', { PGSSLMODE: 'verify-full' }, { tls: { mode: 'required', options: {} } }],
  [
    'postgres://h/d',
    { PGSSLMODE: 'verify-ca' },
    { tls: { options: { checkServerIdentity: expect.any(Function) } } },
  ],
  ['postgres://h/d', { PGSSLMODE: 'allow' }, { tls: { mode: 'allow' } }],
  ['postgres://h/d', { PGSSLMODE: '' }, { tls: { mode: 'prefer' } }],
  [
    'postgres://h/d?sslrootcert=system',
    {},
    { tls: { mode: 'required', options: { ca: expect.arrayContaining([rootCertificates[0]]) } } },
  ],
  ['postgres://h/d?ssl_min_protocol_version=TLSv1.3', {}, { tls: { options: { minVersion: 'TLSv1.3' } } }],
  ['postgres://h/d?connect_timeout=10', {}, { connectTimeoutMs: 10_000 }],
  ['postgres://h/d', { PGCONNECT_TIMEOUT: '3' }, { connectTimeoutMs: 3_000 }],
  [
    'postgres://h/d',
    {},
    { applicationName: 'latchkey', channelBinding: 'prefer', isTlsDirect: false, keepAliveAfterMs: 10_000 },
  ],
  [
    'postgres://h/d?application_name=desk&options=-c%20geqo%3Doff',
    {},
    { applicationName: 'desk', options: '-c geqo=off' },
  ],
  ['postgres://h/d?fallback_application_name=f', { PGAPPNAME: 'e' }, { applicationName: 'e' }],
  ['postgres://h/d?keepalives=0', {}, { keepAliveAfterMs: undefined }],
  ['postgres://h/d?keepalives_idle=60', {}, { keepAliveAfterMs: 60_000 }],
  [
    'postgres://h/d?target_session_attrs=any&load_balance_hosts=disable&gssencmode=prefer&client_encoding=UTF8',
    {},
    { host: 'h' },
  ],
  // As they are printed by providers, names and passwords apart.
  [
    'postgresql://owner:npg_x@ep-cool-darkness-pooler.eu-central-1.aws.neon.tech/neondb?sslmode=require&channel_binding=require',
    {},
    { tls: { mode: 'required' }, channelBinding: 'require', database: 'neondb' },
  ],
  [
    'postgresql://postgres.abc:pscale_pw_x@eu-central-1.pg.psdb.cloud:6432/postgres?sslmode=verify-full&sslrootcert=system',
    {},
    { user: 'postgres.abc', port: 6432, tls: { mode: 'required', options: { ca: expect.any(Array) } } },
  ],
  [
    'postgresql://postgres.abc:x@aws-0-eu-central-1.pooler.supabase.com:6543/postgres',
    {},
    { user: 'postgres.abc', tls: { mode: 'prefer' } },
  ],
  [
    'postgres://doadmin:x@db-do-user-1.b.db.ondigitalocean.com:25060/defaultdb?sslmode=require',
    {},
    { port: 25060, tls: { mode: 'required' } },
  ],
  [
    'postgresql://u:x@free-tier.cockroachlabs.cloud:26257/d?sslmode=verify-full&options=--cluster%3Dfunky-1',
    {},
    { options: '--cluster=funky-1' },
  ],
];

const first = (url: string, environment: Environment): PostgresAddress | undefined =>
  parseAddresses(url, environment)[0];

test.each(meant)('%s with %j', (url, environment, address) => {
  expect(first(url, environment)).toMatchObject(address);
});

test('several hosts, each with its own port or all with one', () => {
  const hosts = (url: string, environment: Environment = {}) =>
    parseAddresses(url, environment).map(({ host, port }) => `${host}:${port}`);
  expect(hosts('postgres://a:1,b,[::1]:3/d')).toEqual(['a:1', 'b:5432', '::1:3']);
  expect(hosts('postgres:///d?host=a,b&port=7')).toEqual(['a:7', 'b:7']);
  expect(hosts('postgres://a,b/d', { PGPORT: '1,2' })).toEqual(['a:1', 'b:2']);
  expect(() => hosts('postgres:///d?host=a,b,c&port=1,2')).toThrow(/3 hosts and 2 ports/);
});

/** What is refused, by which words; none of them repeats what may be a part of a password. */
const refused: readonly (readonly [string, Environment, RegExp])[] = [
  [
    'postgres://h/d?sslmode=verify_full',
    {},
    /^sslmode must be disable, allow, .*\("sslmode" in the database URL\)$/,
  ],
  ['postgres://h/d', { PGSSLMODE: 'full' }, /^sslmode must be disable, .*\(PGSSLMODE\)$/],
  [
    'postgres://h/d?sslrootcert=system&sslmode=require',
    {},
    /sslrootcert=system goes with sslmode=verify-full/,
  ],
  ['postgres://h/d?sslnegotiation=direct', {}, /sslnegotiation=direct goes with sslmode=require and above/],
  ['postgres://h/d?channel_binding=maybe', {}, /channel_binding must be disable, prefer or require/],
  ['postgres://h/d?connect_timeout=soon', {}, /connect_timeout must be whole seconds/],
  [
    'postgres://h/d?target_session_attrs=standby',
    {},
    /target_session_attrs must be any, read-write or primary/,
  ],
  ['postgres://h/d?gssencmode=require', {}, /Latchkey has no GSSAPI/],
  ['postgres://h/d?pgbouncer=true', {}, /has "pgbouncer", which Latchkey does not know: it knows host, port/],
  [
    'postgres://h/d?service=main',
    {},
    /"service" in the database URL is not taken: write the service's parameters out/,
  ],
  ['postgres://h/d', { PGSERVICE: 'main' }, /PGSERVICE is not taken/],
  [
    'postgres://h/d',
    { PGREQUIREAUTH: 'scram-sha-256' },
    /PGREQUIREAUTH is not taken: channel_binding=require is/,
  ],
  ['postgres://h:0/d', {}, /port of the database must be a whole number/],
  ['postgres://h/d?port=65536', {}, /port of the database must be a whole number/],
  ['postgres://h/d?sslcert=/nowhere.pem', {}, /cannot read the sslcert of the database: .*ENOENT/],
  [
    'postgres://h/d',
    { PGSSLROOTCERT: '/nowhere.pem' },
    /cannot read the sslrootcert of the database: .*ENOENT/,
  ],
];

test.each(refused)('%s with %j is refused', (url, environment, message) => {
  expect(() => first(url, environment)).toThrow(message);
});

test.each([
  'postgres://u:zyx@rdfish@h/d',
  'postgres://u:zyx/rdfish@h/d',
  'postgres://u:12/rdfish@h/d',
  'postgres://u:zyx?rdfish@h/d',
  'postgres://u:12?rdfish@h/d',
  'postgres://u:12?rdfish=x@h/d',
  'postgres://u:zyx#rdfish@h/d',
  'postgres://u:zyx rdfish@h/d',
  'postgres://u:zyx%rdfish@h/d',
  'postgres://u:zyxrdfish',
  'postgres://h/d?password=zyxrdfish&zyxrdfish',
  'postgres://h/d?passwordzyxrdfish=1&x%E0=2',
])('%s: no half of the password is shown', (url) => {
  const shown = () => {
    try {
      return JSON.stringify(first(url, {}));
    } catch (error) {
      return `${(error as Error).message} ${(error as Error).stack}`;
    }
  };
  expect(shown()).toMatch(/cannot read the database URL/);
  expect(shown()).not.toMatch(/zyx|rdfish/);
});

test('docs/postgres.md says of each parameter what it does', () => {
  const text = readFileSync(new URL('../../docs/postgres.md', import.meta.url), 'utf8');
  const rows = tableWithHeader(text, ['parameter', 'environment', 'what it does']);
  expect(rows).toEqual(
    Object.entries(parameters).map(([name, { env, help }]) => [`\`${name}\``, env && `\`${env}\``, help]),
  );
});
