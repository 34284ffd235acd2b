import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import type { SeededPostgres } from './seed.ts';

/** One run of pgbench. */
export interface PgbenchJob {
  readonly path: string;
  readonly seeded: SeededPostgres;
  readonly clients: number;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

export interface PgbenchResult {
  readonly perSecond: number;
  /** Transactions that were committed. */
  readonly ok: number;
  readonly meanUs: number;
}

const script = new URL('../contenders/pgbench-unlock.sql', import.meta.url).pathname;
const threads = Math.min(2, availableParallelism());
const graceSeconds = 30;
const debianFolder = '/usr/lib/postgresql';

/** Where pgbench is; undefined where it is not installed. */
export function findPgbench(): string | undefined {
  const versions = existsSync(debianFolder) ? readdirSync(debianFolder).sort().reverse() : [];
  const folders = [
    ...(process.env.PATH ?? '').split(':'),
    ...versions.map((version) => `${debianFolder}/${version}/bin`),
  ];
  return folders.map((folder) => `${folder}/pgbench`).find((path) => existsSync(path));
}

/** Unlocks for so many seconds. Throws where a single transaction fails. */
export async function runPgbench({
  path,
  seeded,
  clients,
  seconds,
  signal,
}: PgbenchJob): Promise<PgbenchResult> {
  const defined = { i: 0, clients, count: seeded.locked.count };
  const args = [
    ...['--no-vacuum', '-M', 'prepared', '-f', script],
    ...['-c', String(clients), '-j', String(Math.min(threads, clients)), '-T', String(seconds)],
    ...Object.entries(defined).flatMap(([name, value]) => ['-D', `${name}=${value}`]),
    seeded.url,
  ];
  const timeout = (seconds + graceSeconds) * 1000;
  const { stdout } = await promisify(execFile)(path, args, { signal, timeout });
  const figure = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1]);
  const result = {
    perSecond: figure(/^tps = ([\d.]+)/m),
    ok: figure(/^number of transactions actually processed: (\d+)/m),
    meanUs: figure(/^latency average = ([\d.]+) ms/m) * 1000,
  };
  if (!(result.perSecond > 0)) throw new Error(`pgbench printed no figure: ${stdout}`);
  return result;
}
