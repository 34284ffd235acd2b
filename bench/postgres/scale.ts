/**
 * Unlock throughput on PostgreSQL with ten million users beside that with ten thousand: `node bench/postgres/scale.ts
 * --help`. In bursts, as scale.ts does it, because ten thousand users hold too few locked ones for a second. The first
 * change of a page after a checkpoint puts the whole page into PostgreSQL's log: among ten million users that is nearly
 * every unlock at first, and hardly any later. So the first bursts, which follow a checkpoint, are reported by themselves.
 */
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { tellMachine } from '../load/machine.ts';
import { type Generator, startGenerator, startServer } from '../process.ts';
import { type Spread, spread } from '../spread.ts';
import { table, whole } from '../table.ts';
import { type Bounded, bounded } from './bounded.ts';
import { machine, settingsText } from './report.ts';
import { keepUnlocked, type SeededPostgres, seedPostgres } from './seed.ts';
import { databaseBytes, type PostgresServer, startPostgres } from './server.ts';
import { measureUnlocks, type Unlocker, unlock } from './unlocks.ts';

const help = `node bench/postgres/scale.ts [options]
  --users N          the larger database (10000000; 40 GB of disk for a while; 1000000 is the small choice)
  --small N          the smaller one (10000)
  --first N          bursts of each right after a checkpoint, reported by themselves (10)
  --unlocks N        unlocks among the larger after those, unmeasured, and still before the next checkpoint (2500000)
  --rounds N         measured bursts of each (40)
  --in-flight N      calls under way at once (256)
  --set NAME=VALUE   a setting of PostgreSQL, any number of times; not with DATABASE_URL
  --dir FOLDER       where the database goes (the system's temporary folder)
  --minutes N        give up after so long (60)
  --json             print the results as JSON
`;

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '10000000' },
    small: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '40' },
    first: { type: 'string', default: '10' },
    unlocks: { type: 'string', default: '2500000' },
    'in-flight': { type: 'string', default: '256' },
    set: { type: 'string', multiple: true, default: [] },
    dir: { type: 'string', default: tmpdir() },
    minutes: { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const bar = 0.8;
const burstSecondsMax = 60;
const firstRounds = Number(values.first);
const unlocksSecondsMax = 900;
const log = (line: string) => console.error(line);

interface Size extends Omit<Unlocker, 'seeded'> {
  seeded: SeededPostgres;
  readonly users: number;
  /** Of the locked users, those who have been unlocked for good. */
  gone: number;
  readonly seedSeconds: number;
  readonly seededBytes: number;
  /** Of every burst since the checkpoint. */
  readonly perSecond: number[];
  errors: number;
}

if (values.help) console.log(help);
else await bounded(Number(values.minutes), main);

async function main(run: Bounded): Promise<void> {
  run.stack.use(tellMachine());
  const postgres = run.stack.use(await startPostgres({ folder: values.dir, settings: values.set }));
  const sizes: Size[] = [];
  for (const users of [Number(values.small), Number(values.users)]) {
    log(`seeding ${whole(users)} users …`);
    sizes.push(await prepare(run, postgres, users));
  }
  const generator = run.stack.use(startGenerator());
  const burst = Math.min(...sizes.map(({ seeded }) => seeded.locked.count));
  const measure = async (round: number) => {
    for (const size of round % 2 === 0 ? sizes : sizes.toReversed()) {
      size.perSecond.push(await measureBurst(generator, size, { burst, round }));
    }
  };
  for (let round = 0; round < firstRounds; round++) await measure(round);
  await unlockMany(generator, sizes[1]);
  for (let round = 0; round < Number(values.rounds); round++) await measure(round);
  report(sizes, burst, postgres.settings);
}

async function prepare({ stack }: Bounded, postgres: PostgresServer, users: number): Promise<Size> {
  const url = await postgres.createDatabase();
  const startedMs = performance.now();
  const seeded = await seedPostgres(url, users);
  const seedSeconds = (performance.now() - startedMs) / 1000;
  const seededBytes = await databaseBytes(url);
  log(`${whole(users)} users: ${seedSeconds.toFixed(1)} s, ${whole(seededBytes / 2 ** 20)} MiB`);
  const server = stack.use(await startServer(['src/main.ts', 'serve', '--db', url]));
  return {
    users,
    server,
    seeded,
    dialect: 'grpc',
    gone: 0,
    seedSeconds,
    seededBytes,
    perSecond: [],
    errors: 0,
  };
}

// They stay unlocked: to lock so many again would leave as much for autovacuum as it would undo.
async function unlockMany(generator: Generator, size: Size | undefined): Promise<void> {
  if (size === undefined) throw new Error('bug: no larger size');
  const requests = Math.min(Number(values.unlocks), Math.floor(size.seeded.locked.count / 2));
  if (requests === 0) return;
  const startedMs = performance.now();
  const { ok, errors } = await unlock(generator, size, {
    load: { kind: 'count', requests },
    inFlight: Number(values['in-flight']),
    warmupSeconds: 0,
    seconds: unlocksSecondsMax,
    skip: 0,
  });
  if (ok < requests) throw new Error(`${ok} of ${requests} unlocks, ${errors} errors`);
  size.gone = requests;
  size.seeded = await keepUnlocked(size.seeded);
  log(`${whole(ok)} unlocks: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
}

async function measureBurst(
  generator: Generator,
  size: Size,
  { burst, round }: { burst: number; round: number },
): Promise<number> {
  const result = await measureUnlocks(generator, size, {
    load: { kind: 'count', requests: burst },
    inFlight: Number(values['in-flight']),
    warmupSeconds: 0,
    seconds: burstSecondsMax,
    skip: size.gone + round * burst,
  });
  size.errors += result.errors;
  return result.perSecond;
}

function report(sizes: readonly Size[], burst: number, settings: Readonly<Record<string, string>>): void {
  const [small, large] = sizes;
  const ratios = (large?.perSecond ?? []).map(
    (value, round) => value / (small?.perSecond[round] ?? Number.NaN),
  );
  const first = firstRounds > 0 ? spread(ratios.slice(0, firstRounds)) : undefined;
  const ratio = spread(ratios.slice(firstRounds));
  const measured = sizes.map((size) => ({
    users: size.users,
    firstPerSecond: firstRounds > 0 ? spread(size.perSecond.slice(0, firstRounds)).median : undefined,
    perSecond: spread(size.perSecond.slice(firstRounds)),
    errors: size.errors,
    residentBytes: size.server.residentBytes(),
    seededBytes: size.seededBytes,
    seedSeconds: size.seedSeconds,
  }));
  if (values.json) {
    console.log(JSON.stringify({ machine: machine(), settings, bar, burst, first, ratio, measured }));
    return;
  }
  const rows = measured.map((size) => [
    whole(size.users),
    size.firstPerSecond === undefined ? '' : whole(size.firstPerSecond),
    whole(size.perSecond.median),
    `${whole(size.perSecond.min)}–${whole(size.perSecond.max)}`,
    whole(size.errors),
    whole(size.residentBytes / 2 ** 20),
    whole(size.seededBytes / 2 ** 20),
    whole(size.seedSeconds),
    whole(size.users / size.seedSeconds),
  ]);
  const header =
    'users|first/s|unlocks/s|min–max|errors|server RSS MiB|database MiB|seed s|seeded users/s'.split('|');
  const verdict = ratio.median >= bar ? 'met' : 'missed';
  console.log(`${settingsText(settings)}\n\n${table(header, rows)}\n`);
  if (first !== undefined) console.log(`right after a checkpoint: ${ratioText(first)}`);
  console.log(`throughput ratio: ${ratioText(ratio)}, bar ≥ ${bar}: ${verdict}; bursts of ${whole(burst)}`);
}

function ratioText({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
}
