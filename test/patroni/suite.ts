import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Call } from '../faults/call.ts';
import { createChecks, showEnds } from '../faults/checks.ts';
import { contradictions, countOutcomes, logProblems, rowProblems } from '../faults/judge.ts';
import { run } from '../faults/run.ts';
import { launcherPath } from '../faults/server-process.ts';
import { type Failover, startCluster } from './cluster.ts';

// Two servers on one cluster, 16 clients, and ten leaders that go. Then what was answered is held against the log and the rows.

const failovers = Number(process.env.PATRONI_FAILOVERS ?? '10');
const ways: readonly Failover[] = ['database killed', 'switchover', 'node killed'];
/** Between two of them, so that there is work to lose. */
const quietMs = 1_500;
const runMsMax = 420_000;
/** The lease of the leader, the promotion, and the servers' own waits, on a busy machine. */
const recoveryMsMax = 30_000;
const checks = createChecks();

interface Gone {
  readonly how: Failover;
  readonly atMs: number;
  readonly to: string;
}

async function main(): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-patroni-servers-'));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const cluster = cleanup.use(await startCluster());
  process.stdout.write(`a cluster of three after ${(performance.now() / 1_000).toFixed(1)} s\n`);
  const gone: Gone[] = [];
  const problems: string[] = [];
  const amid = async (): Promise<void> => {
    for (let nth = 0; nth < failovers; nth += 1) {
      await delay(quietMs);
      const how = ways[nth % ways.length] ?? 'switchover';
      const atMs = performance.now();
      const over = await cluster.failOver(how).catch((error: unknown) => String(error));
      if (typeof over === 'string') return void problems.push(`${nth + 1}, ${how}: ${over}`);
      gone.push({ how, atMs, to: over.to });
    }
    await delay(quietMs);
  };
  const result = await run({
    ...{ database: cluster, folder, command: [launcherPath, 'serve'], amid },
    durationMs: runMsMax,
    // Many, as each call of unknown outcome doubles what can have happened to its user.
    users: 400,
    killEveryMs: 2 * runMsMax,
    restarts: [],
    withFollowers: false,
  });
  const counts = countOutcomes(result.calls);
  process.stdout.write(
    `${result.calls.length} calls: ${counts.ok} OK, ${counts.refused} refused, ${counts.unknown} unknown; ${result.log.length} events\n`,
  );
  const recoveries = gone.map((one, nth) => ({ ...one, ms: silenceMs(result.calls, one, gone[nth + 1]) }));
  for (const { how, to, ms } of recoveries)
    process.stdout.write(
      `     ${how}, then ${to}: ${(ms / 1_000).toFixed(1)} s without an acknowledged change\n`,
    );
  checks.check(`${failovers} leaders went, and another one led`, [
    ...problems,
    ...(gone.length === failovers ? [] : [`${gone.length} went`]),
  ]);
  checks.check(
    'after each of them changes are acknowledged again, without a restart of a server',
    recoveries.filter(({ ms }) => ms > recoveryMsMax).map(({ how, ms }) => `${how}: after ${ms} ms`),
  );
  checks.check('no server ended', result.falls);
  checks.check('every answer was one that a failover or the transitions table explains', result.unexpected);
  checks.check('a call fails as fast as it may', slow(result.calls));
  checks.check('the calls on each user are linearizable', contradictions(result.calls));
  checks.check(
    'each acknowledged change is in the log once, and no event is without cause',
    logProblems(result),
  );
  checks.check('every row is the fold of its events', rowProblems(result));
  if (checks.failed > 0) await showEnds([...result.logPaths, ...cluster.logPaths]);
}

/** The longest time between two acknowledged changes, from this failover to the next. */
function silenceMs(calls: readonly Call[], { atMs }: Gone, next: Gone | undefined): number {
  const endMs = next?.atMs ?? calls.reduce((latest, { answeredAtMs }) => Math.max(latest, answeredAtMs), 0);
  const moments = calls
    .filter(({ kind, answer }) => kind !== 'get' && answer.outcome === 'ok')
    .map(({ answeredAtMs }) => answeredAtMs)
    .filter((ms) => ms > atMs && ms < endMs)
    .toSorted((one, other) => one - other);
  const times = [atMs, ...moments, endMs];
  return times.slice(1).reduce((longest, ms, nth) => Math.max(longest, ms - (times[nth] ?? ms)), 0);
}

/** Of a call whose outcome nobody can tell: it waits for a connection, and once more for what became of it. */
const answerMsMax = 14_000;

function slow(calls: readonly Call[]): readonly string[] {
  return calls
    .filter(({ answeredAtMs, invokedAtMs }) => answeredAtMs - invokedAtMs > answerMsMax)
    .map(
      ({ requestId, kind, answeredAtMs, invokedAtMs }) =>
        `${requestId} ${kind}: ${answeredAtMs - invokedAtMs} ms`,
    );
}

try {
  await main();
} catch (error) {
  checks.check('the suite came to its end', [error instanceof Error ? String(error.stack) : String(error)]);
}
checks.sumUp();
