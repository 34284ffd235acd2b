import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from '@jest/globals';

const heap = new URL('../../src/app/heap.ts', import.meta.url).href;

/** What V8 tells of its statistics of survivors, which it gathers only where it decides by them. */
function told(prelude: string): string {
  const work = `
    const make = (nth) => ({ nth, list: [nth] });
    const kept = [];
    for (let nth = 0; nth < 2_000_000; nth++) kept[nth % 100_000] = make(nth);
  `;
  const args = ['--no-warnings', '--trace-pretenuring-statistics', '--input-type=module', '--eval'];
  const { stdout, status } = spawnSync(process.execPath, [...args, prelude + work], { encoding: 'utf8' });
  expect(status).toBe(0);
  return stdout;
}

test('V8 decides nothing by what lived long while the server started', () => {
  expect(told('')).toContain('pretenuring');
  expect(told(`import { keepCallsYoung } from ${JSON.stringify(heap)}; keepCallsYoung();`)).toBe('');
});

test('a server that serves has said so', async () => {
  await using resources = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-heap-'));
  resources.defer(() => rm(folder, { recursive: true }));
  const main = new URL('../../src/main.ts', import.meta.url).pathname;
  const serve = ['serve', '--data', folder, '--port', '0', '--log-level', 'silent'];
  const traced = ['--no-warnings', '--trace-gc', '--trace-pretenuring-statistics'];
  const server = spawn(process.execPath, [...traced, main, ...serve], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  resources.defer(async () => {
    server.kill('SIGTERM');
    await new Promise((resolve) => server.once('close', resolve));
  });
  let said = '';
  server.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const url = () => /serves every protocol at (http:\S+)/.exec(said)?.[1];
  while (url() === undefined) await delay(20);
  // Behind what the start has printed; and so many calls that young objects are collected, which is when V8 counts.
  const begun = said.length;
  while ((said.slice(begun).match(/Scavenge/g) ?? []).length < 3)
    await Promise.all(Array.from({ length: 100 }, async () => (await fetch(`${url()}/readyz`)).text()));
  expect(said.slice(begun)).not.toContain('pretenuring:');
}, 60_000);
