import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { StoreUnusable } from '../store.ts';

/** Where the database is and who asks; what is absent is up to the library's defaults (PGUSER, PGPASSWORD, …). */
export interface PostgresAddress {
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
  readonly ssl: ConnectionOptions | false;
}

/** Whether `--db` names a PostgreSQL database rather than a file. */
export function isPostgresUrl(database: string): boolean {
  return /^postgres(ql)?:\/\//i.test(database);
}

/** What `--db` says, fit for a log: without the password. */
export function withoutPassword(database: string): string {
  if (!isPostgresUrl(database)) return database;
  const urls = splitHosts(database).map(parseUrl);
  const [url] = urls;
  if (url === undefined || urls.includes(undefined)) return 'postgres://(unreadable)';
  const hosts = urls.map((one) => one?.host).join(',');
  return `postgres://${url.username ? `${url.username}@` : ''}${hosts}${url.pathname}`;
}

const known = new Set(['host', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'target_session_attrs']);

/**
 * One address for each host of postgres://user:password@one:5432,two:5432/database, in their order: a primary and the
 * standbys that may take its place. Throws StoreUnusable.
 */
export function parsePostgresHosts(database: string): readonly PostgresAddress[] {
  return splitHosts(database).map(parsePostgresUrl);
}

// No URL has two hosts, as the standard has it; libpq's have. What is no such URL stays as it is.
function splitHosts(database: string): readonly string[] {
  const parts = /^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)([^/?#@]*)(.*)$/is.exec(database);
  const [, before = '', hosts = '', behind = ''] = parts ?? [];
  if (parts === null) return [database];
  return hosts.split(',').map((host) => `${before}${host}${behind}`);
}

/**
 * postgres://user:password@host:port/database, with libpq's names after the question mark: host (a socket's folder),
 * sslmode (disable, require, verify-ca, verify-full), sslrootcert, sslcert, sslkey, target_session_attrs (read-write,
 * as it is anyway). Throws StoreUnusable, which never repeats the password.
 */
export function parsePostgresUrl(database: string): PostgresAddress {
  const url = parseUrl(database);
  if (url === undefined) {
    throw new StoreUnusable(
      'cannot read the database URL: write postgres://user:password@host:5432/database, with special characters percent-encoded',
    );
  }
  const unknown = [...url.searchParams.keys()].find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw new StoreUnusable(
      `the database URL has "${unknown}", which Latchkey does not know: it knows ${[...known].join(', ')}`,
    );
  }
  const session = url.searchParams.get('target_session_attrs') ?? 'read-write';
  if (!/^(read-write|primary)$/.test(session)) {
    throw new StoreUnusable(
      `target_session_attrs must be read-write or primary, not "${session}": Latchkey writes`,
    );
  }
  const host = url.searchParams.get('host') ?? decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1');
  const name = decodeURIComponent(url.pathname.slice(1));
  return {
    ...(host !== '' && { host }),
    ...(url.port !== '' && { port: Number(url.port) }),
    ...(url.username !== '' && { user: decodeURIComponent(url.username) }),
    ...(url.password !== '' && { password: decodeURIComponent(url.password) }),
    ...(name !== '' && { database: name }),
    ssl: parseTls(url.searchParams),
  };
}

function parseUrl(text: string): URL | undefined {
  try {
    const url = new URL(text);
    // A password with a bare "/" ends the host early, and its rest stands in the path: not to be shown, nor believed.
    if (url.pathname.includes('@')) return undefined;
    for (const part of [url.username, url.password, url.pathname, url.hostname]) decodeURIComponent(part);
    return url;
  } catch {
    return undefined;
  }
}

function parseTls(parameters: URLSearchParams): ConnectionOptions | false {
  const mode = parameters.get('sslmode') ?? (parameters.has('sslrootcert') ? 'verify-full' : 'disable');
  const file = (name: string) => {
    const path = parameters.get(name);
    return path === null ? undefined : readPem(name, path);
  };
  const [ca, cert, key] = [file('sslrootcert'), file('sslcert'), file('sslkey')];
  const files = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  switch (mode) {
    case 'disable':
      return false;
    case 'require':
      // As libpq has it: encrypted, but to whomever answers, unless there is a root to hold the answer against.
      return ca
        ? { ...files, checkServerIdentity: () => undefined }
        : { ...files, rejectUnauthorized: false };
    case 'verify-ca':
      return { ...files, checkServerIdentity: () => undefined };
    case 'verify-full':
      return files;
    default:
      throw new StoreUnusable(
        `sslmode must be disable, require, verify-ca or verify-full, not "${mode}" (allow and prefer would fall back to plain text)`,
      );
  }
}

function readPem(name: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreUnusable(`cannot read the ${name} of the database URL: ${reason}`, { cause: error });
  }
}
