/**
 * Unlocks on PostgreSQL: Latchkey, pgbench with the same two statements a transaction, and the plain design, by turns
 * on one server. `node bench/postgres.ts --help`; bench/README.md says how to read what it prints.
 */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { tellMachine } from './load/machine.ts';
import { type Bounded, bounded } from './postgres/bounded.ts';
import { findPgbench, runPgbench } from './postgres/pgbench.ts';
import { machine, settingsText } from './postgres/report.ts';
import { type SeededPostgres, seedPostgres } from './postgres/seed.ts';
import { startPostgres } from './postgres/server.ts';
import { measureUnlocks, relockAll, type Unlocked, type Unlocker } from './postgres/unlocks.ts';
import { startGenerator, startServer } from './process.ts';
import { type Spread, spread } from './spread.ts';
import { table, whole } from './table.ts';

const help = `node bench/postgres.ts [options]
  --rounds N          interleaved rounds (5)
  --seconds N         measured seconds of a contender in a round (5)
  --warm N            seconds of warm-up of a contender before the first round (4)
  --in-flight N       calls under way at once, to Latchkey and to the plain server (256)
  --clients LIST      client counts of which pgbench gets its best (8,16,32,64,128,256)
  --plain-pool N      connections of the plain server's pool (32)
  --users N           users in each database, half of them locked (600000)
  --set NAME=VALUE    a setting of PostgreSQL, any number of times; not with DATABASE_URL
  --dir FOLDER        where the database goes (the system's temporary folder)
  --minutes N         give up after so long (20)
  --out FILE          results as JSON (bench/results-postgres.json)
  --json              print them too, instead of the table
`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    warm: { type: 'string', default: '4' },
    'in-flight': { type: 'string', default: '256' },
    clients: { type: 'string', default: '8,16,32,64,128,256' },
    'plain-pool': { type: 'string', default: '32' },
    users: { type: 'string', default: '600000' },
    set: { type: 'string', multiple: true, default: [] },
    dir: { type: 'string', default: tmpdir() },
    minutes: { type: 'string', default: '20' },
    out: { type: 'string', default: new URL('results-postgres.json', import.meta.url).pathname },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const options = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  warmSeconds: Number(values.warm),
  inFlight: Number(values['in-flight']),
  clients: values.clients,
  plainPool: Number(values['plain-pool']),
  users: Number(values.users),
};
const bar = 2;
const settleSeconds = 0.5;
const log = (line: string) => console.error(line);

/** What one contender did in one round; pgbench tells no percentiles. */
type Measured = Pick<Unlocked, 'perSecond' | 'errors'> & Partial<Unlocked> & { readonly meanUs?: number };

interface Contender {
  readonly name: string;
  /** Unlocks for about so many seconds, and locks everybody again. */
  measure(seconds: number): Promise<Measured>;
}

if (values.help) console.log(help);
else await bounded(Number(values.minutes), main);

async function main(run: Bounded): Promise<void> {
  run.stack.use(tellMachine());
  const server = run.stack.use(await startPostgres({ folder: values.dir, settings: values.set }));
  log(`seeding ${whole(options.users)} users, three times …`);
  const first = await seedPostgres(await server.createDatabase(), options.users);
  const copy = async () => ({ ...first, url: await server.createDatabase(first.url) });
  const [second, third] = [await copy(), await copy()];
  const { pgbench, tried } = await preparePgbench(run, second);
  const contenders = [...pgbench, ...(await startServers(run, first, third))];
  for (const contender of contenders) await contender.measure(options.warmSeconds);
  const rounds = await measureRounds(contenders);
  const results = {
    at: new Date().toISOString(),
    machine: machine(),
    settings: server.settings,
    options,
    pgbenchClients: tried,
    ratios: ratiosOf(rounds),
    rounds: Object.fromEntries(rounds),
  };
  writeFileSync(values.out, `${JSON.stringify(results, null, 2)}\n`);
  console.log(values.json ? JSON.stringify(results) : report(results));
}

/** pgbench at the client count with which it does best, and what each count reached. */
async function preparePgbench(
  { signal }: Bounded,
  seeded: SeededPostgres,
): Promise<{ pgbench: Contender[]; tried: Record<number, number> }> {
  const path = findPgbench();
  if (path === undefined) {
    log('There is no pgbench here: its row is left out, and with it the ratios.');
    return { pgbench: [], tried: {} };
  }
  const bench = async (clients: number, seconds: number): Promise<Measured> => {
    const result = await runPgbench({ path, seeded, clients, seconds, signal });
    await relockAll(seeded, result.ok);
    return { perSecond: result.perSecond, meanUs: result.meanUs, errors: 0 };
  };
  const counts = options.clients.split(',').map(Number);
  const tried = new Map<number, number>();
  // The whole list before the first figure counts: nobody is measured on cold tables. In a second alone, hundreds of
  // clients do not get beyond their log-ins.
  for (const clients of counts) await bench(clients, options.warmSeconds);
  for (const clients of counts) {
    tried.set(clients, (await bench(clients, options.seconds)).perSecond);
    log(`pgbench with ${clients} clients: ${whole(tried.get(clients) ?? 0)} a second`);
  }
  const best = [...tried].reduce((one, other) => (other[1] > one[1] ? other : one))[0];
  const name = `pgbench, ${best} clients`;
  return {
    pgbench: [{ name, measure: (seconds) => bench(best, Math.max(1, Math.round(seconds))) }],
    tried: Object.fromEntries(tried),
  };
}

async function startServers(
  { stack }: Bounded,
  forLatchkey: SeededPostgres,
  forPlain: SeededPostgres,
): Promise<Contender[]> {
  const latchkey = stack.use(await startServer(['src/main.ts', 'serve', '--db', forLatchkey.url]));
  const plainArgs = ['--db', forPlain.url, '--connections', String(options.plainPool)];
  const plain = stack.use(await startServer(['bench/contenders/plain-postgres.ts', ...plainArgs]));
  const generator = stack.use(startGenerator());
  const contender = (name: string, unlocker: Unlocker): Contender => ({
    name,
    measure: (seconds) =>
      measureUnlocks(generator, unlocker, {
        load: { kind: 'closed' },
        inFlight: options.inFlight,
        warmupSeconds: settleSeconds,
        seconds,
        skip: 0,
      }),
  });
  return [
    contender('latchkey, gRPC', { server: latchkey, seeded: forLatchkey, dialect: 'grpc' }),
    contender('plain, REST', { server: plain, seeded: forPlain, dialect: 'rest' }),
  ];
}

/** Every other round backwards, so that a drift of the machine favours none. */
async function measureRounds(contenders: readonly Contender[]): Promise<Map<string, Measured[]>> {
  const rounds = new Map<string, Measured[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
      const measured = await contender.measure(options.seconds);
      rounds.get(contender.name)?.push(measured);
      log(`round ${round + 1}: ${contender.name} ${whole(measured.perSecond)} a second`);
    }
  }
  return rounds;
}

interface Ratio {
  readonly name: string;
  readonly measured: Spread;
  readonly atLeast?: number;
}

/** Each the median over rounds of the ratio within a round. */
function ratiosOf(rounds: ReadonlyMap<string, readonly Measured[]>): Ratio[] {
  const figures = (prefix: string) =>
    [...rounds].find(([name]) => name.startsWith(prefix))?.[1].map(({ perSecond }) => perSecond) ?? [];
  const ratio = (name: string, [over, under]: [string, string]) => {
    const below = figures(under);
    return { name, measured: spread(figures(over).map((value, at) => value / (below[at] ?? Number.NaN))) };
  };
  return [
    { ...ratio('latchkey ÷ pgbench', ['latchkey', 'pgbench']), atLeast: bar },
    ratio('plain ÷ pgbench', ['plain', 'pgbench']),
    ratio('latchkey ÷ plain', ['latchkey', 'plain']),
  ].filter(({ measured }) => Number.isFinite(measured.median));
}

interface Reported {
  readonly settings: Readonly<Record<string, string>>;
  readonly rounds: Readonly<Record<string, readonly Measured[]>>;
  readonly ratios: readonly Ratio[];
}

function report({ settings, rounds, ratios }: Reported): string {
  const percent = (share: number) => (Number.isFinite(share) ? `${whole(share * 100)} %` : '–');
  const rows = Object.entries(rounds).map(([name, results]) => {
    const of = (pick: (result: Measured) => number | undefined) =>
      spread(results.map((result) => pick(result) ?? Number.NaN));
    const figure = of(({ perSecond }) => perSecond);
    return [
      name,
      whole(figure.median),
      `${whole(figure.min)}–${whole(figure.max)}`,
      whole(of(({ p50Us, meanUs }) => p50Us ?? meanUs).median),
      whole(of(({ p99Us }) => p99Us).median),
      percent(of(({ serverCpu }) => serverCpu).median),
      percent(of(({ generatorCpu }) => generatorCpu).median),
      whole(results.reduce((sum, { errors }) => sum + errors, 0)),
    ];
  });
  const header = 'contender|unlocks/s|min–max|p50 µs*|p99 µs|server core|generator core|errors'.split('|');
  const ratioRows = ratios.map(({ name, measured, atLeast }) => [
    name,
    measured.median.toFixed(2),
    `${measured.min.toFixed(2)}–${measured.max.toFixed(2)}`,
    atLeast === undefined ? '' : `≥ ${atLeast}`,
    atLeast === undefined ? '' : measured.median >= atLeast ? 'met' : 'missed',
  ]);
  return [
    settingsText(settings),
    `${table(header, rows)}\n* pgbench: the mean`,
    table(['ratio', 'median', 'min–max', 'bar', ''], ratioRows),
  ].join('\n\n');
}
