import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { root } from '../tidy/source.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-steps-'));
  // In the place of npm: what Jest says when all is well, and how long it was to be.
  const npm = 'echo "at length: $TEST_LONG, $*"; echo "Tests:       3 passed, 3 total"\n';
  await writeFile(join(folder, 'npm'), `#!/bin/sh\n${npm}`, { mode: 0o755 });
});
afterAll(() => rm(folder, { recursive: true }));

const firstFails = (name: string) =>
  `[[ -e ${name} ]] || { touch ${name}; echo "FAIL of the clock"; exit 1; }`;

function start(lines: string): ChildProcess & { readonly said: Promise<string> } {
  const script = `set -euo pipefail\nsource ${join(root, '.ci/steps.sh')}\n${lines}\nfinish\n`;
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  const child = spawn('bash', ['-c', script], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const said = once(child.stdout, 'close').then(() => Buffer.concat(chunks).toString());
  return Object.assign(child, { said });
}

async function run(lines: string): Promise<{ readonly code: unknown; readonly said: string }> {
  const child = start(lines);
  const [[code], said] = await Promise.all([once(child, 'close'), child.said]);
  return { code, said };
}

const suite = (name: string, body: string) => `suite ${name} 60 bash -c '${body}'`;
const good = 'for n in 1 2 3 4 5; do echo "$0 $n"; sleep 0.02; done; echo "5 passed, 0 failed"';

test('steps beside each other are shown one by one, each whole, and their counts are added up', async () => {
  const { code, said } = await run(`
    one() { ${suite('a', good)}; ${suite('b', good)}; }
    other() { ${suite('c', good)}; ${suite('d', good)}; }
    beside one other`);
  expect(code).toBe(0);
  expect(said).toMatch(/\n20 passed, 0 failed\n$/);
  const shown = said.split('\n').filter((line) => /^(===|---|bash \d)/.test(line));
  const piece = (name: string) => [
    expect.stringMatching(`^=== ${name}: bash -c for n`),
    ...[1, 2, 3, 4, 5].map((nth) => `bash ${nth}`),
    expect.stringMatching(`^--- ${name}: exit 0 after \\d+ s$`),
  ];
  const order = shown.filter((line) => line.startsWith('===')).map((line) => line.charAt(4));
  expect(order.toSorted()).toEqual(['a', 'b', 'c', 'd']);
  expect(shown).toEqual(order.flatMap(piece));
});

test('what fails beside others is tried again when they have ended, and named where it passes then', async () => {
  const { code, said } = await run(`
    quick() { ${suite('flaky', `${firstFails('flaky')}; echo "2 passed, 0 failed"`)}; }
    slow() { ${suite('slow', 'sleep 1; echo "1 passed, 0 failed"')}; }
    beside quick slow`);
  expect(said).toMatch(
    /--- slow: exit 0.*=== flaky again: .*failed at first:\nflaky:\nFAIL of the clock\n.*passed when tried again: flaky\n3 passed, 0 failed\n$/s,
  );
  expect(code).toBe(0);
});

test('so are the files of Jest that failed, at the length that they had', async () => {
  const jest = 'echo "FAIL test/x/y.test.ts (2 s)"; echo "Tests:       1 failed, 6 passed, 7 total"; exit 1';
  const { code, said } = await run(`
    lane() { TEST_LONG=0.3 jest_suite long 60 bash -c '${jest}'; }
    beside lane`);
  expect(said).toContain('at length: 0.3, test -- --runInBand test/x/y.test.ts\n');
  expect(said).toMatch(/passed when tried again: test\/x\/y\.test\.ts\n7 passed, 0 failed\n$/);
  expect(code).toBe(0);
});

const fails = 'echo "1 passed, 1 failed"; exit 1';
test.each([
  ['fails twice', suite('red', fails), /failed: red\n5 passed, 1 failed\n$/],
  ['says nothing of what it counted', suite('mute', 'exit 0'), /failed: mute\n4 passed, 1 failed\n$/],
  ['is stopped', 'suite late 1 sleep 30', /stopped after 1 s.*failed: late\n4 passed, 1 failed\n$/s],
  ['breaks its lane off', 'false', /failed: lane\n4 passed, 1 failed\n$/],
])('a step that %s makes all of it red', async (_, step, end) => {
  const { code, said } = await run(`
    lane() { ${step}; }
    other() { ${suite('green', 'echo "4 passed, 0 failed"')}; }
    beside lane other`);
  expect(said).toMatch(end);
  expect(code).toBe(1);
});

test('when its time is over, what runs is stopped, what is left is not begun, and the sum is told', async () => {
  const { code, said } = await run(`
    seconds_max=2
    one() { suite first 60 sleep 30; suite second 60 touch begun; }
    other() { ${suite('green', 'echo "4 passed, 0 failed"')}; }
    beside one other`);
  expect(said).toMatch(/no time left.*failed: first second\n4 passed, 2 failed\n$/s);
  await expect(access(join(folder, 'begun'))).rejects.toThrow('ENOENT');
  expect(code).toBe(1);
});

test('who stops it stops what runs in its lanes', async () => {
  const child = start(`
    one() { suite first 60 bash -c 'echo $$ >first; sleep 50 & wait'; }
    other() { suite second 60 bash -c 'echo $$ >second; sleep 50 & wait'; }
    beside one other`);
  const pids = await Promise.all(['first', 'second'].map((name) => written(join(folder, name))));
  child.kill('SIGTERM');
  await child.said;
  for (const pid of pids) await gone(pid);
});

async function gone(pid: number): Promise<void> {
  for (let looks = 0; looks < 600; looks += 1) {
    try {
      process.kill(pid, 0);
    } catch (error) {
      expect(error).toMatchObject({ code: 'ESRCH' });
      return;
    }
    await delay(50);
  }
  throw new Error(`${pid} still runs`);
}

async function written(path: string): Promise<number> {
  for (let looks = 0; looks < 600; looks += 1) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text.endsWith('\n')) return Number(text);
    await delay(50);
  }
  throw new Error(`${path} was not written`);
}
