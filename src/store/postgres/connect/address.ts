import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { StoreUnusable } from '../../store.ts';
import { type ParameterName, type PostgresEnvironment, readSettings, type Settings } from './parameters.ts';
import { type PostgresTls, plainText, readTls } from './tls.ts';
import { type PostgresUrl, parseUrl } from './url.ts';

/** Where the database is, who asks, and how. */
export interface PostgresAddress {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  readonly database: string;
  readonly tls: PostgresTls;
  readonly isTlsDirect: boolean;
  readonly channelBinding: 'disable' | 'prefer' | 'require';
  readonly applicationName: string;
  readonly options?: string;
  readonly connectTimeoutMs?: number;
  /** undefined: no keepalives. */
  readonly keepAliveAfterMs: number | undefined;
}

/** One address for each host of the URL, in their order, with what libpq's variables add. Throws StoreUnusable. */
export function parseAddresses(
  database: string,
  environment: PostgresEnvironment = {},
): readonly PostgresAddress[] {
  const url = parseUrl(database);
  const settings = readSettings([...partsOf(url), ...url.parameters], environment);
  const hosts = (settings.get('host') ?? '').split(',');
  const ports = (settings.get('port') ?? '').split(',');
  if (ports.length > 1 && ports.length !== hosts.length) {
    throw new StoreUnusable(
      `the database has ${hosts.length} hosts and ${ports.length} ports: one port for all, or one each`,
    );
  }
  const tls = readTls(settings, environment.HOME);
  const shared = sharedBy(settings);
  return hosts.map((named, index) => {
    const port = parsePort((ports.length > 1 ? ports[index] : ports[0]) ?? '');
    const host = named || localHost(port);
    // libpq too leaves TLS alone there: nobody listens on a socket of this machine but its kernel.
    return { ...shared, host, port, tls: host.startsWith('/') ? plainText : tls };
  });
}

function sharedBy(settings: Settings): Omit<PostgresAddress, 'host' | 'port' | 'tls'> {
  const text = (name: ParameterName) => settings.get(name);
  const user = text('user') ?? osUser();
  const [password, options] = [text('password'), text('options')];
  const seconds = Number(text('connect_timeout') ?? 0);
  return {
    user,
    database: text('dbname') ?? user,
    ...(password !== undefined && { password }),
    ...(options !== undefined && { options }),
    ...(seconds > 0 && { connectTimeoutMs: seconds * 1_000 }),
    applicationName: text('application_name') ?? text('fallback_application_name') ?? 'latchkey',
    channelBinding: (text('channel_binding') ?? 'prefer') as PostgresAddress['channelBinding'],
    isTlsDirect: text('sslnegotiation') === 'direct',
    keepAliveAfterMs: text('keepalives') === '0' ? undefined : Number(text('keepalives_idle') ?? 10) * 1_000,
  };
}

// What the URL names in its own places comes first, so that its parameters replace it, as in libpq.
function partsOf({ hosts, user, password, dbname }: PostgresUrl): readonly (readonly [string, string])[] {
  const [names, ports] = [hosts.map(({ host }) => host), hosts.map(({ port }) => port)];
  return [
    ['host', names.some(Boolean) ? names.join(',') : ''],
    ['port', ports.some(Boolean) ? ports.join(',') : ''],
    ['user', user],
    ['password', password],
    ['dbname', dbname],
  ];
}

const usualPort = 5_432;

function parsePort(text: string): number {
  const port = text === '' ? usualPort : Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new StoreUnusable('the port of the database must be a whole number from 1 to 65535');
}

/** Folders of the socket where libpq was built for Debian or Red Hat, and as it comes. */
const socketFolders = ['/var/run/postgresql', '/tmp'];

function localHost(port: number): string {
  return socketFolders.find((folder) => existsSync(`${folder}/.s.PGSQL.${port}`)) ?? 'localhost';
}

function osUser(): string {
  try {
    return userInfo().username;
  } catch {
    throw new StoreUnusable('the database URL names no user, and this process runs as one without a name');
  }
}
