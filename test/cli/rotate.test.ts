import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openFolder, parseLines, runHere, type ServeProcess, startCli, startServe } from './run-cli.ts';

const cleanup = new AsyncDisposableStack();
let server: ServeProcess;
let adminId: string;

beforeAll(async () => {
  const folder = cleanup.use(await openFolder());
  server = cleanup.use(await startServe(folder.path));
  const listed = await runHere(['user', 'list', '--type', 'machine', '--json', '--db', server.database]);
  adminId = String(parseLines(listed.stdout)[0]?.userId);
});
afterAll(() => cleanup.disposeAsync());

const ways = {
  'a server': () => ['--url', server.url, '--token', server.token],
  'the database': () => ['--db', server.database],
};

async function made(): Promise<{ token: string; tokenId: string }> {
  const { stdout } = await runHere(['token', 'create', adminId, '--json', '--db', server.database]);
  return JSON.parse(stdout);
}
const isHeard = async (token: string): Promise<boolean> =>
  (await runHere(['org', 'list', '--url', server.url, '--token', token])).code === 0;
const idsNow = async (): Promise<unknown[]> => {
  const { stdout } = await runHere(['token', 'list', adminId, '--json', '--db', server.database]);
  return parseLines(stdout).map(({ tokenId }) => tokenId);
};

describe.each(Object.entries(ways))('through %s', (_, flags) => {
  test('the new token works, the old one does not any more', async () => {
    const old = await made();
    const ended = await runHere(['token', 'rotate', old.token, '--expires', '2d', ...flags()]);
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.[\w-]{43}\n$/) });
    expect(ended.stderr).toMatch(
      new RegExp(`^token \\d+ of user ${adminId}, until .*\nthe old one, ${old.tokenId}, is ended\n$`),
    );
    expect([await isHeard(ended.stdout.trim()), await isHeard(old.token)]).toEqual([true, false]);
    expect(await runHere(['token', 'rotate', old.tokenId, ...flags()])).toMatchObject({
      code: 3,
      stdout: '',
    });
  });

  test('with a grace both work for so long', async () => {
    const old = await made();
    const child = startCli(['token', 'rotate', old.tokenId, '--grace', '3s', '--json', ...flags()]);
    cleanup.defer(() => void child.kill());
    const closed = once(child, 'close');
    if (child.stdout === null) throw new Error('no stdout');
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const { token, replaces } = JSON.parse(line);
    expect(replaces).toEqual({ tokenId: old.tokenId, endDate: expect.stringMatching(/Z$/) });
    expect(await isHeard(token)).toBe(true);
    expect(await idsNow()).toContain(old.tokenId);
    expect(await closed).toEqual([0, null]);
    expect([await isHeard(token), await isHeard(old.token)]).toEqual([true, false]);
  });
});

test('a token rotates itself', async () => {
  const old = await made();
  const ended = await runHere(['token', 'rotate', old.tokenId, '--url', server.url, '--token', old.token]);
  expect(ended).toMatchObject({ code: 0 });
  expect([await isHeard(ended.stdout.trim()), await isHeard(old.token)]).toEqual([true, false]);
});

test('where the new one cannot be written, there is none and the old one works on', async () => {
  if (!existsSync('/dev/full')) return console.warn('skipped: this machine has no /dev/full');
  const old = await made();
  const before = await idsNow();
  const launcher = join(import.meta.dirname, '../../src/latchkey.js');
  for (const sink of ['> /dev/full', '| true']) {
    const line = `set -o pipefail; "$0" "$1" token rotate ${old.tokenId} --db "$2" ${sink}`;
    const child = spawn('bash', ['-c', line, process.execPath, launcher, server.database], {
      stdio: 'ignore',
    });
    expect(await once(child, 'close')).toEqual([6, null]);
    expect(await idsNow()).toEqual(before);
  }
  expect(await isHeard(old.token)).toBe(true);
}, 30_000);

test.each([
  [['token', 'rotate'], 2, /no token: latchkey token rotate TOKEN_ID/],
  [['token', 'rotate', '1', '--grace', 'soon'], 2, /--grace must be like 90s/],
  [['token', 'rotate', '1', '--grace', '86401s'], 2, /--grace must be 24h at most/],
  [
    ['token', 'rotate', '1', '--grace', '24h'],
    3,
    /Token 1 could not be found; .* latchkey token list tells it/,
  ],
])('%j is refused', async (argv, code, message) => {
  const ended = await runHere([...argv, '--db', server.database]);
  expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) });
});
