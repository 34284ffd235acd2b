/**
 * Unlock throughput with ten million users beside that with ten thousand, and what so many cost: memory, disk, start.
 * `node bench/scale.ts [--small 10000] [--large 10000000] [--rounds 40] [--dir FOLDER] [--json]`.
 *
 * The small database holds fewer locked users than a second needs. So both are asked in bursts: as many unlocks as the
 * small one has locked users, scattered over all the locked users there are, and then locked again by SQL.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Job } from './load/drive.ts';
import { measureLatchkeyStart } from './load/first-answer.ts';
import { tellMachine } from './load/machine.ts';
import { type ServerProcess, startGenerator, startServer } from './process.ts';
import { relock, type Seeded, seed } from './seed.ts';
import { type Spread, spread } from './spread.ts';
import { table, whole } from './table.ts';

const bar = 0.8;
const warmRounds = 10;
const burstSecondsMax = 60;

const { values } = parseArgs({
  options: {
    small: { type: 'string', default: '10000' },
    large: { type: 'string', default: '10000000' },
    rounds: { type: 'string', default: '40' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
  },
});

interface Size {
  readonly users: number;
  readonly seeded: Seeded;
  readonly seedSeconds: number;
  readonly startMs: number;
  readonly server: ServerProcess;
  readonly perSecond: number[];
  errors: number;
}

await main();

async function main(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  stack.use(tellMachine());
  const folder = mkdtempSync(join(values.dir, 'latchkey-scale-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const sizes: Size[] = [];
  for (const users of [Number(values.small), Number(values.large)]) {
    console.error(`seeding ${whole(users)} users …`);
    const size = await prepare(join(folder, `${users}.db`), users);
    stack.use(size.server);
    sizes.push(size);
  }
  const generator = stack.use(startGenerator());
  const burst = Math.min(...sizes.map((size) => size.seeded.locked.count));
  for (let round = 0; round < warmRounds + Number(values.rounds); round++) {
    for (const size of sizes) {
      const result = await generator.run(jobOf(size, { burst, round }));
      relock(size.seeded);
      size.errors += result.errors;
      if (round >= warmRounds) size.perSecond.push(result.perSecond);
    }
  }
  print(sizes, burst);
}

async function prepare(path: string, users: number): Promise<Size> {
  const startedMs = performance.now();
  const seeded = await seed(path, users);
  const seedSeconds = (performance.now() - startedMs) / 1000;
  // Twice: the first start after the seeding may read what the system has not kept in memory.
  await measureLatchkeyStart(seeded, 0);
  const startMs = await measureLatchkeyStart(seeded, 1);
  relock(seeded);
  const server = await startServer(['src/main.ts', 'serve', '--db', path]);
  return { users, seeded, seedSeconds, startMs, server, perSecond: [], errors: 0 };
}

function jobOf(size: Size, { burst, round }: { burst: number; round: number }): Job {
  return {
    host: '127.0.0.1',
    port: size.server.port,
    transport: 'h2',
    dialect: 'grpc',
    token: size.seeded.token,
    connections: 4,
    streams: 32,
    load: { kind: 'count', requests: burst },
    warmupSeconds: 0,
    seconds: burstSecondsMax,
    users: { ...size.seeded.locked, skip: round * burst },
  };
}

function print(sizes: readonly Size[], burst: number): void {
  const measured = sizes.map((size) => ({
    users: size.users,
    perSecond: spread(size.perSecond),
    errors: size.errors,
    residentBytes: size.server.residentBytes(),
    databaseBytes: statSync(size.seeded.path).size,
    startMs: size.startMs,
    seedSeconds: size.seedSeconds,
  }));
  const [small, large] = sizes;
  const ratio: Spread = spread(
    (large?.perSecond ?? []).map((value, round) => value / (small?.perSecond[round] ?? Number.NaN)),
  );
  if (values.json) {
    console.log(JSON.stringify({ bar, burst, ratio, measured }));
    return;
  }
  const rows = measured.map((size) => [
    whole(size.users),
    whole(size.perSecond.median),
    `${whole(size.perSecond.min)}–${whole(size.perSecond.max)}`,
    whole(size.errors),
    whole(size.residentBytes / 2 ** 20),
    whole(size.databaseBytes / 2 ** 20),
    whole(size.startMs),
    whole(size.seedSeconds),
  ]);
  const header = ['users', 'unlocks/s', 'min–max', 'errors', 'RSS MiB', 'file MiB', 'start ms', 'seed s'];
  console.log(table(header, rows));
  const range = `${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)}`;
  console.log(
    `\nthroughput ratio: ${ratio.median.toFixed(2)} (${range}), bar ≥ ${bar}; bursts of ${whole(burst)}`,
  );
}
