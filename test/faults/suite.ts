import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bugs } from './bugs.ts';
import { createChecks, showEnds } from './checks.ts';
import { startDatabase } from './database.ts';
import { contradictions, countOutcomes, differences, logProblems, rowProblems } from './judge.ts';
import { type RunOptions, run } from './run.ts';
import { launcherPath } from './server-process.ts';

const durationMs = Number(process.env.FAULTS_SECONDS ?? 60) * 1_000;
const bugDurationMs = 4_000;
const killEveryMs = 5_000;

const checks = createChecks();
const { check } = checks;

async function faultRun(options: Pick<RunOptions, 'database' | 'folder'>): Promise<void> {
  const wanted = Math.max(1, Math.floor(durationMs / killEveryMs) - 1);
  const result = await run({
    ...options,
    command: [launcherPath, 'serve'],
    durationMs,
    users: 30,
    killEveryMs,
    restarts: ['stopped', 'crashed'],
    withFollowers: true,
  });
  const counts = countOutcomes(result.calls);
  process.stdout.write(
    `${result.calls.length} calls: ${counts.ok} OK, ${counts.refused} refused, ${counts.unknown} unknown; ` +
      `${result.log.length} events; ${result.kills} servers killed, ${result.restarts} restarts of the database\n`,
  );
  check('there were calls, of each outcome, amid kills and restarts', [
    ...(counts.ok < durationMs / 1_000 ? [`only ${counts.ok} changes were acknowledged`] : []),
    ...(counts.refused === 0 ? ['nothing was refused'] : []),
    ...(counts.unknown === 0 ? ['no outcome was unknown'] : []),
    ...(result.kills < wanted ? [`only ${result.kills} of ${wanted} kills`] : []),
  ]);
  check('no server ended but those that were killed', result.falls);
  check('every answer was one that a fault or the transitions table explains', result.unexpected);
  check('the calls on each user are linearizable', contradictions(result.calls));
  check('each acknowledged change is in the log once, and no event is without cause', logProblems(result));
  check('every row is the fold of its events', rowProblems(result));
  for (const { name, lives, events } of result.followers) {
    check(`${name}, begun ${lives} times, was shown the log: no gap, no repeat`, [
      ...(lives < 2 ? ['it was never begun again'] : []),
      ...differences(events, result.log),
    ]);
  }
  if (checks.failed > 0) await showEnds(result.logPaths);
}

async function bugRuns({ database, folder }: Pick<RunOptions, 'database' | 'folder'>): Promise<void> {
  const script = fileURLToPath(new URL('broken-server.ts', import.meta.url));
  for (const [nth, bug] of bugs.entries()) {
    const own = join(folder, `bug-${nth}`);
    await mkdir(own);
    const result = await run({
      database,
      folder: own,
      command: [script, bug],
      durationMs: bugDurationMs,
      users: 8,
      killEveryMs: bugDurationMs / 2,
      restarts: [],
      withFollowers: false,
    });
    const inOrder = contradictions(result.calls).length;
    const inLog = logProblems(result).length;
    const found = `${inOrder} users not linearizable, ${inLog} complaints about the log`;
    check(`a bug is found: ${bug} (${found})`, inOrder + inLog > 0 ? [] : ['nobody noticed']);
  }
}

async function main(): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-faults-'));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const database = cleanup.use(await startDatabase());
  await faultRun({ database, folder });
  await bugRuns({ database, folder });
}

try {
  await main();
} catch (error) {
  check('the suite came to its end', [error instanceof Error ? String(error.stack) : String(error)]);
}
checks.sumUp();
