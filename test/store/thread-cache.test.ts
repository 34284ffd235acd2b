import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { root } from '../tidy/source.ts';

const run = promisify(execFile);

const source = (path: string): string => JSON.stringify(join(root, 'src', path));
const works = {
  'that writes': `
    const store = await (await import(${source('store/open.ts')})).openStore({ database: process.argv[2] });
    await store.isReady();
    await store[Symbol.asyncDispose]();`,
  'that checks passwords': `
    await (await import(${source('sign-in/password.ts')})).hashPassword('correct horse');`,
};

test.each([
  ['that writes', 'nextOfInstance'],
  ['that checks passwords', 'lowerPriority'],
] as const)('a thread %s keeps what it compiled where its process does, and nowhere else', async (name, known) => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-cache-'));
  const work = join(folder, 'work.mjs');
  await writeFile(work, works[name]);
  const argv = ['--no-warnings', work, join(folder, 'latchkey.db')];
  const kept = async () => {
    const cache = join(folder, 'cache');
    const entries = await readdir(cache, { recursive: true, withFileTypes: true }).catch(() => []);
    const files = entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name: file }) => join(parentPath, file));
    return (await Promise.all(files.map((file) => readFile(file)))).filter((bytes) =>
      bytes.includes(`function ${known}(`),
    );
  };
  // Of the environment of whoever runs the tests, nothing: it names a cache.
  const env = {};
  await run(process.execPath, argv, { env, cwd: folder });
  expect(await kept()).toEqual([]);
  await run(process.execPath, argv, {
    env: { ...env, NODE_COMPILE_CACHE: join(folder, 'cache') },
    cwd: folder,
  });
  expect(await kept()).not.toEqual([]);
  await rm(folder, { recursive: true });
});
