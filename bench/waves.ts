/**
 * A wave of locks, previewed and unlocked as one run, beside the same locks ended one call at a time, and what live unlocks
 * notice of it, on SQLite and on PostgreSQL. `node bench/waves.ts --help`.
 */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Job, Result } from './load/drive.ts';
import { tellMachine } from './load/machine.ts';
import { type Bounded, bounded } from './postgres/bounded.ts';
import { relockPostgres, seedPostgres } from './postgres/seed.ts';
import { startPostgres } from './postgres/server.ts';
import { type Generator, type ServerProcess, startGenerator, startServer } from './process.ts';
import { relock, type Seeded, seed } from './seed.ts';
import { type Spread, spread } from './spread.ts';
import { table, whole } from './table.ts';

const help = `node bench/waves.ts [options]
  --locks N           locks in the wave on SQLite (1000000); 0: not on SQLite
  --postgres-locks N  the same on PostgreSQL (200000); 0: not on PostgreSQL
  --rounds N          rounds of each (1)
  --dir FOLDER        where the databases go (the system's temporary folder)
  --minutes N         give up after so long (8)
  --json              print results as JSON instead of the tables
`;
const bars = { previewMs: 2_000, perSecond: 10_000, ratio: 0.8, p99: 1.5 };
const liveSeconds = 3;
const livePerSecond = 300;
const liveJobsMax = 16;
/** Of the users at the end, whom the run comes to last. */
const liveUsersOfJob = livePerSecond * (liveSeconds + 1);
/** Live unlocks are measured so often before the run, and so often beside it at most. */
const aloneTimes = 3;
const besideTimesMax = 5;
const singlesMax = 100_000;
const runSecondsMax = 600;
const filter = { causes: ['LOCK_CAUSE_ADMINISTRATOR'] };
const shape = { host: '127.0.0.1', transport: 'h2', dialect: 'grpc', connections: 4 } as const;

const { values } = parseArgs({
  options: {
    locks: { type: 'string', default: '1000000' },
    'postgres-locks': { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '1' },
    dir: { type: 'string', default: tmpdir() },
    minutes: { type: 'string', default: '8' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** Where a wave is, whichever database holds it. */
interface Bed {
  readonly name: string;
  readonly locks: number;
  readonly seeded: Pick<Seeded, 'token' | 'locked'>;
  readonly server: ServerProcess;
  readonly generator: Generator;
  relock(): Promise<void>;
}

interface Round {
  readonly previewMs: number;
  readonly startMs: number;
  readonly perSecond: number;
  readonly ratio: number;
  /** Of live unlocks, in milliseconds, each time that they were measured. */
  readonly alone: readonly number[];
  readonly beside: readonly number[];
}

if (values.help) console.log(help);
else await bounded(Number(values.minutes), main);

async function main(run: Bounded): Promise<void> {
  run.stack.use(tellMachine());
  const generator = run.stack.use(startGenerator());
  const beds = [
    { open: openSqliteBed, locks: Number(values.locks) },
    { open: openPostgresBed, locks: Number(values['postgres-locks']) },
  ];
  for (const { open, locks } of beds) {
    if (locks === 0) continue;
    const bed = await open(run, generator, locks);
    const rounds: Round[] = [];
    for (let round = 0; round < Number(values.rounds); round += 1) {
      if (round > 0) await bed.relock();
      rounds.push(await measure(bed));
    }
    print(rounds, bed);
    await bed.server[Symbol.asyncDispose]();
  }
}

async function openSqliteBed({ stack }: Bounded, generator: Generator, locks: number): Promise<Bed> {
  const folder = mkdtempSync(join(values.dir, 'latchkey-waves-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  console.error(`seeding ${whole(2 * locks)} users on SQLite, every other one locked …`);
  const path = join(folder, 'waves.db');
  const seeded = await seed(path, 2 * locks);
  const server = stack.use(await startServer(['src/main.ts', 'serve', '--db', path]));
  return { name: 'SQLite', locks, seeded, server, generator, relock: async () => relock(seeded) };
}

async function openPostgresBed({ stack }: Bounded, generator: Generator, locks: number): Promise<Bed> {
  const postgres = stack.use(await startPostgres({ folder: values.dir, settings: [] }));
  console.error(`seeding ${whole(2 * locks)} users on PostgreSQL, every other one locked …`);
  const seeded = await seedPostgres(await postgres.createDatabase(), 2 * locks);
  const server = stack.use(await startServer(['src/main.ts', 'serve', '--db', seeded.url]));
  const undo = async () => void (await relockPostgres(seeded));
  return { name: 'PostgreSQL', locks, seeded, server, generator, relock: undo };
}

async function measure(bed: Bed): Promise<Round> {
  let jobs = 0;
  const live = (): Promise<Result> => {
    jobs += 1;
    return bed.generator.run(liveJob(bed, (jobs - 1) % liveJobsMax));
  };
  const liveAlone = async () => requireNoErrors(await live()).p99Us / 1_000;
  const alone = [await liveAlone()];
  const single = requireNoErrors(await bed.generator.run(singleJob(bed)));
  alone.push(await liveAlone());
  await bed.relock();
  jobs = 0;
  while (alone.length < aloneTimes) alone.push(await liveAlone());
  const preview = await timed(() => ask(bed, 'unlock_runs/preview', { filter, sampleSize: 100 }));
  const { runToken, count } = preview.answer;
  const started = await timed(() => ask(bed, 'unlock_runs', { runToken, confirmedCount: count }));
  const { runId } = started.answer.run as { readonly runId: string };
  const beside: number[] = [];
  while (beside.length < besideTimesMax && (await endOf(bed, runId)) === undefined) {
    const { errors, p99Us } = await live();
    // The run has come to these users first: it is all but over.
    if (errors > 0) break;
    beside.push(p99Us / 1_000);
  }
  const perSecond = Number(count) / (await secondsOf(bed, runId));
  return {
    previewMs: preview.ms,
    startMs: started.ms,
    perSecond,
    ratio: perSecond / single.perSecond,
    alone,
    beside,
  };
}

function requireNoErrors(result: Result): Result {
  const { errors, errorTexts } = result;
  if (errors > 0) throw new Error(`${errors} errors: ${JSON.stringify(errorTexts)}`);
  return result;
}

function singleJob({ seeded, server }: Bed): Job {
  // Those at the end are the live ones'.
  const count = seeded.locked.count - liveJobsMax * liveUsersOfJob;
  const requests = Math.min(singlesMax, count);
  return {
    ...shape,
    port: server.port,
    token: seeded.token,
    streams: 32,
    load: { kind: 'count', requests },
    warmupSeconds: 0,
    seconds: runSecondsMax,
    users: { ...seeded.locked, count, skip: 0 },
  };
}

function liveJob({ seeded, server }: Bed, nth: number): Job {
  const { first, step, count } = seeded.locked;
  const liveUsers = liveJobsMax * liveUsersOfJob;
  return {
    ...shape,
    port: server.port,
    token: seeded.token,
    streams: 256,
    load: { kind: 'open', ratePerSecond: livePerSecond },
    warmupSeconds: 0.5,
    seconds: liveSeconds,
    users: {
      first: first + step * (count - liveUsers),
      step,
      count: liveUsers,
      skip: nth * liveUsersOfJob,
    },
  };
}

async function ask({ seeded, server }: Bed, path: string, message?: object) {
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

interface RunTimes {
  readonly started: string;
  readonly ended?: string;
}

/** Seconds that it took, as the run itself says; undefined while it goes on. */
async function endOf(bed: Bed, runId: string): Promise<number | undefined> {
  const { run } = (await ask(bed, `unlock_runs/${runId}`)) as { run: RunTimes };
  if (run.ended === undefined) return undefined;
  return (Date.parse(run.ended) - Date.parse(run.started)) / 1_000;
}

async function secondsOf(bed: Bed, runId: string): Promise<number> {
  for (let waited = 0; waited < runSecondsMax; waited += 1) {
    const seconds = await endOf(bed, runId);
    if (seconds !== undefined) return seconds;
    await sleep(1_000);
  }
  throw new Error(`the run ${runId} does not end`);
}

function print(rounds: readonly Round[], { name, locks }: Bed): void {
  const of = (key: 'previewMs' | 'startMs' | 'perSecond' | 'ratio') =>
    spread(rounds.map((round) => round[key]));
  const alone = spread(rounds.flatMap((round) => round.alone));
  const beside = spread(rounds.flatMap((round) => round.beside));
  const p99 = beside.median / alone.median;
  const measured = {
    previewMs: of('previewMs'),
    startMs: of('startMs'),
    perSecond: of('perSecond'),
    ratio: of('ratio'),
  };
  if (values.json) {
    console.log(JSON.stringify({ store: name, locks, bars, ...measured, alone, beside, p99 }));
    return;
  }
  const row = (what: string, { median, min, max }: Spread, show: (value: number) => string, bar = '') => [
    what,
    show(median),
    `${show(min)}–${show(max)}`,
    bar,
  ];
  const ratio = (value: number) => value.toFixed(2);
  console.log(
    table(
      [`${whole(locks)} locks on ${name}`, 'median', 'min–max', 'bar'],
      [
        row('preview, ms', measured.previewMs, whole, whole(bars.previewMs)),
        row('start, ms', measured.startMs, whole),
        row(
          'unlocks of the run a second, start included',
          measured.perSecond,
          whole,
          name === 'SQLite' ? whole(bars.perSecond) : '',
        ),
        row('÷ single unlocks by gRPC', measured.ratio, ratio, String(bars.ratio)),
        row('p99 of live unlocks alone, ms', alone, ratio),
        row('p99 of live unlocks beside it, ms', beside, ratio),
        ['p99 beside ÷ alone', ratio(p99), '', String(bars.p99)],
      ],
    ),
  );
}
