/**
 * Processor time of commands, beside that of `node -e 0` in the same round, which is measured twice to show the noise.
 * `node bench/command-line.ts [--rounds 21] [--users 1000] [--json]`. Needs bash, whose `time` tells a child's.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { tellMachine } from './load/machine.ts';
import { startServer } from './process.ts';
import { seed } from './seed.ts';
import { spread } from './spread.ts';
import { table } from './table.ts';

const launcher = 'src/latchkey.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '21' },
    users: { type: 'string', default: '1000' },
    json: { type: 'boolean', default: false },
  },
});

interface Measured {
  readonly name: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** At most so many times the time of `node -e 0`. */
  readonly bar?: number;
  readonly ms: number[];
}

await main();

async function main(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  stack.use(tellMachine());
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-command-line-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const { path, token } = await seed(join(folder, 'latchkey.db'), Number(values.users));
  const server = stack.use(
    await startServer([launcher, 'serve', '--db', path, '--data', folder, '--log-level', 'error']),
  );
  const env = { LATCHKEY_URL: `http://127.0.0.1:${server.port}`, LATCHKEY_TOKEN: token };
  const list = [launcher, 'user', 'list'];
  const bare: Measured = { name: 'node -e 0', args: ['-e', '0'], ms: [] };
  const all: readonly Measured[] = [
    bare,
    { name: 'node -e 0, again', args: ['-e', '0'], ms: [] },
    { name: 'latchkey --help', args: [launcher, '--help'], bar: 2, ms: [] },
    { name: 'latchkey user list', args: list, env, bar: 4, ms: [] },
    { name: 'latchkey user list --db', args: [...list, '--db', path], ms: [] },
  ];
  // The first of each fills the caches, and is not counted.
  for (const { args, env: given } of all) processorMs(args, given);
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const one of round % 2 === 0 ? all : all.toReversed()) one.ms.push(processorMs(one.args, one.env));
  }
  if (values.json) console.log(JSON.stringify(all.map(({ name, bar, ms }) => ({ name, bar, ms }))));
  else print(all, bare);
}

/** User and system time of all threads of `node <args>`, in milliseconds. */
function processorMs(args: readonly string[], env: Readonly<Record<string, string>> = {}): number {
  const script = 'TIMEFORMAT="%3U %3S"; time "$@" >/dev/null';
  const { stderr, status } = spawnSync('bash', ['-c', script, 'bash', process.execPath, ...args], {
    cwd: new URL('..', import.meta.url).pathname,
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    encoding: 'utf8',
  });
  const seconds = stderr.trim().split('\n').at(-1)?.replaceAll(',', '.').split(' ').map(Number) ?? [];
  if (status !== 0 || seconds.length !== 2) throw new Error(`node ${args.join(' ')}: ${stderr}`);
  return seconds.reduce((sum, part) => sum + part * 1_000, 0);
}

function print(all: readonly Measured[], bare: Measured): void {
  const rows = all.map(({ name, ms, bar }) => {
    const ratio = spread(ms.map((value, round) => value / (bare.ms[round] ?? Number.NaN)));
    const range = `${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)}`;
    const wanted = bar === undefined ? '' : `≤ ${bar} ${ratio.median <= bar ? 'met' : 'missed'}`;
    return [name, spread(ms).median.toFixed(0), ratio.median.toFixed(2), range, wanted];
  });
  console.log(table(['processor time', 'ms', '÷ node -e 0', 'min–max', 'bar'], rows));
}
