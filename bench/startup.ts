/**
 * From the spawn of `node src/main.ts serve` on an existing database to the first answered unlock, beside the first
 * answer of a bare node:http server. `node bench/startup.ts [--rounds 7] [--users 10000] [--json]`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { http1Template, patchUserId } from './load/request.ts';
import { freePort, keepStderr, spawnNode, stop } from './process.ts';
import { type Seeded, seed } from './seed.ts';
import { spread } from './spread.ts';
import { table, whole } from './table.ts';

const barMs = 600;
const retryMs = 2;
const answerTimeoutMs = 20_000;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    users: { type: 'string', default: '10000' },
    json: { type: 'boolean', default: false },
  },
});

if (import.meta.main) await main();

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

/** Milliseconds from spawn to the answered unlock of the `unlock`th locked user. */
export function measureLatchkeyStart(seeded: Seeded, unlock: number): Promise<number> {
  const { first, step } = seeded.locked;
  return measureStart(['src/main.ts', 'serve', '--db', seeded.path], seeded.token, first + unlock * step);
}

async function measureStart(args: readonly string[], token: string, user: number): Promise<number> {
  const port = await freePort();
  const template = http1Template({ dialect: 'rest', authority: `127.0.0.1:${port}`, token });
  const request = Buffer.from(template.bytes);
  patchUserId(request, template.idAt, user);
  const startedMs = performance.now();
  const child = spawnNode([...args, '--port', String(port)], {
    core: 1,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const complaint = keepStderr(child);
  try {
    while (child.exitCode === null && performance.now() - startedMs < answerTimeoutMs) {
      const answer = await ask(port, request);
      if (answer.startsWith('HTTP/1.1 200 ')) return performance.now() - startedMs;
      if (answer !== '') throw new Error(`the first answer was ${answer}`);
      await sleep(retryMs);
    }
    throw new Error(`${args.join(' ')} did not answer: ${complaint()}`);
  } finally {
    await stop(child);
  }
}

/** The head of the answer; empty where nobody listens yet. */
function ask(port: number, request: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => socket.write(request));
    socket.once('data', (chunk) => {
      resolve(chunk.toString('latin1'));
      socket.destroy();
    });
    socket.once('error', () => resolve(''));
  });
}
