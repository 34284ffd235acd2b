import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openFolder, parseLines, type ServeProcess, startServe } from './run-cli.ts';

const cleanup = new AsyncDisposableStack();
let folder: string;
let server: ServeProcess;
let remote: Record<string, string>;

beforeAll(async () => {
  folder = cleanup.use(await openFolder()).path;
  server = cleanup.use(await startServe(join(folder, 'data'), ['--demo']));
  remote = { LATCHKEY_URL: server.url, LATCHKEY_TOKEN: server.token };
});
afterAll(() => cleanup.disposeAsync());

const launcher = join(import.meta.dirname, '../../src/latchkey.js');

/** Runs it in a shell, which redirects; exit code and stderr. */
async function shell(script: string): Promise<{ readonly code: number; readonly stderr: string }> {
  const env = { PATH: process.env.PATH ?? '', ...remote };
  const latchkey = `latchkey() { '${process.execPath}' '${launcher}' "$@"; }`;
  try {
    const { stderr } = await promisify(execFile)('bash', ['-c', `${latchkey}; ${script}`], {
      env,
    });
    return { code: 0, stderr };
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    return { code, stderr };
  }
}

describe('what cannot be written is a failure', () => {
  test.each([
    'latchkey export --db DB > /dev/full',
    'latchkey export --db DB --json > /dev/full',
    'latchkey user list > /dev/full',
    'latchkey user list --json > /dev/full',
    'latchkey events --json > /dev/full',
    'latchkey version > /dev/full',
    'latchkey help > /dev/full',
    'latchkey user list --help > /dev/full',
    'latchkey verify --db DB > /dev/full',
    'latchkey demo > /dev/full',
  ])('%s', async (line) => {
    const { code, stderr } = await shell(line.replace('DB', server.database));
    expect(code).toBe(6);
    expect(stderr).toContain('Cannot write what was asked for');
  });

  test('on a disk that has room for a part', async () => {
    const file = join(folder, 'part.jsonl');
    // Blocks of 1,024 bytes; what is beyond fails with EFBIG instead of a signal.
    const limited = `trap '' XFSZ; ulimit -f 4; latchkey events --json > ${file}`;
    const { code, stderr } = await shell(limited);
    expect((await stat(file)).size).toBeGreaterThan(0);
    expect(stderr).toContain('EFBIG');
    expect(code).toBe(6);
  });

  test('a report of an import that has room for a part', async () => {
    const [people, report] = [join(folder, 'people.csv'), join(folder, 'report.jsonl')];
    // In one batch, whose report takes several blocks.
    await writeFile(people, `user_name,email\n${'alone\n'.repeat(90)}`);
    const limited = `trap '' XFSZ; ulimit -f 4; latchkey import --from csv ${people} --report ${report}`;
    const { code, stderr } = await shell(limited);
    expect((await stat(report)).size).toBe(4_096);
    expect(stderr).toContain('Cannot write --report');
    expect(code).toBe(6);
  });

  test('a file that has room has every byte, also behind what stands in it', async () => {
    const file = join(folder, 'whole.jsonl');
    expect(await shell(`latchkey events --json > ${file}; latchkey events --json >> ${file}`)).toMatchObject({
      code: 0,
    });
    const rows = parseLines(await readFile(file, 'utf8'));
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.slice(rows.length / 2)).toEqual(rows.slice(0, rows.length / 2));
  });
});

test('a reader that has enough is no failure', async () => {
  expect(await shell('set -o pipefail; latchkey events --json | head -n 1 > /dev/null')).toMatchObject({
    code: 0,
  });
});

test('what is done is done, though nobody can be told on stderr', async () => {
  expect(await shell('latchkey user create --machine --name Bot --id bot 2> /dev/full')).toMatchObject({
    code: 0,
  });
  expect(await shell('latchkey token create bot 2> /dev/full')).toMatchObject({ code: 0 });
  expect(await shell('latchkey user show nobody 2> /dev/full')).toMatchObject({ code: 3 });
  expect(existsSync('/dev/full')).toBe(true);
});
