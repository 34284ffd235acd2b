import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Checks, showEnds } from '../faults/checks.ts';
import { creatorOn, type Database } from '../faults/database.ts';
import { contradictions, countOutcomes, differences, logProblems, rowProblems } from '../faults/judge.ts';
import { run } from '../faults/run.ts';
import { launcherPath } from '../faults/server-process.ts';
import type { PostgresProcess } from '../support/postgres/process.ts';
import type { Bouncer, PoolMode } from './bouncer.ts';

/** PgBouncer asks a database that refused it again after fifteen seconds. */
const durationMs = 45_000;

/** Two servers and their clients on one database behind PgBouncer: servers are killed, and the database dies once. */
export async function faultsThrough(
  mode: PoolMode,
  { postgres, bouncer, checks }: { postgres: PostgresProcess; bouncer: Bouncer; checks: Checks },
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-pooled-'));
  try {
    const result = await run({
      ...{ database: behind(postgres, bouncer), folder, command: [launcherPath, 'serve'], durationMs },
      users: 60,
      killEveryMs: 8_000,
      restarts: ['crashed'],
      withFollowers: true,
    });
    const { ok, refused, unknown } = countOutcomes(result.calls);
    console.log(`${mode}: ${ok} OK, ${refused} refused, ${unknown} unknown, ${result.kills} servers killed`);
    const check: Checks['check'] = (name, complaints) => checks.check(`${mode} mode: ${name}`, complaints);
    check('there were calls of each outcome', ok > 0 && refused > 0 && unknown > 0 ? [] : ['there were not']);
    check('no server ended but those that were killed', result.falls);
    check('every answer was one that a fault or the transitions table explains', result.unexpected);
    check('the calls on each user are linearizable', contradictions(result.calls));
    check('each acknowledged change is in the log once, and no event is without cause', logProblems(result));
    check('every row is the fold of its events', rowProblems(result));
    for (const { name, events } of result.followers)
      check(`${name} was shown the log: no gap, no repeat`, differences(events, result.log));
    if (checks.failed > 0) await showEnds(result.logPaths);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function behind(postgres: PostgresProcess, bouncer: Bouncer): Database {
  const create = creatorOn(postgres.url);
  const at = (url: string, server: string): string => {
    const moved = new URL(url);
    moved.port = new URL(server).port;
    return moved.href;
  };
  return {
    create: async () => at(await create(), bouncer.url),
    direct: (url) => Promise.resolve(at(url, postgres.url)),
    async restart(how) {
      await postgres.stop(how === 'stopped' ? 'SIGINT' : 'SIGQUIT');
      await postgres.start();
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
