import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { makeHome, openFolder, type ServeProcess, startServe } from './run-cli.ts';

const cleanup = new AsyncDisposableStack();
let folder: string;
let server: ServeProcess;

beforeAll(async () => {
  folder = cleanup.use(await openFolder()).path;
  server = cleanup.use(await startServe(join(folder, 'data')));
}, 60_000);
afterAll(() => cleanup.disposeAsync());

describe('what is wrong with a URL or a token is said of whatever named it', () => {
  test.each([
    ['ftp://127.0.0.1', / must be like http/],
    ['nowhere', / must be like http/],
    ['http://127.0.0.1/api', / must be like http/],
    ['http://ada:pass-word@127.0.0.1', / must be without a user name and a password/],
  ])('%s', async (url, said) => {
    const { path, run } = await makeHome(folder);
    const saved = async () => {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeFile(path, JSON.stringify({ url, token: 'x' }), { mode: 0o600 });
    };
    const variable = { LATCHKEY_URL: url };
    const cases: readonly (readonly [from: string, argv: readonly string[], env?: Record<string, string>])[] =
      [
        ['--url', ['user', 'list', '--url', url]],
        ['LATCHKEY_URL', ['user', 'list'], variable],
        ['LATCHKEY_URL', ['whoami'], variable],
        ['the URL', ['login', url]],
        ['--url', ['login', '--url', url]],
        ['LATCHKEY_URL', ['login'], variable],
      ];
    for (const [from, argv, env] of cases) {
      const { code, stderr } = await run(argv, env, 'x');
      expect({ argv, code, stderr }).toMatchObject({ code: 2, stderr: expect.stringMatching(said) });
      expect(stderr.startsWith(`latchkey: ${from} must `)).toBe(true);
      expect(stderr).not.toContain('pass-word');
    }
    if (!URL.canParse(url)) return;
    await saved();
    const { stderr } = await run(['user', 'list']);
    expect(stderr).toMatch(said);
    expect(stderr.startsWith(`latchkey: the URL in ${path} must `)).toBe(true);
  });

  test('health too', async () => {
    const { run } = await makeHome(folder);
    expect(await run(['health'], { LATCHKEY_URL: 'nowhere' })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^latchkey: LATCHKEY_URL must be like http/),
    });
    expect(await run(['health', '--url', 'nowhere'])).toMatchObject({
      stderr: expect.stringMatching(/^latchkey: --url must be like http/),
    });
  });

  test('a server that is not reached', async () => {
    const { path, run } = await makeHome(folder);
    const nobody = 'http://127.0.0.1:1';
    const named = { LATCHKEY_URL: nobody, LATCHKEY_TOKEN: 'x' };
    const said = async (argv: readonly string[], env: Record<string, string> = {}) =>
      (await run(['user', 'list', ...argv], env)).stderr;
    expect(await said([], named)).toMatch(
      /^latchkey: Cannot reach http:\/\/127\.0\.0\.1:1 \(LATCHKEY_URL\): nothing/,
    );
    expect(await said(['--url', nobody], named)).toMatch(
      /^latchkey: Cannot reach http:\/\/127\.0\.0\.1:1: nothing/,
    );
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, JSON.stringify({ url: nobody, token: 'x' }), { mode: 0o600 });
    expect(await said([])).toContain(`Cannot reach ${nobody} (${path}): nothing listens there`);
  });

  test('a token that the server does not take', async () => {
    const { run } = await makeHome(folder);
    const LATCHKEY_TOKEN = 'nobody.at-all';
    const environment = { LATCHKEY_URL: server.url, LATCHKEY_TOKEN };
    expect(await run(['user', 'list'], environment)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('; the one of LATCHKEY_TOKEN is unknown, revoked, expired'),
    });
    expect(await run(['user', 'list', '--token', 'nobody.else'], environment)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('; it is unknown, revoked, expired'),
    });
    expect(await run(['user', 'list'], { ...environment, LATCHKEY_TOKEN: 'two words' })).toMatchObject({
      code: 7,
      stderr: expect.stringMatching(/^latchkey: LATCHKEY_TOKEN holds /),
    });
  });
});
