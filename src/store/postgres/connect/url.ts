import { StoreUnusable } from '../../store.ts';

/** Whether `--db` names a PostgreSQL database rather than a file. */
export function isPostgresUrl(database: string): boolean {
  return /^postgres(ql)?:\/\//i.test(database);
}

/** The parts of a connection URL, decoded. What is empty is not there. */
export interface PostgresUrl {
  /** One or more; several: a primary and the standbys that may take its place. */
  readonly hosts: readonly { readonly host: string; readonly port: string }[];
  readonly user: string;
  readonly password: string;
  readonly dbname: string;
  /** In their order. */
  readonly parameters: readonly (readonly [string, string])[];
}

/** What `--db` says, fit for a log: without the password, and of what cannot be read nothing at all. */
export function withoutPassword(database: string): string {
  if (!isPostgresUrl(database)) return database;
  const url = readUrl(database);
  if (url === undefined) return 'postgres://(unreadable)';
  const named = new Map(url.parameters);
  const hosts =
    named.get('host') ?? url.hosts.map(({ host, port }) => (port ? `${host}:${port}` : host)).join(',');
  const user = named.get('user') ?? url.user;
  return `postgres://${user && `${user}@`}${hosts}/${named.get('dbname') ?? url.dbname}`;
}

/** Throws StoreUnusable, which repeats nothing of the text. */
export function parseUrl(database: string): PostgresUrl {
  const url = readUrl(database);
  if (url !== undefined) return url;
  throw new StoreUnusable(
    'cannot read the database URL: write postgres://user:password@host:5432/database, with @ : / ? # % and spaces in ' +
      'a password percent-encoded (%40 %3A %2F %3F %23 %25 %20), or leave the password to --db-password-file',
  );
}

/**
 * postgres://user:password@one:5432,two:5432/database?parameter=value, as libpq reads it. Where a special character was
 * not encoded, libpq and others part the text at different places, and a piece of the password would be taken for a
 * host or a parameter, looked up and shown: nothing of that is believed.
 */
function readUrl(database: string): PostgresUrl | undefined {
  const parts = /^postgres(?:ql)?:\/\/(?:([^@/?]*)@)?([^@/?]*)(?:\/([^@/?]*))?(?:\?([^@]*))?$/i.exec(
    database,
  );
  if (parts === null || /[#\s]/.test(database)) return undefined;
  const [, userinfo = '', authority = '', path = '', query = ''] = parts;
  const [, user = '', password = ''] = /^([^:]*)(?::(.*))?$/.exec(userinfo) ?? [];
  const pairs = query.split('&').filter((pair) => pair !== '');
  try {
    const hosts = authority.split(',').map(parseHost);
    if (hosts.includes(undefined) || pairs.some((pair) => !pair.includes('='))) return undefined;
    return {
      hosts: hosts.filter((host) => host !== undefined),
      user: decodeURIComponent(user),
      password: decodeURIComponent(password),
      dbname: decodeURIComponent(path),
      parameters: pairs.map((pair) => {
        const [name = '', ...value] = pair.split('=');
        return [decodeURIComponent(name), decodeURIComponent(value.join('='))] as const;
      }),
    };
  } catch {
    // What is percent-encoded badly.
    return undefined;
  }
}

function parseHost(text: string): { readonly host: string; readonly port: string } | undefined {
  const parts = /^(?:\[([0-9a-f:.%]+)\]|([^:[\]]*))(?::(\d{0,5}))?$/i.exec(text);
  if (parts === null) return undefined;
  const [, address, name = '', port = ''] = parts;
  return { host: decodeURIComponent(address ?? name), port };
}
