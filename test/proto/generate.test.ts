import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { UserService } from '../../gen/es/zitadel/user/v2/user_service_pb.js';

const root = dirname(dirname(import.meta.dirname));
const bin = join(root, 'node_modules', '.bin');
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-proto-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** Runs a command with nothing of the caller's environment but Node and the project's own tools. */
async function run(cwd: string, command: string, ...args: string[]): Promise<string> {
  const env = { PATH: [bin, dirname(process.execPath)].join(delimiter), HOME: folder };
  const { stdout } = await promisify(execFile)(join(bin, command), args, { cwd, env, timeout: 60_000 });
  return stdout;
}

async function contents(at: string): Promise<Map<string, string>> {
  const entries = await readdir(at, { recursive: true, withFileTypes: true });
  const paths = entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name));
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
  return new Map(paths.map((path, i) => [path.slice(at.length), texts[i] ?? '']));
}

/** Those of `npm run console`, with the folder of the test in the place of the committed one. */
async function consoleArguments(): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    readonly scripts: { readonly console: string };
  };
  return scripts.console
    .replace('=gen/console', `=${join(folder, 'gen', 'console')}`)
    .split(' ')
    .slice(1);
}

test('what is committed in gen/ is what the protos generate', async () => {
  await run(root, 'buf', 'generate', '--output', folder);
  await run(root, 'node', 'generate/reference/main.ts', join(folder, 'gen', 'openapi'));
  await run(root, 'esbuild', ...(await consoleArguments()));
  const fresh = await contents(join(folder, 'gen'));
  const committed = await contents(join(root, 'gen'));
  expect([...committed.keys()].sort()).toEqual([...fresh.keys()].sort());
  const differing = [...fresh].filter(([path, text]) => committed.get(path) !== text);
  expect(differing.map(([path]) => path)).toEqual([]);
  expect(fresh.size).toBeGreaterThan(50);
}, 60_000);

test('the protos pass buf lint and break nothing that was released', async () => {
  expect(await run(root, 'buf', 'lint')).toBe('');
  expect(await run(root, 'buf', 'breaking', '--against', 'proto/latchkey.binpb')).toBe('');
}, 60_000);

test('a stranger who has only proto/ generates a client', async () => {
  await cp(join(root, 'proto'), folder, { recursive: true, filter: (path) => !path.endsWith('.binpb') });
  const plugin = { local: 'protoc-gen-es', out: 'client', opt: ['target=js', 'import_extension=js'] };
  await run(folder, 'buf', 'generate', '--template', JSON.stringify({ version: 'v2', plugins: [plugin] }));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  const script = `
    import { UserService } from './client/zitadel/user/v2/user_service_pb.js';
    console.log(UserService.typeName, UserService.methods.length, UserService.method.unlockUser.name);`;
  await writeFile(join(folder, 'stranger.js'), script);
  expect(await run(folder, 'node', 'stranger.js')).toBe(
    `zitadel.user.v2.UserService ${UserService.methods.length} UnlockUser\n`,
  );
}, 60_000);
