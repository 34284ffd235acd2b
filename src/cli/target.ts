import { existsSync, readFileSync } from 'node:fs';
import { type ClientEnvironment, readClientEnvironment, requireDatabase } from '../app/config.ts';
import { osUserName } from '../app/os-user.ts';
import { UsageError } from '../app/usage.ts';
import type { Arguments } from './arguments.ts';
import type { Backend } from './backend.ts';
import { connectionOptions } from './command.ts';
import { noDatabase, withPassword } from './database.ts';
import { CliError } from './failure.ts';
import { isLoopback } from './loopback.ts';

/** Opens what the options and the environment name: a database or a server. Throws UsageError, CliError. */
export async function openBackend(args: Arguments): Promise<Backend> {
  const environment = readClientEnvironment();
  const database = databaseOf(args, environment);
  const reason = reasonOf(args);
  if (database === undefined) return openServer(args, environment, reason);
  return openDatabase(withPassword(requireDatabase(database), environment), reason);
}

function databaseOf(args: Arguments, environment: ClientEnvironment): string | undefined {
  const namesServer = ['url', 'token', 'ca'].find((name) => args.flag(name));
  const database = args.text('db');
  if (database !== undefined) {
    if (namesServer === undefined) return database;
    throw new UsageError(`--db works without a server: leave out --${namesServer}, or --db`);
  }
  const isServerNamed = namesServer !== undefined || environment.url !== undefined;
  return isServerNamed || environment.token !== undefined ? undefined : environment.db;
}

const reasonLengthMax = 500;

function reasonOf(args: Arguments): string | undefined {
  const reason = args.text('reason');
  if (reason !== undefined && [...reason].length > reasonLengthMax) {
    throw invalid(`--reason must be at most ${reasonLengthMax} characters long`);
  }
  return reason === '' ? undefined : reason?.toWellFormed();
}

const invalid = (message: string): CliError => new CliError({ code: 'invalid_argument', message });

async function openDatabase(database: string, reason: string | undefined): Promise<Backend> {
  // A misspelt path must not become a new, empty database.
  if (!database.includes('://') && !existsSync(database)) throw noDatabase(database);
  const { openLocal } = await import('./local/local.ts');
  return openLocal({ database, osUser: osUserName(), reason });
}

const timeoutSecondsMax = 3_600;

async function openServer(
  args: Arguments,
  environment: ClientEnvironment,
  reason: string | undefined,
): Promise<Backend> {
  const url = parseUrl(args.text('url') ?? environment.url ?? connectionOptions.url.fallback);
  const given = args.text('token') ?? environment.token;
  const { token, tokenPath } = given === undefined ? firstToken(url, environment) : { token: given.trim() };
  requireToken(token, tokenPath ?? (args.flag('token') ? '--token' : 'LATCHKEY_TOKEN'));
  const caPath = args.text('ca');
  const timeoutSeconds = args.count('timeout') ?? Number(connectionOptions.timeout.fallback);
  if (timeoutSeconds < 1 || timeoutSeconds > timeoutSecondsMax) {
    throw new UsageError(`--timeout must be from 1 to ${timeoutSecondsMax}`);
  }
  const { openRemote } = await import('./remote/remote.ts');
  return openRemote({
    url,
    token,
    tokenPath,
    ca: caPath === undefined ? undefined : readCa(caPath),
    timeoutMs: timeoutSeconds * 1_000,
    reason,
  });
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isServer = url !== undefined && /^https?:$/.test(url.protocol) && url.hostname !== '';
  if (isServer && url.pathname === '/' && url.search === '' && url.username === '') return url;
  if (url?.username || url?.password) {
    throw new UsageError('--url must be without a user name and a password: what a server wants is a token');
  }
  throw new UsageError(`--url must be like http://127.0.0.1:8080 or https://host, not "${text}"`);
}

/** Neither the text itself nor a part of it is ever shown. */
function requireToken(token: string, source: string): void {
  if (token === '') {
    throw invalid(`${source} is empty: a token is wanted, such as "latchkey token create" makes`);
  }
  // RFC 6750, section 2.1: what may stand behind "Bearer".
  if (!/^[\w.~+/-]+=*$/.test(token)) {
    const what = 'a space, a line end or another character that no token has';
    throw invalid(`${source} holds ${what}: give it one token and nothing else`);
  }
}

/** The token that the first start left, for this machine's server alone: no other server is ever sent it. */
function firstToken(url: URL, environment: ClientEnvironment): { token: string; tokenPath: string } {
  const { adminTokenPath: tokenPath } = environment;
  if (isLoopback(url) && existsSync(tokenPath)) return { token: readText(tokenPath).trim(), tokenPath };
  const here = `, or LATCHKEY_DATA to the server's data folder (there is no ${tokenPath} here)`;
  throw new CliError({
    code: 'unauthenticated',
    message: `No token: set LATCHKEY_TOKEN${isLoopback(url) ? here : ''}; on the server's own machine, --db FILE needs none`,
  });
}

function readCa(path: string): Buffer {
  return Buffer.from(readText(path));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CliError({ code: 'invalid_argument', message: `Cannot read ${path}` }, error);
  }
}
