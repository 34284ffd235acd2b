import { StoreUnusable } from '../../store.ts';

/** What Latchkey does with one of libpq's parameters. docs/postgres.md's table is held against this one. */
interface Parameter {
  /** libpq's variable for it; empty: it has none. */
  readonly env: string;
  readonly help: string;
  /** Values that are taken; any other is refused with the help. Default: all. */
  readonly only?: RegExp;
}

const notTaken = /^$/;

/**
 * Every parameter of libpq's: what is absent here is refused by name, and what Latchkey cannot do is refused with what it
 * can, so that nothing that somebody asked for is dropped without a word.
 */
export const parameters = {
  host: {
    env: 'PGHOST',
    help: 'host or folder of a Unix socket; several with commas: the one that takes writes',
  },
  port: { env: 'PGPORT', help: 'port, one for all hosts or one for each' },
  dbname: { env: 'PGDATABASE', help: "database; default: the user's name" },
  user: { env: 'PGUSER', help: "user; default: the operating system's" },
  password: { env: 'PGPASSWORD', help: 'password; --db-password-file keeps it out of the environment' },
  sslmode: {
    env: 'PGSSLMODE',
    help: 'disable, allow, prefer, require, verify-ca or verify-full; default: prefer, which is encrypted wherever the server offers it, and says so where it does not',
    only: /^(disable|allow|prefer|require|verify-ca|verify-full)$/,
  },
  sslrootcert: {
    env: 'PGSSLROOTCERT',
    help: 'PEM file of the authorities; system: those of this machine, and verify-full; default: ~/.postgresql/root.crt where it is there',
  },
  sslcert: {
    env: 'PGSSLCERT',
    help: "PEM file of Latchkey's certificate; default: ~/.postgresql/postgresql.crt where it is there",
  },
  sslkey: {
    env: 'PGSSLKEY',
    help: 'PEM file of its key; default: ~/.postgresql/postgresql.key where it is there',
  },
  sslpassword: { env: '', help: 'password of the key' },
  sslcrl: { env: 'PGSSLCRL', help: 'PEM file of certificates that were revoked' },
  ssl_min_protocol_version: {
    env: 'PGSSLMINPROTOCOLVERSION',
    help: 'TLSv1.2 or TLSv1.3',
    only: /^TLSv1\.[23]$/,
  },
  ssl_max_protocol_version: {
    env: 'PGSSLMAXPROTOCOLVERSION',
    help: 'TLSv1.2 or TLSv1.3',
    only: /^(|TLSv1\.[23])$/,
  },
  sslnegotiation: {
    env: 'PGSSLNEGOTIATION',
    help: 'postgres, or direct with sslmode require and above',
    only: /^(postgres|direct)$/,
  },
  sslsni: { env: 'PGSSLSNI', help: '1: the name of the host is told to the server', only: /^1$/ },
  sslcertmode: {
    env: 'PGSSLCERTMODE',
    help: 'allow: the certificate is sent where the server asks for it',
    only: /^allow$/,
  },
  channel_binding: {
    env: 'PGCHANNELBINDING',
    help: 'disable, prefer or require: the password proof is bound to the TLS connection',
    only: /^(disable|prefer|require)$/,
  },
  target_session_attrs: {
    env: 'PGTARGETSESSIONATTRS',
    help: 'any, read-write or primary: a server that takes writes, as Latchkey writes',
    only: /^(any|read-write|primary)$/,
  },
  load_balance_hosts: {
    env: 'PGLOADBALANCEHOSTS',
    help: 'disable: one host takes the writes',
    only: /^disable$/,
  },
  connect_timeout: {
    env: 'PGCONNECT_TIMEOUT',
    help: 'whole seconds for a connection to one host; 0, and the default: 2 s, and 5 s for export and import',
    only: /^-?\d{1,5}$/,
  },
  application_name: { env: 'PGAPPNAME', help: 'what pg_stat_activity shows; default: latchkey' },
  fallback_application_name: { env: '', help: 'the same, where application_name is not set' },
  options: { env: 'PGOPTIONS', help: "command-line options of the server's session; PgBouncer refuses them" },
  keepalives: { env: '', help: '0 turns TCP keepalives off', only: /^[01]$/ },
  keepalives_idle: { env: '', help: 'seconds until the first of them; default: 10', only: /^\d{1,5}$/ },
  client_encoding: { env: 'PGCLIENTENCODING', help: 'UTF8 or auto', only: /^(utf-?8|unicode|auto)$/i },
  gssencmode: {
    env: 'PGGSSENCMODE',
    help: 'disable or prefer: Latchkey has no GSSAPI',
    only: /^(disable|prefer)$/,
  },
  sslcompression: { env: 'PGSSLCOMPRESSION', help: '0 or 1, and no effect, as in libpq', only: /^[01]$/ },
  hostaddr: { env: 'PGHOSTADDR', help: 'not taken: name the address as the host', only: notTaken },
  passfile: { env: '', help: 'not taken: name the file in PGPASSFILE', only: notTaken },
  service: { env: 'PGSERVICE', help: "not taken: write the service's parameters out", only: notTaken },
  requirepeer: { env: 'PGREQUIREPEER', help: 'not taken', only: notTaken },
  require_auth: { env: 'PGREQUIREAUTH', help: 'not taken: channel_binding=require is', only: notTaken },
  sslcrldir: { env: 'PGSSLCRLDIR', help: 'not taken: name one file in sslcrl', only: notTaken },
  tcp_user_timeout: {
    env: '',
    help: 'not taken: statements and connections have limits of their own',
    only: notTaken,
  },
  keepalives_interval: { env: '', help: "not taken: the machine's own setting counts", only: notTaken },
  keepalives_count: { env: '', help: "not taken: the machine's own setting counts", only: notTaken },
} as const satisfies Record<string, Parameter>;

export type ParameterName = keyof typeof parameters;

/** What was asked for: the URL first, then libpq's variables. Values of the URL, then empty ones count as absent. */
export type Settings = ReadonlyMap<ParameterName, string>;

/** libpq's variables, and HOME. */
export type PostgresEnvironment = Readonly<Record<string, string | undefined>>;

/** Throws StoreUnusable, naming the parameter or the variable, at one that Latchkey does not do as libpq would. */
export function readSettings(
  given: readonly (readonly [string, string])[],
  environment: PostgresEnvironment,
): Settings {
  const settings = new Map<ParameterName, string>();
  for (const [name, value] of given) {
    if (!isParameter(name)) throw unknownParameter(name);
    set(settings, name, value, `"${name}" in the database URL`);
  }
  for (const [name, { env }] of Object.entries(parameters)) {
    const value = env === '' ? undefined : environment[env];
    if (isParameter(name) && value && !settings.has(name)) set(settings, name, value, env);
  }
  // What came before sslmode, as libpq still has it.
  if (environment.PGREQUIRESSL === '1' && !settings.has('sslmode')) settings.set('sslmode', 'require');
  return settings;
}

function isParameter(name: string): name is ParameterName {
  return Object.hasOwn(parameters, name);
}

function set(settings: Map<ParameterName, string>, name: ParameterName, value: string, where: string): void {
  if (value === '') return;
  const { help, only }: Parameter = parameters[name];
  if (only !== undefined && !only.test(value)) {
    // What is not taken at all has its reason, what is taken its values.
    throw new StoreUnusable(only === notTaken ? `${where} is ${help}` : `${name} must be ${help} (${where})`);
  }
  settings.set(name, value);
}

function unknownParameter(name: string): StoreUnusable {
  // Half a password behind an unencoded "?" or "&" may be what stands here.
  const shown = /^[a-z_]{1,32}$/.test(name) ? `"${name}"` : 'a parameter';
  const known = Object.keys(parameters).join(', ');
  return new StoreUnusable(`the database URL has ${shown}, which Latchkey does not know: it knows ${known}`);
}
