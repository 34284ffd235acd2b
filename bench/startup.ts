/**
 * From the spawn of `node src/latchkey.js serve` on an existing database to the first answered unlock, beside the first
 * answer of a bare node:http server in the same round, which is measured twice to show the noise.
 * `node bench/startup.ts [--rounds 11] [--users 10000] [--json]`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureLatchkeyStart, measureStart } from './load/first-answer.ts';
import { tellMachine } from './load/machine.ts';
import { seed } from './seed.ts';
import { spread } from './spread.ts';
import { table, whole } from './table.ts';

/** Times the bare server's. */
const bar = 2.5;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '11' },
    users: { type: 'string', default: '10000' },
    json: { type: 'boolean', default: false },
  },
});

await main();

async function main(): Promise<void> {
  using stack = new DisposableStack();
  stack.use(tellMachine());
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-startup-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const seeded = await seed(join(folder, 'latchkey.db'), Number(values.users));
  const startBare = () => measureStart(['bench/contenders/bare-http.ts'], seeded.token, 0);
  // Fills the caches, and is not counted.
  await measureLatchkeyStart(seeded, 0);
  await startBare();
  const bareMs: number[] = [];
  const againMs: number[] = [];
  const latchkeyMs: number[] = [];
  for (let round = 1; round <= Number(values.rounds); round++) {
    bareMs.push(await startBare());
    latchkeyMs.push(await measureLatchkeyStart(seeded, round));
    againMs.push(await startBare());
  }
  if (values.json) {
    console.log(JSON.stringify({ bar, bareMs, againMs, latchkeyMs }));
    return;
  }
  const rows = [
    ['bare node:http, first answer', bareMs] as const,
    ['the same again', againMs] as const,
    [`latchkey serve, first unlock (bar ${bar})`, latchkeyMs] as const,
  ].map(([name, list]) => {
    const { median, min, max } = spread(list);
    const ratio = spread(list.map((ms, round) => ms / (bareMs[round] ?? Number.NaN)));
    const range = `${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)}`;
    return [name, whole(median), `${whole(min)}–${whole(max)}`, ratio.median.toFixed(2), range];
  });
  console.log(table(['start', 'ms', 'min–max', '÷ bare', 'min–max'], rows));
}
