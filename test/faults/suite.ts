import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bugs } from './bugs.ts';
import type { Call } from './call.ts';
import { startDatabase } from './database.ts';
import { findContradiction } from './linearizable.ts';
import { compareWithLog, describe, type LoggedEvent } from './log-check.ts';
import { type Run, type RunOptions, run } from './run.ts';
import { mainPath } from './server-process.ts';

const durationMs = Number(process.env.FAULTS_SECONDS ?? 60) * 1_000;
const bugDurationMs = 4_000;
const killEveryMs = 5_000;
const problemsShownMax = 10;

let passed = 0;
let failed = 0;

/** Passes where there is nothing to complain about. */
function check(name: string, complaints: readonly string[]): void {
  if (complaints.length === 0) passed += 1;
  else failed += 1;
  const shown = complaints.slice(0, problemsShownMax).map((complaint) => `     ${complaint}`);
  const more = complaints.length > shown.length ? [`     and ${complaints.length - shown.length} more`] : [];
  process.stdout.write(
    `${[`${complaints.length === 0 ? 'PASS' : 'FAIL'} ${name}`, ...shown, ...more].join('\n')}\n`,
  );
}

async function faultRun(options: Pick<RunOptions, 'database' | 'folder'>): Promise<void> {
  const wanted = Math.max(1, Math.floor(durationMs / killEveryMs) - 1);
  const result = await run({
    ...options,
    command: [mainPath, 'serve'],
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
  if (failed > 0) await showLogs(result.logPaths);
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

function countOutcomes(calls: readonly Call[]): Record<Call['answer']['outcome'], number> {
  const counts = { ok: 0, refused: 0, unknown: 0 };
  for (const { answer } of calls) counts[answer.outcome] += 1;
  return counts;
}

const contextCalls = 12;

function contradictions(calls: readonly Call[]): readonly string[] {
  const found: string[] = [];
  for (const [userId, own] of Map.groupBy(calls, (call) => call.userId)) {
    const contradiction = findContradiction(own);
    if (contradiction === undefined) continue;
    const { call, possible } = contradiction;
    const states = possible.map(({ state, sequence }) => `${state} ${sequence}`).join(', ');
    const near = own
      .filter(({ answeredAtMs }) => answeredAtMs >= call.invokedAtMs - 50)
      .toSorted((one, other) => one.answeredAtMs - other.answeredAtMs)
      .slice(0, contextCalls);
    found.push(
      [
        `${userId}, which was ${states}: ${describe(call)}`,
        ...near.map((one) => `       ${describe(one)}`),
      ].join('\n'),
    );
  }
  return found;
}

const ofUsers = ({ userId }: LoggedEvent): boolean => userId.startsWith('user-');

function logProblems({ calls, log }: Run): readonly string[] {
  return compareWithLog(calls, log.filter(ofUsers));
}

function rowProblems({ verification, log }: Run): readonly string[] {
  const { problems, events } = verification;
  return [
    ...problems.map(({ userId, text }) => `${userId}: ${text}`),
    ...(events === log.length ? [] : [`${events} events were verified, ${log.length} are there`]),
  ];
}

function differences(seen: readonly LoggedEvent[], log: readonly LoggedEvent[]): readonly string[] {
  const [lines, wanted] = [seen, log].map((events) => events.map((event) => JSON.stringify(event)));
  if (lines === undefined || wanted === undefined) return [];
  const at = wanted.findIndex((line, index) => line !== lines[index]);
  const length =
    lines.length === wanted.length ? [] : [`${lines.length} events in the place of ${wanted.length}`];
  return at === -1 ? length : [...length, `${lines[at]} in the place of ${wanted[at]}`];
}

async function showLogs(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    process.stdout.write(`the end of ${path}:\n${lines.slice(-20).join('\n')}\n`);
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
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 ? 1 : 0;
