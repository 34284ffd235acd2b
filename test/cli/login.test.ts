import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Ended, makeHome, openFolder, type ServeProcess, startServe } from './run-cli.ts';
import { hasTerminals, runAtRealTerminal } from './terminal.ts';

const cleanup = new AsyncDisposableStack();
let folder: string;
let server: ServeProcess;
let other: ServeProcess;

beforeAll(async () => {
  folder = cleanup.use(await openFolder()).path;
  [server, other] = (await Promise.all(
    ['data', 'other'].map(async (name) => cleanup.use(await startServe(join(folder, name)))),
  )) as [ServeProcess, ServeProcess];
}, 60_000);
afterAll(() => cleanup.disposeAsync());

const secretOf = ({ token }: ServeProcess): string => token.split('.')[1] ?? token;

/** The token, whole or in part, is nowhere in what was printed. */
function expectHidden({ stdout, stderr }: Ended, of = server): void {
  expect(stdout + stderr).not.toContain(secretOf(of).slice(0, 8));
}

test('keeps URL and token for later calls, for their owner alone, and says who it is', async () => {
  const { home, path, run } = await makeHome(folder);
  expect(await run(['user', 'list'])).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('latchkey login'),
  });
  const done = await run(['login', server.url, '--json'], {}, `${server.token}\n`);
  expect(done).toMatchObject({ code: 0, stderr: '' });
  expectHidden(done);
  expect(JSON.parse(done.stdout)).toMatchObject({
    url: server.url,
    loginName: 'admin@latchkey.localhost',
    grants: [{ role: 'IAM_OWNER' }],
    file: path,
  });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await stat(join(home, '.config', 'latchkey'))).mode & 0o777).toBe(0o700);
  expect(await readdir(join(home, '.config', 'latchkey'))).toEqual(['login.json']);
  expect(await run(['user', 'list'])).toMatchObject({ code: 0, stderr: '' });
  const who = await run(['whoami', '--json']);
  expectHidden(who);
  expect(JSON.parse(who.stdout)).toMatchObject({ url: server.url, urlFrom: path, tokenFrom: path });
  expect((await run(['whoami'])).stdout).toMatch(/^user +\d+\nlogin name +admin@latchkey\.localhost\n/);
});

test('logout forgets it, and a second time finds nobody', async () => {
  const { path, run } = await makeHome(folder);
  await run(['login', server.url], {}, server.token);
  const out = await run(['logout']);
  expect(out).toMatchObject({ code: 0, stdout: `logged out of ${server.url}\n` });
  expect(out.stderr).toContain('token revoke');
  await expect(stat(path)).rejects.toThrow('ENOENT');
  expect(await run(['logout'])).toMatchObject({ code: 0, stdout: 'nobody is logged in\n', stderr: '' });
  expect(await run(['user', 'list'])).toMatchObject({ code: 4 });
});

test('options go before the environment, and that before the login', async () => {
  const { path, run } = await makeHome(folder);
  await run(['login', server.url], {}, server.token);
  const sources = async (flags: readonly string[], env: Record<string, string> = {}) => {
    const { stdout, stderr } = await run(['whoami', '--json', ...flags], env);
    if (stdout === '') return stderr;
    const { url, urlFrom, tokenFrom } = JSON.parse(stdout) as Record<string, string>;
    return [url, urlFrom, tokenFrom];
  };
  expect(await sources([])).toEqual([server.url, path, path]);
  const named = { LATCHKEY_URL: other.url, LATCHKEY_TOKEN: other.token };
  expect(await sources([], named)).toEqual([other.url, 'LATCHKEY_URL', 'LATCHKEY_TOKEN']);
  const flags = ['--url', server.url, '--token', server.token];
  expect(await sources(flags, named)).toEqual([server.url, '--url', '--token']);
  // The same server named again is the login's own.
  expect(await sources(['--url', server.url])).toEqual([server.url, '--url', path]);
  expect(await sources([], { LATCHKEY_URL: `${server.url}/` })).toEqual([server.url, 'LATCHKEY_URL', path]);
  expect(await sources(['--db', server.database])).toEqual([undefined, undefined, undefined]);
});

test('no other server is sent its token, and its server no token that was given for another', async () => {
  const { run } = await makeHome(folder);
  await run(['login', server.url], {}, server.token);
  expect(await run(['user', 'list', '--url', other.url])).toMatchObject({
    code: 4,
    stderr: expect.stringMatching(/^latchkey: No token: .*the login is for http:\/\/127\.0\.0\.1:\d+\)/),
  });
  // The default server, as without a login: at its own this one would do.
  const ended = await run(['whoami', '--json', '--timeout', '1'], { LATCHKEY_TOKEN: server.token });
  expect(ended.stdout).not.toContain(server.url);
});

test('XDG_CONFIG_HOME is where it is kept, unless it is no whole path', async () => {
  const { home, path, run } = await makeHome(folder);
  const elsewhere = join(home, 'elsewhere');
  await run(['login', server.url], { XDG_CONFIG_HOME: elsewhere }, server.token);
  expect(await readdir(join(elsewhere, 'latchkey'))).toEqual(['login.json']);
  await expect(stat(path)).rejects.toThrow('ENOENT');
  await run(['login', server.url], { XDG_CONFIG_HOME: 'here' }, server.token);
  expect((await stat(path)).isFile()).toBe(true);
});

test('a token that the server does not take is not kept, nor one that nobody was asked about', async () => {
  const { path, run } = await makeHome(folder);
  const cases: readonly (readonly [argv: readonly string[], input: string, code: number])[] = [
    [[server.url], other.token, 4],
    [['http://127.0.0.1:1'], server.token, 6],
    [[server.url], '', 7],
    [[server.url], 'two words', 7],
    [['ftp://127.0.0.1'], server.token, 2],
    [[server.url, '--url', server.url], server.token, 2],
    [[server.url, '--token-file', 'nowhere'], '', 7],
    [[server.url, server.token], '', 2],
  ];
  for (const [argv, input, code] of cases) {
    const ended = await run(['login', ...argv], {}, input);
    expect({ argv, code: ended.code }).toEqual({ argv, code });
    expectHidden(ended);
    expectHidden(ended, other);
    await expect(stat(path)).rejects.toThrow('ENOENT');
  }
});

test('says where a token would go in the clear', async () => {
  const { run } = await makeHome(folder);
  const clear = /^http to latchkey\.invalid is in the clear: whoever is on the way reads the token\n/;
  const ended = await run(['login', 'http://latchkey.invalid', '--timeout', '1'], {}, server.token);
  expect(ended).toMatchObject({ code: 6, stderr: expect.stringMatching(clear) });
  const safe = await run(['login', 'https://latchkey.invalid', '--timeout', '1'], {}, server.token);
  expect(safe).toMatchObject({ code: 6, stderr: expect.not.stringMatching(clear) });
});

test('--token-file, and a login in the place of another', async () => {
  const { home, path, run } = await makeHome(folder);
  await writeFile(join(home, 'token'), `${other.token}\n`);
  await run(['login', server.url], {}, server.token);
  expect(await run(['login', other.url, '--token-file', 'token'])).toMatchObject({ code: 0 });
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ url: other.url, token: other.token });
  // What was refused leaves it as it is.
  expect(await run(['login', server.url, '--token-file', 'token'])).toMatchObject({ code: 4 });
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ url: other.url, token: other.token });
  const winning = await run(['login', server.url], { LATCHKEY_TOKEN: 'x' }, server.token);
  expect(winning).toMatchObject({ code: 0, stderr: expect.stringContaining('LATCHKEY_TOKEN') });
});

test('a link in its place is replaced, and what it leads to left alone', async () => {
  const { home, path, run } = await makeHome(folder);
  await mkdir(join(home, '.config', 'latchkey'), { recursive: true, mode: 0o755 });
  await writeFile(join(home, 'notes'), 'mine');
  await symlink(join(home, 'notes'), path);
  expect(await run(['login', server.url], {}, server.token)).toMatchObject({ code: 0 });
  expect(await readFile(join(home, 'notes'), 'utf8')).toBe('mine');
  expect((await stat(join(home, '.config', 'latchkey'))).mode & 0o777).toBe(0o700);
});

describe('a file that cannot be trusted is not used', () => {
  test.each([
    ['others may read it', (path: string) => chmod(path, 0o644), /not for its owner alone/],
    ['it is no login', (path: string) => writeFile(path, '{"url":1}'), /is no login/],
    ['it is no JSON', (path: string) => writeFile(path, 'x'), /is no login/],
  ])('%s', async (_, spoil, message) => {
    const { path, run } = await makeHome(folder);
    await run(['login', server.url], {}, server.token);
    await spoil(path);
    const ended = await run(['user', 'list']);
    expect(ended).toMatchObject({ code: 7, stderr: expect.stringMatching(message) });
    expectHidden(ended);
    // With what is given, it is not looked at; and it can be removed.
    const given = ['--url', server.url, '--token', server.token];
    expect(await run(['user', 'list', ...given])).toMatchObject({ code: 0 });
    expect(await run(['logout'])).toMatchObject({ code: 0 });
  });
});

test('a token that was revoked meanwhile leads to a new login', async () => {
  const { run } = await makeHome(folder);
  const made = await run([
    'token',
    'create',
    '--login',
    'admin',
    '--expires',
    '1d',
    '--json',
    '--db',
    server.database,
  ]);
  const { token, tokenId } = JSON.parse(made.stdout) as { token: string; tokenId: string };
  await run(['login', server.url], {}, token);
  expect(await run(['token', 'revoke', tokenId, '--db', server.database])).toMatchObject({ code: 0 });
  const ended = await run(['user', 'list']);
  expect(ended).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('log in again with latchkey login'),
  });
});

(hasTerminals ? test : test.skip)('at a real terminal asks for both, and shows the URL alone', async () => {
  const { home, path } = await makeHome(folder);
  const ended = await runAtRealTerminal(['login'], { HOME: home }, [
    { at: 'Server [http://127.0.0.1:8080]: ', text: `${server.url}x\u007f\r` },
    { at: 'Token: ', text: `${server.token}\r` },
  ]);
  expect(ended).toMatchObject({ code: 0, shown: expect.stringContaining(`logged in to ${server.url}\n`) });
  expectHidden({ code: 0, stdout: ended.shown, stderr: '' });
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ url: server.url, token: server.token });
});
