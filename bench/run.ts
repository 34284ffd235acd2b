/** The benchmark: `npm run bench -- --help` lists its options; bench/README.md says how to read what it prints. */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { type Arena, type Measured, openArena } from './arena.ts';
import { type Cell, cells, contenders } from './cells.ts';
import { drawCurves, measureCurves } from './curves.ts';
import { tellMachine } from './load/machine.ts';
import { pinned } from './process.ts';
import { type MeasuredRatio, measureRatios } from './ratios.ts';
import { type Spread, spread } from './spread.ts';
import { table, whole } from './table.ts';

const help = `npm run bench -- [options]
  --rounds N     interleaved rounds (5)
  --seconds N    measured seconds of a cell in a round (3)
  --warm N       seconds of warm-up of a cell before the first round (4)
  --in-flight N  calls under way at once (128)
  --users N      users in each database, half of them locked (600000)
  --only TEXT    cells whose name matches this regular expression; --list prints the names
  --no-curves    no measurement under rising load, no plots
  --dir FOLDER   where the databases go (the system's temporary folder)
  --json         print the results as JSON; bench/results.json is written either way
`;

/** Names by which rounds are kept: figures of one cell, one a round. */
type Rounds = Map<string, Measured[]>;

const { values } = parseArgs({
  allowNegative: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    warm: { type: 'string', default: '4' },
    'in-flight': { type: 'string', default: '128' },
    users: { type: 'string', default: '600000' },
    only: { type: 'string', default: '' },
    list: { type: 'boolean', default: false },
    curves: { type: 'boolean', default: true },
    dir: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const options = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  warmSeconds: Number(values.warm),
  inFlight: Number(values['in-flight']),
  users: Number(values.users),
};
const settleSeconds = 0.5;
const log = (line: string) => console.error(line);

if (values.help) console.log(help);
else if (values.list) console.log(cells.map((cell) => cell.name).join('\n'));
else await main();

async function main(): Promise<void> {
  const chosen = cells.filter((cell) => new RegExp(values.only).test(cell.name) && isThere(cell));
  if (!pinned) log('No taskset or only one core: the generator and the servers share what there is.');
  const loadBefore = loadavg();
  using _told = tellMachine();
  log(
    `Starting ${new Set(chosen.map((cell) => cell.contender)).size} servers, ${whole(options.users)} users a database …`,
  );
  await using arena = await openArena(chosen, { users: options.users, folder: values.dir });
  await warmUp(arena, chosen);
  const throughput = await measureThroughput(arena, chosen);
  const halfLoad = await measureHalfLoad(arena, chosen, throughput);
  const curves = values.curves
    ? await measureCurves(arena, drawnOf(chosen), maximaOf(throughput))
    : undefined;
  const ratios = measureRatios({
    throughput: figures(throughput, (result) => result.perSecond),
    'p99 at half load': figures(halfLoad, (result) => result.p99Us),
  });
  const results = {
    at: new Date().toISOString(),
    machine: { ...machine(), loadBefore, loadAfter: loadavg() },
    options,
    ratios,
    throughput: Object.fromEntries(throughput),
    halfLoad: Object.fromEntries(halfLoad),
    ...(curves === undefined ? {} : { curves }),
  };
  writeFileSync(new URL('results.json', import.meta.url), `${JSON.stringify(results, null, 1)}\n`);
  if (curves !== undefined) drawCurves(curves);
  console.log(values.json ? JSON.stringify(results) : report({ throughput, halfLoad, ratios }));
}

/** Compilers and caches settle here, once, so that the rounds need only a short warm-up each. */
async function warmUp(arena: Arena, chosen: readonly Cell[]): Promise<void> {
  for (const cell of chosen) {
    const result = await arena.measure(cell, {
      load: { kind: 'closed' },
      inFlight: options.inFlight,
      warmupSeconds: 0,
      seconds: options.warmSeconds,
    });
    if (result.errors > 0) log(`${cell.name}: ${result.errors} errors ${JSON.stringify(result.errorTexts)}`);
  }
}

async function measureThroughput(arena: Arena, chosen: readonly Cell[]): Promise<Rounds> {
  return inRounds(chosen, 'throughput', (cell) =>
    arena.measure(cell, {
      load: { kind: 'closed' },
      inFlight: options.inFlight,
      warmupSeconds: settleSeconds,
      seconds: options.seconds,
    }),
  );
}

/** Latency at a constant rate, half of what the same cell reached at most. */
async function measureHalfLoad(arena: Arena, chosen: readonly Cell[], throughput: Rounds): Promise<Rounds> {
  const maxima = maximaOf(throughput);
  return inRounds(drawnOf(chosen), 'latency at half load', (cell) =>
    arena.measure(cell, {
      load: { kind: 'open', ratePerSecond: Math.max(1, (maxima.get(cell.name) ?? 0) / 2) },
      inFlight: options.inFlight,
      warmupSeconds: settleSeconds,
      seconds: options.seconds,
    }),
  );
}

/** Every round asks all cells, every other round backwards, so that a drift of the machine favours none. */
async function inRounds(
  chosen: readonly Cell[],
  title: string,
  ask: (cell: Cell) => Promise<Measured>,
): Promise<Rounds> {
  const rounds: Rounds = new Map(chosen.map((cell) => [cell.name, []]));
  for (let round = 0; round < options.rounds; round++) {
    log(`${title}: round ${round + 1} of ${options.rounds}`);
    for (const cell of round % 2 === 0 ? chosen : chosen.toReversed()) {
      const result = await ask(cell);
      rounds.get(cell.name)?.push(result);
      if (result.errors > 0)
        log(`${cell.name}: ${result.errors} errors ${JSON.stringify(result.errorTexts)}`);
    }
  }
  return rounds;
}

function report(results: { throughput: Rounds; halfLoad: Rounds; ratios: readonly MeasuredRatio[] }): string {
  const spreadOf = (rounds: readonly Measured[], pick: (result: Measured) => number) =>
    spread(rounds.map(pick));
  const percent = (share: number) => `${whole(share * 100)} %`;
  const errors = (rounds: readonly Measured[]) =>
    whole(rounds.reduce((sum, result) => sum + result.errors, 0));
  const throughput = [...results.throughput].map(([name, rounds]) => {
    const figure = spreadOf(rounds, (result) => result.perSecond);
    return [
      name,
      whole(figure.median),
      `${whole(figure.min)}–${whole(figure.max)}`,
      percent(spreadOf(rounds, (result) => result.serverCpu).median),
      percent(spreadOf(rounds, (result) => result.generatorCpu).median),
      errors(rounds),
    ];
  });
  const halfLoad = [...results.halfLoad].map(([name, rounds]) => [
    name,
    whole(spreadOf(rounds, (result) => result.perSecond).median),
    ...(['p50Us', 'p90Us', 'p99Us', 'maxUs'] as const).map((key) =>
      whole(spreadOf(rounds, (result) => result[key]).median),
    ),
    errors(rounds),
  ]);
  const two = (figure: Spread) => [
    figure.median.toFixed(2),
    `${figure.min.toFixed(2)}–${figure.max.toFixed(2)}`,
  ];
  const ratios = results.ratios.map((ratio) => [
    `${ratio.row}  ${ratio.of}: ${ratio.cell} ÷ ${ratio.by}`,
    ...two(ratio.measured),
    ...barOf(ratio),
  ]);
  return [
    table(['closed loop', 'calls/s', 'min–max', 'server core', 'generator core', 'errors'], throughput),
    table(['half load', 'calls/s', 'p50 µs', 'p90 µs', 'p99 µs', 'max µs', 'errors'], halfLoad),
    table(['ratio', 'median', 'min–max', 'bar', ''], ratios),
  ].join('\n\n');
}

function barOf({ atLeast, atMost, met }: MeasuredRatio): readonly [bar: string, met: string] {
  if (atLeast === undefined && atMost === undefined) return ['noise', ''];
  return [atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`, met ? 'met' : 'missed'];
}

function figures(rounds: Rounds, pick: (result: Measured) => number): Map<string, number[]> {
  return new Map([...rounds].map(([name, results]) => [name, results.map(pick)]));
}

function maximaOf(throughput: Rounds): Map<string, number> {
  return new Map(
    [...throughput].map(([name, rounds]) => [name, spread(rounds.map((r) => r.perSecond)).median]),
  );
}

function drawnOf(chosen: readonly Cell[]): Cell[] {
  return chosen.filter((cell) => cell.isDrawn);
}

function isThere(cell: Cell): boolean {
  const script = contenders[cell.contender].args[0];
  const isFound = existsSync(new URL(`../${script}`, import.meta.url));
  if (!isFound) log(`${cell.name}: left out, there is no ${script}`);
  return isFound;
}

function machine() {
  const processors = cpus();
  return {
    processor: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryBytes: totalmem(),
    system: `${process.platform} ${release()}`,
    node: process.version,
    pinned,
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  };
}
