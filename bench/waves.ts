/**
 * A wave of locks, previewed and unlocked as one run, beside the same locks ended one call at a time, and what live unlocks
 * notice of it. `node bench/waves.ts [--locks 1000000] [--rounds 3] [--dir FOLDER] [--json]`; SQLite.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Job, Result } from './load/drive.ts';
import { tellMachine } from './load/machine.ts';
import { userIdOf } from './load/request.ts';
import { type Generator, type ServerProcess, startGenerator, startServer } from './process.ts';
import { relock, type Seeded, seed } from './seed.ts';
import { type Spread, spread } from './spread.ts';
import { table, whole } from './table.ts';

const bars = { previewMs: 2_000, perSecond: 10_000, ratio: 0.8, p99: 1.5 };
const liveSeconds = 4;
const livePerSecond = 300;
/** Of the users at the end, whom the run comes to last. */
const liveUsers = 2 * livePerSecond * (liveSeconds + 1);
const singlesMax = 100_000;
const runSecondsMax = 600;
const filter = { causes: ['LOCK_CAUSE_ADMINISTRATOR'] };
const shape = { host: '127.0.0.1', transport: 'h2', dialect: 'grpc', connections: 4 } as const;

const { values } = parseArgs({
  options: {
    locks: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
  },
});

interface Round {
  readonly previewMs: number;
  readonly startMs: number;
  readonly perSecond: number;
  readonly ratio: number;
  readonly p99: number;
}

interface Bench {
  readonly seeded: Seeded;
  readonly server: ServerProcess;
  readonly generator: Generator;
}

await main();

async function main(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  stack.use(tellMachine());
  const folder = mkdtempSync(join(values.dir, 'latchkey-waves-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const locks = Number(values.locks);
  console.error(`seeding ${whole(2 * locks)} users, every other one locked …`);
  const path = join(folder, 'waves.db');
  const seeded = await seed(path, 2 * locks);
  const server = stack.use(await startServer(['src/main.ts', 'serve', '--db', path]));
  const generator = stack.use(startGenerator());
  const rounds: Round[] = [];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    rounds.push(await measure({ seeded, server, generator }));
    relock(seeded);
  }
  print(rounds, locks);
}

async function measure(bench: Bench): Promise<Round> {
  const { seeded, generator } = bench;
  const single = await generator.run(singleJob(bench));
  relock(seeded);
  const alone = await generator.run(liveJob(bench, 0));
  const preview = await timed(() => ask(bench, 'unlock_runs/preview', { filter, sampleSize: 100 }));
  const { runToken, count } = preview.answer;
  const started = await timed(() => ask(bench, 'unlock_runs', { runToken, confirmedCount: count }));
  const { runId } = started.answer.run as { readonly runId: string };
  const beside = await generator.run(liveJob(bench, liveUsers / 2));
  requireNoErrors([single, alone, beside]);
  const perSecond = Number(count) / (await secondsOf(bench, runId));
  return {
    previewMs: preview.ms,
    startMs: started.ms,
    perSecond,
    ratio: perSecond / single.perSecond,
    p99: beside.p99Us / alone.p99Us,
  };
}

function requireNoErrors(results: readonly Result[]): void {
  for (const { errors, errorTexts } of results) {
    if (errors > 0) throw new Error(`${errors} errors: ${JSON.stringify(errorTexts)}`);
  }
}

function singleJob({ seeded, server }: Bench): Job {
  const requests = Math.min(singlesMax, seeded.locked.count);
  return {
    ...shape,
    port: server.port,
    token: seeded.token,
    streams: 32,
    load: { kind: 'count', requests },
    warmupSeconds: 0,
    seconds: runSecondsMax,
    users: { ...seeded.locked, skip: 0 },
  };
}

function liveJob({ seeded, server }: Bench, skip: number): Job {
  const { first, step, count } = seeded.locked;
  return {
    ...shape,
    port: server.port,
    token: seeded.token,
    streams: 256,
    load: { kind: 'open', ratePerSecond: livePerSecond },
    warmupSeconds: 0.5,
    seconds: liveSeconds,
    users: { first: first + step * (count - liveUsers), step, count: liveUsers, skip },
  };
}

async function ask({ seeded, server }: Bench, path: string, message?: object) {
  const answer = await fetch(`http://127.0.0.1:${server.port}/latchkey/v1/${path}`, {
    method: message === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${seeded.token}`, 'content-type': 'application/json' },
    ...(message !== undefined && { body: JSON.stringify(message) }),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Record<string, unknown>;
}

async function timed<Answer>(act: () => Promise<Answer>): Promise<{ answer: Answer; ms: number }> {
  const startMs = performance.now();
  const answer = await act();
  return { answer, ms: performance.now() - startMs };
}

/** From its start to its end, as the run itself says. */
async function secondsOf(bench: Bench, runId: string): Promise<number> {
  for (let waited = 0; waited < runSecondsMax; waited += 1) {
    const { run } = (await ask(bench, `unlock_runs/${runId}`)) as {
      run: { started: string; ended?: string };
    };
    if (run.ended !== undefined) return (Date.parse(run.ended) - Date.parse(run.started)) / 1_000;
    await sleep(1_000);
  }
  throw new Error(`the run ${runId} from ${userIdOf(0)} on does not end`);
}

function print(rounds: readonly Round[], locks: number): void {
  const of = (key: keyof Round): Spread => spread(rounds.map((round) => round[key]));
  const measured = {
    previewMs: of('previewMs'),
    startMs: of('startMs'),
    perSecond: of('perSecond'),
    ratio: of('ratio'),
    p99: of('p99'),
  };
  if (values.json) {
    console.log(JSON.stringify({ locks, bars, ...measured }));
    return;
  }
  const row = (name: string, key: keyof Round, show: (value: number) => string, bar: string) => {
    const { median, min, max } = measured[key];
    return [name, show(median), `${show(min)}–${show(max)}`, bar];
  };
  const ratio = (value: number) => value.toFixed(2);
  console.log(
    table(
      [`${whole(locks)} locks`, 'median', 'min–max', 'bar'],
      [
        row('preview, ms', 'previewMs', whole, whole(bars.previewMs)),
        row('start, ms', 'startMs', whole, ''),
        row(
          'unlocks of the run a second, its start and freeze included',
          'perSecond',
          whole,
          whole(bars.perSecond),
        ),
        row('÷ single unlocks by gRPC', 'ratio', ratio, String(bars.ratio)),
        row('p99 of live unlocks beside it ÷ alone', 'p99', ratio, String(bars.p99)),
      ],
    ),
  );
}
