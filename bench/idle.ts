/**
 * Resident memory of `npm start` on an empty folder when nobody asks it anything, beside a bare node:http server.
 * `node bench/idle.ts [--seconds 75] [--json]`. Linux alone tells.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { tellMachine } from './load/machine.ts';
import { type ServerProcess, startServer } from './process.ts';
import { table } from './table.ts';

const barMebibytes = 120;

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '75' }, json: { type: 'boolean', default: false } },
});

await main();

async function main(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  stack.use(tellMachine());
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-idle-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const bare = stack.use(await startServer(['bench/contenders/bare-http.ts']));
  const latchkey = stack.use(await startServer(['src/latchkey.js', 'serve', '--demo', '--data', folder]));
  const rows = [memoryOf('bare node:http', bare), memoryOf('latchkey, just started', latchkey)];
  await sleep(Number(values.seconds) * 1_000);
  rows.push(memoryOf(`latchkey, idle for ${values.seconds} s (bar ${barMebibytes})`, latchkey));
  if (values.json) console.log(JSON.stringify({ barMebibytes, rows }));
  else {
    const cells = rows.map(({ name, ...rest }) => [name, ...Object.values(rest).map(String)]);
    console.log(table(['memory, MiB', 'resident', 'of its own', 'threads'], cells));
  }
}

/** Resident, and of that what no other process shares, in MiB. */
function memoryOf(name: string, { pid }: ServerProcess) {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const mebibytes = (field: string) =>
    Math.round(Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(rollup)?.[1]) / 1024);
  const own = mebibytes('Private_Clean') + mebibytes('Private_Dirty');
  return { name, resident: mebibytes('Rss'), own, threads: readdirSync(`/proc/${pid}/task`).length };
}
