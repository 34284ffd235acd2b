import { fileURLToPath } from 'node:url';
import { isPostgresUrl, withoutPassword } from './postgres/connect/url.ts';
import { StoreUnusable } from './store.ts';

/**
 * Whether `--db` names a PostgreSQL database or the path of a file. Throws StoreUnusable where it looks like a URL or a
 * connection string of another form: a file of that name would be made, served and named in the log, password and all.
 */
export function kindOf(database: string): 'postgres' | 'file' {
  if (isPostgresUrl(database)) return 'postgres';
  const why = whyNoPath(database);
  if (why === undefined) return 'file';
  throw new StoreUnusable(why);
}

/** What the database is called in messages and logs: without its password. */
export function databaseNameOf(database: string): string {
  return whyNoPath(database) === undefined ? withoutPassword(database) : '(unreadable)';
}

const url = 'postgres://user:password@host:5432/database';

// None of these repeats the text: a password may stand in it, in any place.
function whyNoPath(database: string): string | undefined {
  if (isPostgresUrl(database)) return undefined;
  const plain = plainOf(database);
  const why = whyNoPathAsItIs(database);
  if (why !== undefined || plain === database) return why ?? (holdsLogin(plain) ? noLogin : undefined);
  const isOther = isPostgresUrl(plain) || holdsLogin(plain) || whyNoPathAsItIs(plain) !== undefined;
  return isOther ? noLogin : undefined;
}

const noLogin = `--db takes the path of a file or ${url}, not quoted, not encoded as a whole, and with its scheme`;

// "user:password@host", as it stands in a URL. One letter before the colon is a drive.
const holdsLogin = (text: string): boolean => /^[^/:]{2,}:[^@]*@./.test(text);

/** Without what quoting, pasting and encoding put around it. */
function plainOf(text: string): string {
  let plain = text;
  for (let round = 0; round < 3; round += 1) {
    const decoded = plain.replace(/(?:%[0-9a-f]{2})+/gi, (part) =>
      Buffer.from(part.replaceAll('%', ''), 'hex').toString(),
    );
    plain = decoded.replace(/^[\s"'`<(]+/, '');
  }
  return plain;
}

/** Whether a text that should be a path looks like a URL or a connection string instead, encoded or not. */
export function isNoPath(text: string): boolean {
  return isPostgresUrl(text) || whyNoPath(text) !== undefined;
}

function whyNoPathAsItIs(database: string): string | undefined {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(database)?.[1]?.toLowerCase();
  if (scheme === 'file' || scheme === 'sqlite' || scheme === 'sqlite3') {
    return `--db takes a database file by its path, not as a URL: write --db ${pathOf(database, scheme)}`;
  }
  if (database === ':memory:') return '--db needs a file: a database in memory is gone when the server ends';
  if (
    /^[a-z][a-z0-9+.-]+:\/\//i.test(database) ||
    scheme === 'jdbc' ||
    /^postgres(ql)?$/.test(scheme ?? '')
  ) {
    const shown = /^[a-z0-9+]{1,16}$/.test(scheme ?? '') ? ` "${scheme}:"` : '';
    return `--db takes the path of a file or ${url}; Latchkey knows no database${shown}: is it misspelt?`;
  }
  if (/(^|\s)(host|hostaddr|port|dbname|user|password|sslmode|service)\s*=/i.test(database)) {
    return `--db takes the path of a file or ${url}, not a connection string: write it as that URL`;
  }
  return undefined;
}

function pathOf(database: string, scheme: string): string {
  const rest = database.slice(scheme.length + 1);
  try {
    if (rest.startsWith('///')) return fileURLToPath(`file:${rest.replace(/[?#].*/s, '')}`);
  } catch {
    return '/path/of/the/file';
  }
  return /^[\w./-]+$/.test(rest) && !rest.startsWith('//') ? rest : '/path/of/the/file';
}
