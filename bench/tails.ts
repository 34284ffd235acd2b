/**
 * How long the slowest of a hundred unlocks take: at 1,000 a second beside the plain design at the same rate and beside what
 * the disk allows (as many bytes, as often), and at half load beside a no-op of grpc-js at its own half load. In turns, every
 * other round backwards. `node bench/tails.ts [--rounds 9] [--seconds 4] [--users 200000] [--dir FOLDER] [--json]`: five minutes.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Arena, type Ask, openArena } from './arena.ts';
import { type Cell, cells } from './cells.ts';
import { tellMachine } from './load/machine.ts';
import { runNode } from './process.ts';
import { spread } from './spread.ts';
import { table, whole } from './table.ts';

const ratePerSecond = 1_000;
const inFlight = 128;
const settleSeconds = 15;
const closed: Ask = { load: { kind: 'closed' }, inFlight, warmupSeconds: 0.5, seconds: 2 };

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '4' },
    users: { type: 'string', default: '200000' },
    dir: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);

/** What is measured in a round, in microseconds at the 99th percentile; `us` holds one figure a round. */
interface Row {
  readonly name: string;
  readonly measure: () => Promise<number>;
  readonly us: number[];
}

/** One row over another, round by round. */
interface Ratio {
  readonly over: Row;
  readonly under: Row;
  readonly bar: number;
}

await main();

async function main(): Promise<void> {
  using _told = tellMachine();
  const [ours, plain, noop] = [
    cellOf('latchkey grpc h2'),
    cellOf('plain rest h1'),
    cellOf('grpc-js grpc h2'),
  ];
  await using arena = await openArena([ours, plain, noop], {
    users: Number(values.users),
    folder: values.dir,
  });
  const commits: Commits[] = [];
  const at = (cell: Cell, rate: number) => async () => (await arena.measure(cell, askOf(rate))).p99Us;
  const counted = async (): Promise<number> => {
    const { p99Us, made } = await countCommits(arena, ours);
    commits.push(made);
    return p99Us;
  };
  // Compilers and caches settle, at this rate too (V8 compiles beside, on the same core, for the first ten seconds of it); and it is known
  // how often the disk is to be asked.
  for (const cell of [ours, plain, noop]) await arena.measure(cell, { ...closed, seconds: 4 });
  for (const cell of [ours, plain])
    await arena.measure(cell, { ...askOf(ratePerSecond), seconds: settleSeconds });
  await counted();
  const halves = new Map<Cell, number>();
  for (const cell of [ours, noop]) halves.set(cell, (await arena.measure(cell, closed)).perSecond / 2);
  const row = (name: string, measure: Row['measure']): Row => ({ name, measure, us: [] });
  const a = row(`latchkey, ${ratePerSecond} a second`, counted);
  const b = row(`plain, ${ratePerSecond} a second`, at(plain, ratePerSecond));
  const c = row('write and fdatasync, as much, as often', () => syncUs(arena.homeOf(ours).path, commits));
  const d = row('latchkey, half load', at(ours, halves.get(ours) ?? 1));
  const e = row('grpc-js no-op, half load', at(noop, halves.get(noop) ?? 1));
  await inRounds([a, b, c, d, e]);
  report([a, b, c, d, e], {
    commits,
    ratios: [
      { over: a, under: b, bar: 2 },
      { over: a, under: c, bar: 2 },
      { over: d, under: e, bar: 1 },
    ],
  });
}

async function inRounds(rows: readonly Row[]): Promise<void> {
  for (let round = 0; round < Number(values.rounds); round += 1) {
    console.error(`round ${round + 1} of ${values.rounds}`);
    for (const { us, measure } of round % 2 === 0 ? rows : rows.toReversed()) us.push(await measure());
  }
}

function askOf(rate: number): Ask {
  return { load: { kind: 'open', ratePerSecond: rate }, inFlight, warmupSeconds: 0.5, seconds };
}

function cellOf(name: string): Cell {
  const found = cells.find((cell) => cell.name === name);
  if (found === undefined) throw new Error(`bug: there is no cell ${name}`);
  return found;
}

/** What a server had written while it answered. */
interface Commits {
  readonly perSecond: number;
  readonly bytesEach: number;
}

async function countCommits(arena: Arena, cell: Cell): Promise<{ p99Us: number; made: Commits }> {
  const { path, pid } = arena.homeOf(cell);
  const ask = askOf(ratePerSecond);
  const before = { commits: 0, bytes: 0 };
  const { p99Us } = await arena.measure(cell, ask, () => {
    before.commits = commitsIn(path);
    before.bytes = bytesWrittenBy(pid);
  });
  const commits = commitsIn(path) - before.commits;
  const bytesEach = (bytesWrittenBy(pid) - before.bytes) / commits;
  return { p99Us, made: { perSecond: commits / (ask.warmupSeconds + ask.seconds), bytesEach } };
}

/** SQLite's index of the log counts the transactions, at byte 8, in the byte order of the machine. */
function commitsIn(path: string): number {
  return readFileSync(`${path}-shm`).readUInt32LE(8);
}

function bytesWrittenBy(pid: number): number {
  return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}

/** As often and as much as the newest count says, on the disk of the database. */
async function syncUs(path: string, commits: readonly Commits[]): Promise<number> {
  const { perSecond = ratePerSecond, bytesEach = 4_096 } = commits.at(-1) ?? {};
  const folder = path.slice(0, path.lastIndexOf('/'));
  const args = ['--folder', folder, '--rate', String(perSecond), '--bytes', String(Math.ceil(bytesEach))];
  return Number(await runNode(['bench/load/syncs.ts', ...args, '--seconds', String(seconds)]));
}

function report(
  rows: readonly Row[],
  { ratios, commits }: { ratios: readonly Ratio[]; commits: readonly Commits[] },
): void {
  const found = ratios.map(({ over, under, bar }) => {
    const ratio = spread(over.us.map((us, round) => us / (under.us[round] ?? Number.NaN)));
    return { name: `${over.name} ÷ ${under.name}`, ...ratio, bar };
  });
  if (values.json) {
    console.log(JSON.stringify({ rows: rows.map(({ name, us }) => ({ name, us })), commits, ratios: found }));
    return;
  }
  const figures = rows.map(({ name, us }) => {
    const { median, min, max } = spread(us);
    return [name, whole(median), `${whole(min)}–${whole(max)}`];
  });
  const compared = found.map(({ name, median, min, max, bar }) => {
    const range = `${min.toFixed(2)}–${max.toFixed(2)}`;
    return [name, median.toFixed(2), range, `≤ ${bar} ${median <= bar ? 'met' : 'missed'}`];
  });
  const perSecond = spread(commits.map((one) => one.perSecond));
  const bytesEach = spread(commits.map((one) => one.bytesEach));
  console.log(
    [
      table(['p99', 'µs', 'min–max'], figures),
      `Latchkey committed ${whole(perSecond.median)} times a second (${whole(perSecond.min)}–${whole(perSecond.max)}), ${whole(bytesEach.median)} bytes each.`,
      table(['ratio', 'median', 'min–max', 'bar'], compared),
    ].join('\n\n'),
  );
}
