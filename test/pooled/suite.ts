import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createChecks } from '../faults/checks.ts';
import { makePostgres } from '../support/postgres/process.ts';
import { startBouncer } from './bouncer.ts';
import { faultsThrough } from './faults.ts';

/** What speaks to the database as calls do, and does not stop or cut it. */
const all = [
  'test/store/store.test.ts',
  'test/store/users.test.ts',
  'test/store/lockout.test.ts',
  'test/store/fence.test.ts',
  'test/store/verify.test.ts',
  'test/locks/race.test.ts',
  'test/postgres/positions.test.ts',
  'test/postgres/pooled.test.ts',
];

const files = process.argv.length > 3 ? process.argv.slice(3) : all;
const modes =
  process.argv[2] === undefined ? (['session', 'transaction'] as const) : [process.argv[2] as 'session'];
/**
 * Not those of the other store, and not what hashes a hundred passwords or has forty wait in one line: that tries the
 * machine, and not the pooler.
 */
const names = '^(?!on sqlite)(?!.*(100 wrong passwords|of 40 creations))';

const root = join(import.meta.dirname, '../..');

/** Runs the files through the database of this URL; answers how many tests passed and failed. */
async function run(url: string): Promise<readonly [passed: number, failed: number]> {
  const options = ['--experimental-vm-modules', '--no-warnings'];
  const jest = join(root, 'node_modules/jest/bin/jest.js');
  const child = spawn(
    process.execPath,
    [...options, jest, '--maxWorkers=1', '--testNamePattern', names, ...files],
    {
      cwd: root,
      env: { ...process.env, DATABASE_URL: url },
      stdio: ['ignore', 'inherit', 'pipe'],
    },
  );
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    process.stderr.write(chunk);
  });
  const [code] = await once(child, 'close');
  const line = said.split('\n').findLast((text) => text.includes('Tests:')) ?? '';
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0);
  const failed = count('failed');
  return [count('passed'), failed === 0 && code !== 0 ? 1 : failed];
}

let [passed, failed] = [0, 0];
const checks = createChecks();
// Where files are named, they alone are run.
const withFaults = process.argv.length <= 3 || process.argv[3] === 'faults';
{
  await using postgres = await makePostgres({
    password: 'p%40ss/word',
    initdbFlags: ['--encoding=UTF8', '--locale=C.UTF-8'],
    settings: ['max_connections=300', 'listen_addresses=127.0.0.1', 'shared_buffers=64MB'],
  });
  await postgres.start();
  for (const mode of modes) {
    await using bouncer = await startBouncer(postgres.url, mode);
    console.log(`PgBouncer in ${mode} mode`);
    if (files[0] !== 'faults') {
      const counted = await run(bouncer.url);
      passed += counted[0];
      failed += counted[1];
    }
    if (withFaults) await faultsThrough(mode, { postgres, bouncer, checks });
  }
}
passed += checks.passed;
failed += checks.failed;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
