import { existsSync } from 'node:fs';
import { type ClientEnvironment, readClientEnvironment, requireDatabase } from '../app/config.ts';
import { osUserName } from '../app/os-user.ts';
import { UsageError } from '../app/usage.ts';
import type { Arguments } from './arguments.ts';
import type { Backend } from './backend.ts';
import { connectionOptions } from './command.ts';
import { noDatabase, withPassword } from './database.ts';
import { invalid } from './failure.ts';
import { chooseServer, readText } from './login/server-choice.ts';

/** Opens what the options and the environment name: a database or a server. Throws UsageError, CliError. */
export async function openBackend(args: Arguments): Promise<Backend> {
  const environment = readClientEnvironment();
  const database = databaseOf(args, environment);
  const reason = reasonOf(args);
  if (database === undefined) return openServer(args, environment, reason);
  return openDatabase(withPassword(requireDatabase(database), environment), reason);
}

/** The database that is meant instead of a server. Throws UsageError. */
export function databaseOf(args: Arguments, environment: ClientEnvironment): string | undefined {
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

async function openDatabase(database: string, reason: string | undefined): Promise<Backend> {
  // A misspelt path must not become a new, empty database.
  if (!database.includes('://') && !existsSync(database)) throw noDatabase(database);
  const { openLocal } = await import('./local/local.ts');
  return openLocal({ database, osUser: osUserName(), reason });
}

const timeoutSecondsMax = 3_600;

/** Sources of a URL that nobody has to look for. */
const typed: ReadonlySet<string> = new Set(['--url', 'the default']);

async function openServer(
  args: Arguments,
  environment: ClientEnvironment,
  reason: string | undefined,
): Promise<Backend> {
  const { urlFrom, tokenFrom, caPath, ...chosen } = chooseServer(args, environment);
  const ca = caPath === undefined ? undefined : Buffer.from(readText(caPath));
  const { openRemote } = await import('./remote/remote.ts');
  const sources = {
    urlFrom: typed.has(urlFrom) ? undefined : urlFrom,
    tokenFrom: tokenFrom === 'LATCHKEY_TOKEN' ? tokenFrom : undefined,
  };
  return openRemote({
    ...chosen,
    ...sources,
    ca,
    proxy: environment.proxy,
    timeoutMs: timeoutMsOf(args),
    reason,
  });
}

/** Throws UsageError. */
export function timeoutMsOf(args: Arguments, fallback: string = connectionOptions.timeout.fallback): number {
  const timeoutSeconds = args.count('timeout') ?? Number(fallback);
  if (timeoutSeconds >= 1 && timeoutSeconds <= timeoutSecondsMax) return timeoutSeconds * 1_000;
  throw new UsageError(`--timeout must be from 1 to ${timeoutSecondsMax}`);
}
