/**
 * From the spawn of `node src/main.ts serve` on an existing database to the first answered unlock, beside the first
 * answer of a bare node:http server. `node bench/startup.ts [--rounds 7] [--users 10000] [--json]`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureLatchkeyStart, measureStart } from './first-answer.ts';
import { seed } from './seed.ts';
import { spread } from './spread.ts';
import { table, whole } from './table.ts';

const barMs = 600;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    users: { type: 'string', default: '10000' },
    json: { type: 'boolean', default: false },
  },
});

await main();

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-startup-'));
  try {
    const seeded = await seed(join(folder, 'latchkey.db'), Number(values.users));
    const bareMs: number[] = [];
    const latchkeyMs: number[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      bareMs.push(await measureStart(['bench/contenders/bare-http.ts'], seeded.token, 0));
      latchkeyMs.push(await measureLatchkeyStart(seeded, round));
    }
    const rows = [
      ['bare node:http, first answer', bareMs] as const,
      ['latchkey serve, first unlock', latchkeyMs] as const,
    ].map(([name, list]) => {
      const { median, min, max } = spread(list);
      return [name, whole(median), `${whole(min)}–${whole(max)}`];
    });
    if (values.json) console.log(JSON.stringify({ barMs, bareMs, latchkeyMs }));
    else console.log(table([`start (bar ${barMs} ms)`, 'ms', 'min–max'], rows));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
