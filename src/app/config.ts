import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type IssuerConfig, requireSecureUrl } from '../auth/issuer-config.ts';
import { parseRoleMap } from '../auth/role-claims.ts';
import { DomainError } from '../domain/errors.ts';
import { policyMax } from '../domain/lockout-policy.ts';
import { type SettingName, settings } from './settings.ts';

/** What a server is started with. */
export interface ServeConfig {
  readonly host: string;
  readonly port: number;
  readonly dataFolder: string;
  /** Path of a file, or postgres://… with a password in it: never to be logged. */
  readonly database: string;
  readonly databaseConnectionsMax: number;
  readonly databaseTimeoutMs: number;
  readonly migrate: 'auto' | 'never';
  readonly tls: { readonly certPath: string; readonly keyPath: string } | undefined;
  /** Beside TLS, on the same port. */
  readonly plaintext: 'refused' | 'allowed';
  readonly passwordAttemptsMax: number;
  readonly bodyBytesMax: number;
  readonly timeoutMsMax: number;
  readonly drainTimeoutMs: number;
  readonly corsOrigins: readonly string[];
  readonly trustedProxies: readonly string[];
  /** Calls a second; 0: no limit, since only the operator knows what a busy help desk or a batch job may need. */
  readonly callsPerSecondPerToken: number;
  readonly callsPerSecondPerAddress: number;
  /** Of those without a valid token: nobody has a use for many, so this one is on from the start. */
  readonly refusedPerSecondPerAddress: number;
  /** Whose JWTs are taken beside our own tokens. */
  readonly oidc: IssuerConfig | undefined;
  readonly logLevel: string;
  /** Fill an empty database with a few people, most of them locked. */
  readonly demo: boolean;
}

/** Wrong use; the message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Flags and environment of `latchkey serve` → one frozen configuration. Throws UsageError. */
export function parseServeConfig(argv: readonly string[]): ServeConfig {
  const flags = parseFlags(argv);
  const value = (name: SettingName): string =>
    flags[name] ?? process.env[settings[name].env] ?? settings[name].fallback;
  const count = (name: SettingName, max: number): number => parseCount(name, value(name), max);
  const list = (name: SettingName) =>
    value(name)
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  const dataFolder = value('data');
  return Object.freeze({
    host: value('host'),
    port: count('port', 65_535),
    dataFolder,
    database: value('db') || `${dataFolder}/latchkey.db`,
    databaseConnectionsMax: Math.max(2, count('db-connections-max', 1_000)),
    databaseTimeoutMs: Math.max(1, count('db-timeout-ms', 600_000)),
    migrate: parseMigrate(value('migrate')),
    tls: parseTls(value('tls-cert'), value('tls-key')),
    plaintext: parsePlaintext(value('plaintext')),
    passwordAttemptsMax: count('lockout-attempts', policyMax.maxPasswordAttempts),
    bodyBytesMax: count('body-bytes-max', 64 * 1024 * 1024),
    timeoutMsMax: count('timeout-ms', 3_600_000),
    drainTimeoutMs: count('drain-timeout-ms', 600_000),
    corsOrigins: list('cors-origins'),
    trustedProxies: list('trusted-proxies'),
    callsPerSecondPerToken: count('calls-per-second-per-token', 1_000_000),
    callsPerSecondPerAddress: count('calls-per-second-per-address', 1_000_000),
    refusedPerSecondPerAddress: count('refused-per-second-per-address', 1_000_000),
    oidc: parseOidc(value, count('oidc-clock-skew-seconds', 300)),
    logLevel: parseLogLevel(value('log-level')),
    demo: flags.demo === 'true',
  });
}

/** What the other commands take from the environment. */
export interface ClientEnvironment {
  readonly url: string | undefined;
  readonly token: string | undefined;
  readonly db: string | undefined;
  readonly dataFolder: string;
}

/** LATCHKEY_URL, LATCHKEY_TOKEN, LATCHKEY_DB and LATCHKEY_DATA; an empty variable counts as absent. */
export function readClientEnvironment(): ClientEnvironment {
  return Object.freeze({
    url: process.env.LATCHKEY_URL || undefined,
    token: process.env.LATCHKEY_TOKEN || undefined,
    db: process.env.LATCHKEY_DB || undefined,
    dataFolder: process.env.LATCHKEY_DATA || settings.data.fallback,
  });
}

function parseFlags(argv: readonly string[]): Partial<Record<SettingName | 'demo', string>> {
  const options = Object.fromEntries(
    Object.keys(settings).map((name) => [name, { type: 'string' as const }]),
  );
  try {
    const { values } = parseArgs({ args: [...argv], options: { ...options, demo: { type: 'boolean' } } });
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function parseCount(name: SettingName, text: string, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= max) return value;
  throw new UsageError(
    `--${name} (${settings[name].env}) must be a whole number from 0 to ${max}, not "${text}"`,
  );
}

function parseTls(certPath: string, keyPath: string): ServeConfig['tls'] {
  if (certPath === '' && keyPath === '') return undefined;
  if (certPath !== '' && keyPath !== '') return { certPath, keyPath };
  throw new UsageError('--tls-cert and --tls-key go together: give both, or neither');
}

function parsePlaintext(text: string): ServeConfig['plaintext'] {
  if (text === 'refused' || text === 'allowed') return text;
  throw new UsageError(`--plaintext must be refused or allowed, not "${text}"`);
}

function parseMigrate(text: string): 'auto' | 'never' {
  if (text === 'auto' || text === 'never') return text;
  throw new UsageError(`--migrate must be auto or never, not "${text}"`);
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

function parseLogLevel(level: string): string {
  if (['debug', 'info', 'warn', 'error', 'silent'].includes(level)) return level;
  throw new UsageError(`--log-level must be debug, info, warn, error or silent, not "${level}"`);
}

/** File of the first administrator's token, mode 0600. */
export function adminTokenPath(dataFolder: string): string {
  return join(dataFolder, 'admin-token');
}
