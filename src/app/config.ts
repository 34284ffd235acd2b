import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type IssuerConfig, requireSecureUrl } from '../auth/issuer/config.ts';
import { parseRoleMap } from '../auth/role-claims.ts';
import { DomainError } from '../domain/errors.ts';
import type { TracingConfig } from '../ops/tracing.ts';
import { type Allowed, parseAllowed } from '../outbound/allowed.ts';
import { parseAuthorities } from '../outbound/authorities.ts';
import { requireProxies } from '../server/http/client-address.ts';
import { requireOrigins } from '../server/http/cors.ts';
import { isNoPath, kindOf } from '../store/database.ts';
import type { PostgresEnvironment } from '../store/postgres/connect/parameters.ts';
import { StoreUnusable } from '../store/store.ts';
import { type ConsoleConfig, parseConsole } from './console-config.ts';
import { loginPath, ownVariable, proxyOf, unknownVariables as unknownIn } from './environment.ts';
import { type ListenAddress, parseListenAddress } from './listen-address.ts';
import type { LogFormat } from './log/text.ts';
import { type CountName, type SettingName, settings } from './settings.ts';
import { readTracing } from './tracing-config.ts';
import { called, parseChoice, readNamed, readSecret, UsageError } from './usage.ts';

/** What a server is started with. */
export interface ServeConfig {
  readonly host: string;
  readonly port: number;
  readonly dataFolder: string;
  /** Holds the first administrator's token, or gets it; undefined: admin-token in the data folder. */
  readonly adminTokenFile: string | undefined;
  /** Path of a file, or postgres://… with a password in it: never to be logged. */
  readonly database: string;
  readonly databaseConnectionsMax: number;
  readonly databaseTimeoutMs: number;
  readonly migrate: 'auto' | 'never';
  readonly migrateBackup: 'beside' | 'nowhere';
  readonly tls: { readonly certPath: string; readonly keyPath: string } | undefined;
  /** Beside TLS, on the same port. */
  readonly plaintext: 'refused' | 'allowed';
  readonly passwordAttemptsMax: number;
  readonly importedHashCostMax: number;
  /** Undefined: as many as there are processors. */
  readonly passwordThreads: number | undefined;
  readonly passwordSharePercent: number;
  readonly attemptMs: number;
  /** 0: for ever. */
  readonly runItemsMs: number;
  readonly bodyBytesMax: number;
  readonly timeoutMsMax: number;
  readonly idleTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** Before that: serving as ever, but for readiness. */
  readonly shutdownDelayMs: number;
  readonly corsOrigins: readonly string[];
  readonly trustedProxies: readonly string[];
  /** Where the server may connect to beside public addresses. */
  readonly outboundAllowed: Allowed;
  /** PEM of those whose certificates it believes beside the public ones. */
  readonly outboundAuthorities: readonly string[];
  /** Calls a second; 0: no limit, since only the operator knows what a busy help desk or a batch job may need. */
  readonly callsPerSecondPerToken: number;
  readonly callsPerSecondPerAddress: number;
  /** Of those without a valid token: nobody has a use for many, so this one is on from the start. */
  readonly refusedPerSecondPerAddress: number;
  /** Whose JWTs are taken beside our own tokens. */
  readonly oidc: IssuerConfig | undefined;
  /** Where spans go, by OpenTelemetry's own variables. */
  readonly tracing: TracingConfig | undefined;
  /** Where Prometheus reads: an address of its own. */
  readonly metricsListen: ListenAddress | undefined;
  /** undefined: there is none. */
  readonly console: ConsoleConfig | undefined;
  readonly logLevel: string;
  readonly logFormat: LogFormat;
  /** Fill an empty database with a few people, most of them locked. */
  readonly demo: boolean;
}

const migrateModes = ['auto', 'never'] as const;
const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
const backupPlaces = ['beside', 'nowhere'] as const;

/** Flags and environment of `latchkey serve` → one frozen configuration. Throws UsageError. */
export function parseServeConfig(argv: readonly string[]): ServeConfig {
  const flags = parseFlags(argv);
  const value = (name: SettingName): string =>
    flags[name] ?? ownVariable(process.env, settings[name].env) ?? settings[name].fallback;
  const count = (name: CountName) => parseCount(name, value(name));
  const list = (name: SettingName) =>
    value(name)
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  const dataFolder = value('data');
  if (isNoPath(dataFolder)) throw new UsageError(`${called('data')} takes the path of a folder`);
  return Object.freeze({
    host: value('host'),
    port: count('port'),
    dataFolder,
    adminTokenFile: value('admin-token-file') || undefined,
    database: withPasswordOf(
      value('db-password-file'),
      requireDatabase(value('db') || `${dataFolder}/latchkey.db`),
    ),
    databaseConnectionsMax: count('db-connections-max'),
    databaseTimeoutMs: count('db-timeout-ms'),
    migrate: parseChoice('migrate', value('migrate'), migrateModes),
    migrateBackup: parseChoice('migrate-backup', value('migrate-backup'), backupPlaces),
    tls: parseTls(value('tls-cert'), value('tls-key')),
    plaintext: parseChoice('plaintext', value('plaintext'), ['refused', 'allowed']),
    passwordThreads: value('password-threads') ? count('password-threads') : undefined,
    passwordSharePercent: count('password-share'),
    attemptMs: count('attempt-seconds') * 1_000,
    importedHashCostMax: count('imported-hash-cost-max'),
    passwordAttemptsMax: count('lockout-attempts'),
    runItemsMs: count('run-items-days') * 86_400_000,
    bodyBytesMax: count('body-bytes-max'),
    timeoutMsMax: count('timeout-ms'),
    idleTimeoutMs: count('idle-timeout-ms'),
    drainTimeoutMs: count('drain-timeout-ms'),
    shutdownDelayMs: count('shutdown-delay-ms'),
    corsOrigins: asUsage(() => requireOrigins(list('cors-origins')), `${called('cors-origins')}: `),
    trustedProxies: asUsage(() => requireProxies(list('trusted-proxies')), `${called('trusted-proxies')}: `),
    outboundAllowed: asUsage(() => parseAllowed(list('outbound-allow')), `${called('outbound-allow')}: `),
    outboundAuthorities: authoritiesIn(value('outbound-ca-file')),
    callsPerSecondPerToken: count('calls-per-second-per-token'),
    callsPerSecondPerAddress: count('calls-per-second-per-address'),
    refusedPerSecondPerAddress: count('refused-per-second-per-address'),
    oidc: parseOidc(value, count('oidc-clock-skew-seconds')),
    tracing: parseTracing(value('trace-trust-remote')),
    metricsListen: parseMetricsListen(value('metrics-listen')),
    console: parseConsole(value),
    logLevel: parseChoice('log-level', value('log-level'), logLevels),
    logFormat: parseChoice('log-format', value('log-format'), ['json', 'text', 'auto']),
    demo: flags.demo === 'true',
  });
}

/** What the other commands take from the environment. */
export interface ClientEnvironment {
  readonly url: string | undefined;
  readonly token: string | undefined;
  readonly db: string | undefined;
  readonly dbPasswordFile: string | undefined;
  readonly dataFolder: string;
  /** Where a server that is started with this environment leaves its first token. */
  readonly adminTokenPath: string;
  /** Where `latchkey login` keeps URL and token; undefined: nobody's folder is known. */
  readonly loginPath: string | undefined;
  /** The way out, as grpc-js reads it too. */
  readonly proxy: ReturnType<typeof proxyOf>;
}

/** An empty variable counts as absent, and a token's line end is none of it. */
export function readClientEnvironment(): ClientEnvironment {
  const dataFolder = process.env.LATCHKEY_DATA || settings.data.fallback;
  return Object.freeze({
    url: process.env.LATCHKEY_URL || undefined,
    token: process.env.LATCHKEY_TOKEN?.trim() || undefined,
    db: process.env.LATCHKEY_DB || undefined,
    dbPasswordFile: process.env.LATCHKEY_DB_PASSWORD_FILE || undefined,
    dataFolder,
    adminTokenPath: process.env.LATCHKEY_ADMIN_TOKEN_FILE || adminTokenPath(dataFolder),
    loginPath: loginPath(process.env),
    proxy: proxyOf(process.env),
  });
}

/** What every command that opens a database goes by, whatever its options. Throws UsageError. */
export function readDatabaseEnvironment(): {
  /** libpq's variables. */
  readonly environment: PostgresEnvironment;
  readonly migrateNot: boolean;
  /** Migrate a file without keeping a copy of it. */
  readonly copyNot: boolean;
} {
  const own = Object.entries(process.env).filter(([name]) => name.startsWith('PG') || name === 'HOME');
  const value = (name: 'migrate' | 'migrate-backup') =>
    ownVariable(process.env, settings[name].env) || settings[name].fallback;
  return {
    environment: Object.freeze(Object.fromEntries(own)),
    migrateNot: parseChoice('migrate', value('migrate'), migrateModes) === 'never',
    copyNot: parseChoice('migrate-backup', value('migrate-backup'), backupPlaces) === 'nowhere',
  };
}

/** A sentence for each LATCHKEY_ variable of the environment that nothing reads. */
export function unknownVariables(): readonly string[] {
  return unknownIn(process.env);
}

/** The same text, where it names a file or a PostgreSQL database. Throws UsageError, which does not repeat it. */
export function requireDatabase(database: string): string {
  try {
    kindOf(database);
    return database;
  } catch (error) {
    throw error instanceof StoreUnusable ? new UsageError(error.message) : error;
  }
}

/** The database URL with the password of the file in it; the URL itself where no file is named. Throws UsageError. */
export function withPasswordOf(path: string, database: string): string {
  if (path === '') return database;
  const parts = /^(postgres(?:ql)?:\/\/)(?:([^/?#@]*)@)?(.*)$/is.exec(database);
  if (parts === null)
    throw new UsageError(`${called('db-password-file')} goes with --db postgres://…, not with a file`);
  const [, scheme = '', user = '', rest = ''] = parts;
  if (user.includes(':')) {
    throw new UsageError(
      `${called('db-password-file')}, or a password in the database URL: give one of them`,
    );
  }
  return `${scheme}${user}:${encodeURIComponent(readSecret('db-password-file', path))}@${rest}`;
}

function parseFlags(argv: readonly string[]): Partial<Record<SettingName | 'demo', string>> {
  const options = Object.fromEntries(
    Object.keys(settings).map((name) => [name, { type: 'string' as const }]),
  );
  const { values } = asUsage(() =>
    parseArgs({ args: [...argv], options: { ...options, demo: { type: 'boolean' } } }),
  );
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
}

function parseCount(name: CountName, text: string): number {
  const [min, max] = settings[name].range;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`${called(name)} must be a whole number from ${min} to ${max}, not "${text}"`);
}

function parseMetricsListen(text: string): ListenAddress | undefined {
  if (text === '') return undefined;
  const address = parseListenAddress(text);
  if (address !== undefined) return address;
  throw new UsageError(
    `${called('metrics-listen')} must be HOST:PORT, such as 127.0.0.1:9464 or [::1]:9464, not "${text}"`,
  );
}

function asUsage<Value>(read: () => Value, prefix = ''): Value {
  try {
    return read();
  } catch (error) {
    throw new UsageError(`${prefix}${error instanceof Error ? error.message : String(error)}`);
  }
}

function authoritiesIn(path: string): readonly string[] {
  if (path === '') return [];
  const pem = readNamed('outbound-ca-file', path);
  return asUsage(() => parseAuthorities(pem), `${called('outbound-ca-file')}: ${path}: `);
}

function parseTracing(text: string): ServeConfig['tracing'] {
  const trust = parseChoice('trace-trust-remote', text, ['true', 'false']);
  return asUsage(() => readTracing(process.env, trust === 'true'));
}

function parseTls(certPath: string, keyPath: string): ServeConfig['tls'] {
  if (certPath === '' && keyPath === '') return undefined;
  if (certPath !== '' && keyPath !== '') return { certPath, keyPath };
  throw new UsageError(`${called('tls-cert')} and ${called('tls-key')} go together: give both, or neither`);
}

function parseOidc(value: (name: SettingName) => string, clockSkewSeconds: number): ServeConfig['oidc'] {
  const [issuer, audience, keysUrl] = [value('oidc-issuer'), value('oidc-audience'), value('oidc-jwks-url')];
  const [rolesClaim, roles] = [value('oidc-roles-claim'), value('oidc-roles')];
  const isAll = issuer !== '' && audience !== '' && roles !== '';
  if (!isAll && issuer + audience + keysUrl + roles === '') return undefined;
  if (!isAll || rolesClaim === '') {
    throw new UsageError('--oidc-issuer, --oidc-audience and --oidc-roles go together: give all, or none');
  }
  try {
    requireSecureUrl(keysUrl || issuer);
    return {
      issuer,
      audience,
      keysUrl: keysUrl || undefined,
      rolesClaim,
      roles: parseRoleMap(roles),
      clockSkewSeconds,
    };
  } catch (error) {
    throw new UsageError(`--oidc-…: ${error instanceof DomainError ? error.text : (error as Error).message}`);
  }
}

/** File of the first administrator's token, mode 0600. */
export function adminTokenPath(dataFolder: string): string {
  return join(dataFolder, 'admin-token');
}
