/** Moves users from SQLite to PostgreSQL and back through the command line: `node bench/move.ts --help`. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs, promisify } from 'node:util';
import { tellMachine } from './load/machine.ts';
import { type Bounded, bounded } from './postgres/bounded.ts';
import { startPostgres } from './postgres/server.ts';
import { seed } from './seed.ts';
import { table, whole } from './table.ts';

const help = `node bench/move.ts [options]
  SQLite → export → import → PostgreSQL → export → import → SQLite → export; all exports must be equal, byte for byte.
  --users N          users, each with its profile and one or two events (1000000)
  --dir FOLDER       where databases and exports go (the system's temporary folder)
  --set NAME=VALUE   a setting of PostgreSQL, any number of times
  --minutes N        give up after so long (60)
  --json             print the results as JSON
`;

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '1000000' },
    dir: { type: 'string', default: tmpdir() },
    set: { type: 'string', multiple: true, default: [] },
    minutes: { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** One run of the command line. */
interface Step {
  readonly name: string;
  readonly rows: number;
  readonly users: number;
  /** As the command itself says. */
  readonly seconds: number;
  /** From spawn to exit. */
  readonly wholeSeconds: number;
}

interface Export {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

const log = (line: string) => console.error(line);

if (values.help) console.log(help);
else await bounded(Number(values.minutes), main);

async function main({ stack, signal }: Bounded): Promise<void> {
  stack.use(tellMachine());
  const folder = mkdtempSync(join(values.dir, 'latchkey-move-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const postgres = stack.use(await startPostgres({ folder: values.dir, settings: values.set }));
  const first = { name: 'SQLite', db: join(folder, 'first.db') };
  const middle = { name: 'PostgreSQL', db: await postgres.createDatabase() };
  const last = { name: 'SQLite again', db: join(folder, 'last.db') };
  log(`seeding ${whole(Number(values.users))} users …`);
  await seed(first.db, Number(values.users));

  const steps: Step[] = [];
  const exports: Export[] = [];
  let file = '';
  for (const { name, db } of [first, middle, last]) {
    if (file !== '') {
      steps.push(await run(`import into ${name}`, ['import', file, '--db', db], signal));
      rmSync(file);
    }
    file = join(folder, `${steps.length}.jsonl`);
    steps.push(await run(`export from ${name}`, ['export', file, '--db', db], signal));
    exports.push({ name, bytes: statSync(file).size, sha256: await sha256(file) });
  }
  report(steps, exports, postgres.settings);
}

async function run(name: string, args: readonly string[], signal: AbortSignal): Promise<Step> {
  log(`${name} …`);
  const startedMs = performance.now();
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--no-warnings', 'src/main.ts', ...args, '--json'],
    { cwd: new URL('..', import.meta.url).pathname, signal },
  );
  const wholeSeconds = (performance.now() - startedMs) / 1000;
  const said: { rows: number; seconds: number; counts: { user: number } } = JSON.parse(stdout);
  return { name, rows: said.rows, users: said.counts.user, seconds: said.seconds, wholeSeconds };
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function report(
  steps: readonly Step[],
  exports: readonly Export[],
  settings: Readonly<Record<string, string>>,
): void {
  const isEqual = new Set(exports.map(({ sha256 }) => sha256)).size === 1;
  if (!isEqual) process.exitCode = 1;
  if (values.json) {
    console.log(JSON.stringify({ isEqual, steps, exports, settings }));
    return;
  }
  const rows = steps.map(({ name, rows, users, seconds, wholeSeconds }) => [
    name,
    whole(users),
    whole(rows),
    seconds.toFixed(1),
    whole(users / seconds),
    whole(rows / seconds),
    wholeSeconds.toFixed(1),
  ]);
  console.log(table(['step', 'users', 'rows', 's', 'users/s', 'rows/s', 'with start s'], rows));
  const files = exports.map(({ name, bytes, sha256 }) => [`export from ${name}`, whole(bytes), sha256]);
  console.log(`\n${table(['file', 'bytes', 'SHA-256'], files)}`);
  console.log(isEqual ? '\nThe exports are equal, byte for byte.' : '\nTHE EXPORTS DIFFER.');
}
