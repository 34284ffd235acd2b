import { existsSync } from 'node:fs';
import {
  type ClientEnvironment,
  readClientEnvironment,
  requireDatabase,
  withPasswordOf,
} from '../app/config.ts';
import type { Arguments } from './arguments.ts';
import { CliError } from './failure.ts';

/** The database that options and environment name; it may not be there yet. */
export function databaseOf(args: Arguments): string {
  const environment = readClientEnvironment();
  const database = args.text('db') ?? environment.db ?? `${environment.dataFolder}/latchkey.db`;
  return withPassword(requireDatabase(database), environment);
}

/** With the password of LATCHKEY_DB_PASSWORD_FILE, where the database is a URL that has none. */
export function withPassword(database: string, { dbPasswordFile = '' }: ClientEnvironment): string {
  const isUrlWithout = /^postgres(ql)?:\/\/([^/?#@:]*@)?[^/?#@]*([/?#]|$)/i.test(database);
  return isUrlWithout ? withPasswordOf(dbPasswordFile, database) : database;
}

/** The same, but a misspelt path must not become a new, empty database. Throws CliError. */
export function existingDatabaseOf(args: Arguments): string {
  const database = databaseOf(args);
  if (database.includes('://') || existsSync(database)) return database;
  throw noDatabase(database);
}

/** Says where to look for it. */
export function noDatabase(database: string): CliError {
  const hint = 'name it with --db FILE, or set LATCHKEY_DATA to the data folder of the server';
  return new CliError({ code: 'unavailable', message: `There is no database ${database}: ${hint}` });
}
