import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import {
  appendFile,
  cp,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { root } from '../tidy/source.ts';

const run = promisify(execFile);
let folder: string;
const at = (path: string): string => join(folder, path);
const node = async (...argv: string[]) => (await run(process.execPath, argv, { cwd: tmpdir() })).stdout;
/** Says by which program it was answered: the built one says so at its end. */
const answers = async () =>
  (await node(at('src/latchkey.js'), 'version')).includes('built\n') ? 'built' : 'source';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-launcher-'));
  for (const name of ['src', 'gen', 'generate', 'package.json']) {
    await cp(join(root, name), at(name), { recursive: true });
  }
  // Not the folder itself: the list of packages in it is changed here.
  await cp(join(root, 'node_modules/.package-lock.json'), at('node_modules/.package-lock.json'));
  for (const name of await readdir(join(root, 'node_modules'))) {
    if (!name.startsWith('.')) await symlink(join(root, 'node_modules', name), at(`node_modules/${name}`));
  }
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

/** A server, killed when disposed; its URL when it serves. */
function spawned(...command: [string, string[]]) {
  const child = spawn(...command, { stdio: ['ignore', 'ignore', 'pipe'], cwd: tmpdir() });
  let told = '';
  const url = new Promise<string>((resolve, reject) => {
    child.on('exit', () => reject(new Error(told)));
    child.stderr.on('data', (chunk) => {
      told += chunk;
      const found = /"url":"([^"]+)"/.exec(told)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
  return {
    url,
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function build(): Promise<void> {
  await node(at('generate/bundle.ts'));
  await appendFile(at('dist/src/main.js'), "\nconsole.log('built');\n");
}

describe('what was built runs', () => {
  beforeAll(build, 60_000);
  // What a test changed is older than that, as after a build.
  beforeEach(() => writeFile(at('dist/built'), ''));

  test('where nothing that it was made of is newer', async () => {
    expect(await answers()).toBe('built');
  });

  test('of which a call to a server loads no HTTP/2, no TLS and so no gRPC', async () => {
    const told = at('told.cjs');
    await writeFile(told, "process.on('exit', () => console.log(process.moduleLoadList.join('\\n')));");
    const list = ['user', 'list', '--url', 'http://127.0.0.1:1', '--token', 'x'];
    const argv = ['--require', told, at('src/latchkey.js'), ...list];
    const failed = await run(process.execPath, argv, { cwd: tmpdir() }).catch((error: unknown) => error);
    const { stdout } = failed as { readonly stdout: string };
    expect(stdout).toContain('built\n');
    const loaded = stdout.split('\n').filter((line) => /^NativeModule (http|https|http2|tls)$/.test(line));
    expect(loaded).toEqual(['NativeModule http']);
  });

  const file = 'src/domain/ids.ts';
  const changes: [string, () => Promise<unknown>][] = [
    ['a source was changed', () => appendFile(at(file), '\n')],
    [
      'a source was changed, and its time set back',
      async () => {
        await appendFile(at(file), '\n');
        await utimes(at(file), 0, 0);
      },
    ],
    ['a source was added', () => writeFile(at('src/domain/new.ts'), '')],
    ['a source was taken away', () => unlink(at('src/domain/new.ts'))],
    ['generated code was changed', () => appendFile(at('gen/grpc-js/latchkey/v1/lock.ts'), '\n')],
    ['other packages were installed', () => appendFile(at('node_modules/.package-lock.json'), ' ')],
    ['a build did not come to its end', () => unlink(at('dist/built'))],
  ];
  test.each(changes)('but not where %s', async (_, change) => {
    await change();
    expect(await answers()).toBe('source');
  });
});

test('while it is built anew, what was built before is there', async () => {
  await build();
  let isOver = false;
  const again = node(at('generate/bundle.ts')).finally(() => {
    isOver = true;
  });
  const looks = { all: 0, missing: 0 };
  while (!isOver) {
    looks.all += 1;
    if (!existsSync(at('dist/src/main.js'))) looks.missing += 1;
    await delay(1);
  }
  await again;
  // Two names are changed one after the other, and nothing else is done in between.
  expect(looks.missing).toBeLessThan(looks.all / 20);
  expect((await readdir(folder)).filter((name) => name.startsWith('.build'))).toEqual([]);
}, 60_000);

test('a server that was started before a build finds what it had not loaded yet', async () => {
  await build();
  const argv = ['serve', '--port', '0', '--data', at('data'), '--log-format', 'json'];
  await using server = spawned(process.execPath, [at('src/latchkey.js'), ...argv]);
  const url = await server.url;
  await build();
  const text = await readFile(at('src/domain/errors.ts'), 'utf8');
  await writeFile(at('src/domain/errors.ts'), text.replaceAll('could not be found', 'was not found'));
  const before = await readdir(at('dist/src/parts'));
  await build();
  const after = await readdir(at('dist/src/parts'));
  expect(before.filter((name) => !after.includes(name))).toEqual([]);
  expect(after.length).toBeGreaterThan(before.length);
  expect((await fetch(`${url}/docs/`)).status).toBe(200);
  await node(at('generate/bundle.ts'), '--alone');
  const alone = await readdir(at('dist/src/parts'));
  expect(alone.length).toBeLessThan(after.length);
}, 120_000);

test('two builds at once both come to their end', async () => {
  await Promise.all([node(at('generate/bundle.ts')), node(at('generate/bundle.ts'))]);
  expect(await node(at('src/latchkey.js'), 'version')).toMatch(/^latchkey \d/);
  expect(existsSync(at('dist/built'))).toBe(true);
}, 60_000);

test('without a source and without a build it says what to do', async () => {
  const bare = await mkdtemp(join(tmpdir(), 'latchkey-bare-'));
  await cp(join(root, 'src/latchkey.js'), join(bare, 'src/latchkey.js'));
  await writeFile(join(bare, 'package.json'), '{"type":"module"}');
  const ended = await run(process.execPath, [join(bare, 'src/latchkey.js')]).catch((error) => error);
  expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('npm run build') });
  await rm(bare, { recursive: true });
});
