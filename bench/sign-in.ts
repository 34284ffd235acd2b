/**
 * Sign-ins and unlocks beside one another, each measured on both sides: sign-ins a second of a server that is asked nothing
 * else, and under full load of unlocks, as parts of what the server's processors can check at most; and what they cost those who
 * unlock, at half load and at full. The server has one core and this process, which makes both loads, the other; with
 * `--cores all` nothing is held anywhere. Options: `node bench/sign-in.ts --help`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { hashPassword } from '../src/sign-in/password.ts';
import { drive, type Job, type Load, type Result } from './load/drive.ts';
import { tellMachine, yieldToKernel } from './load/machine.ts';
import { userIdOf } from './load/request.ts';
import { offerSignIns, type SignInLoad } from './load/sign-ins.ts';
import { pinned, type ServerProcess, startServer } from './process.ts';
import { relock, type Seeded, seed } from './seed.ts';
import { type Spread, spread } from './spread.ts';
import { table, whole } from './table.ts';

const bars = { alone: 0.85, besideFull: 0.25, p99: 1.5 } as const;
const signersCount = 1_000;
const password = 'correct horse';
const warmupSeconds = 1;
const fullSeconds = 3;
/** Of sign-ins alone: enough that no thread waits for the next. */
const aloneInFlight = 32;

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '200000' },
    seconds: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '5' },
    rate: { type: 'string', default: '200' },
    cores: { type: 'string', default: '1' },
    share: { type: 'string' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const isHeld = pinned && values.cores !== 'all';
const rounds = Number(values.rounds);

// Users who are not locked, as the seed has them: the odd ones.
const signers = Array.from({ length: signersCount }, (_none, nth) => userIdOf(2 * nth + 1));

if (values.help) console.log(help());
else await main();

function help(): string {
  return [
    'Usage: node bench/sign-in.ts [options]',
    '  --users N    users in the database, every second locked (200000)',
    '  --seconds N  of each measurement at half load (8)',
    '  --rounds N   measurements of each kind (5)',
    '  --rate N     sign-ins offered a second beside unlocks (200)',
    '  --cores all  hold neither the server nor this process to a core',
    '  --share N    the server’s --password-share',
    '  --dir PATH   folder of the database (the system’s temporary one)',
    '  --json       the figures as JSON',
  ].join('\n');
}

/** Unlocks, and how many signed in a second meanwhile. */
interface Beside extends Result {
  readonly signInsPerSecond: number;
}

interface Measured {
  /** Checks a second that the server's processors can make, a round. */
  readonly limit: readonly number[];
  /** Sign-ins a second with nothing beside them, each right after the limit was measured. */
  readonly alone: readonly number[];
  readonly full: readonly Result[];
  readonly besideFull: readonly Beside[];
  readonly half: readonly Result[];
  readonly besideHalf: readonly Beside[];
  readonly answers: Readonly<Record<string, number>>;
}

async function main(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  stack.use(tellMachine());
  const folder = mkdtempSync(join(values.dir, 'latchkey-sign-in-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const seeded = await seed(join(folder, 'latchkey.db'), Number(values.users));
  await givePasswords(seeded);
  const share = values.share === undefined ? [] : ['--password-share', values.share];
  const args = ['src/latchkey.js', 'serve', '--db', seeded.path, '--log-level', 'error', ...share];
  const server = stack.use(await startServer(args, isHeld ? 1 : 'any'));
  if (isHeld) spawnSync('taskset', ['-a', '-c', '-p', '0', String(process.pid)]);
  // The server is started before: it would inherit this.
  yieldToKernel();
  const measured = await measureAll({ server, seeded });
  if (values.json) console.log(JSON.stringify({ bars, ...measured }));
  else print(measured);
}

/**
 * The checks and the sign-ins alone in turns. What is beside sign-ins one after the other: what waits to be checked at the end
 * of a round would still be there in the next.
 */
async function measureAll(target: Target): Promise<Measured> {
  const closed: Load = { kind: 'closed' };
  // More than once: measured in a good moment, its half is nearly all that the server can do in another.
  const full = await times(rounds, () => unlock(target, closed, fullSeconds));
  const perSecond = spread(full.map((result) => result.perSecond)).median / 2;
  const halfLoad: Load = { kind: 'open', ratePerSecond: perSecond };
  const half = await times(rounds, () => unlock(target, halfLoad, Number(values.seconds)));
  const limit: number[] = [];
  const alone: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    limit.push(checksPerSecond(fullSeconds));
    alone.push(await signInAlone(target, fullSeconds));
  }
  using signIns = offer(target, { ratePerSecond: Number(values.rate) });
  const beside = async (load: Load, seconds: number): Promise<Beside> => {
    const before = signIns.succeeded();
    const startedMs = performance.now();
    const result = await unlock(target, load, seconds);
    const signedIn = signIns.succeeded() - before;
    return { ...result, signInsPerSecond: (signedIn * 1_000) / (performance.now() - startedMs) };
  };
  const besideHalf = await times(rounds, () => beside(halfLoad, Number(values.seconds)));
  const besideFull = await times(rounds, () => beside(closed, Number(values.seconds)));
  return { limit, alone, full, besideFull, half, besideHalf, answers: signIns.answers };
}

async function times<Value>(count: number, work: () => Promise<Value>): Promise<Value[]> {
  const all: Value[] = [];
  for (let nth = 0; nth < count; nth += 1) all.push(await work());
  return all;
}

/** Of the processors that the server gets, which asks for nothing meanwhile. */
function checksPerSecond(seconds: number): number {
  const script = new URL('load/checks.ts', import.meta.url).pathname;
  const command = [process.execPath, '--no-warnings', script, '--seconds', String(seconds)];
  const [file = '', ...args] = isHeld ? ['taskset', '-c', '1', ...command] : command;
  const env = { ...process.env, UV_THREADPOOL_SIZE: String(availableParallelism()) };
  const { stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', env });
  const checks = Number(stdout);
  if (!(checks > 0)) throw new Error(`the checks were not measured: ${stderr}`);
  return checks;
}

async function givePasswords({ path }: Seeded): Promise<void> {
  const hash = await hashPassword(password);
  using db = new DatabaseSync(path);
  const set = db.prepare(
    'UPDATE profiles SET password_hash = ?, password_change_required = 0, password_changed_at = 0 WHERE user_id = ?',
  );
  db.exec('BEGIN');
  for (const userId of signers) set.run(hash, userId);
  db.exec('COMMIT');
}

interface Target {
  readonly server: ServerProcess;
  readonly seeded: Seeded;
}

function unlock({ server, seeded }: Target, load: Load, seconds: number): Promise<Result> {
  relock(seeded);
  const users = { ...seeded.locked, skip: 0 };
  const where = { host: '127.0.0.1', port: server.port, transport: 'h2', dialect: 'grpc' } as const;
  const { token } = seeded;
  // An open loop that runs out of streams is none: what is due would wait in here.
  const streams = load.kind === 'open' ? 256 : 32;
  const job: Job = { ...where, token, connections: 4, streams, load, warmupSeconds, seconds, users };
  return drive(job);
}

function offer({ server: { port }, seeded: { token } }: Target, load: SignInLoad) {
  return offerSignIns({ port, token, userIds: signers, password, load });
}

/** Sign-ins a second, from a moment on at which all threads are at work. */
async function signInAlone(target: Target, seconds: number): Promise<number> {
  using signIns = offer(target, { inFlight: aloneInFlight });
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  await wait(1_000);
  const before = signIns.succeeded();
  const startedMs = performance.now();
  await wait(seconds * 1_000);
  return ((signIns.succeeded() - before) * 1_000) / (performance.now() - startedMs);
}

function print({ limit, alone, full, besideFull, half, besideHalf, answers }: Measured): void {
  const rows = [
    ...full.map((result) => ['full, alone', ...figures(result)]),
    ...besideFull.map((result) => ['full, beside', ...figures(result), result.signInsPerSecond.toFixed(1)]),
    ...half.map((result) => ['half, alone', ...figures(result)]),
    ...besideHalf.map((result) => ['half, beside', ...figures(result), result.signInsPerSecond.toFixed(1)]),
  ];
  const titles = ['unlocks', 'unlocks/s', 'p50 µs', 'p99 µs', 'max µs', 'errors', 'sign-ins/s'];
  const p99 = (beside: readonly Result[], without: readonly Result[]) => {
    const usual = spread(without.map(({ p99Us }) => p99Us)).median;
    return spread(beside.map(({ p99Us }) => p99Us / usual));
  };
  const checks = spread(limit);
  const partsAlone = alone.map((perSecond, round) => perSecond / (limit[round] ?? Number.NaN));
  const shares = besideFull.map(({ signInsPerSecond }) => signInsPerSecond / checks.median);
  const ratios = [
    ['sign-ins alone ÷ checks', ...two(spread(partsAlone)), `≥ ${bars.alone}`],
    ['sign-ins beside full load ÷ checks', ...two(spread(shares)), `≥ ${bars.besideFull}`],
    ['p99 beside sign-ins ÷ without, full load', ...two(p99(besideFull, full)), `≤ ${bars.p99}`],
    ['p99 beside sign-ins ÷ without, half load', ...two(p99(besideHalf, half)), `≤ ${bars.p99}`],
  ];
  const range = ({ median, min, max }: Spread) =>
    `${median.toFixed(1)} (${min.toFixed(1)}–${max.toFixed(1)})`;
  console.log(table(titles, rows));
  console.log(`\nchecks/s at most: ${range(checks)}; sign-ins/s alone: ${range(spread(alone))}`);
  console.log(`sign-ins beside unlocks, by status: ${JSON.stringify(answers)}\n`);
  console.log(table(['ratio', 'median', 'min–max', 'bar'], ratios));
}

function two({ median, min, max }: Spread): readonly [string, string] {
  return [median.toFixed(2), `${min.toFixed(2)}–${max.toFixed(2)}`];
}

function figures({ perSecond, p50Us, p99Us, maxUs, errors }: Result): readonly string[] {
  return [perSecond, p50Us, p99Us, maxUs, errors].map(whole);
}
