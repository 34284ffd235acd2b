import { readdir } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { openFolder, parseLines, spawnCli } from './run-cli.ts';

test('plays a lock from beginning to end over every protocol, and leaves nothing behind', async () => {
  await using folder = await openFolder();
  // What the environment says of a real server is not for this one.
  const env = {
    TMPDIR: folder.path,
    LATCHKEY_DATA: folder.path,
    LATCHKEY_TLS_CERT: 'a',
    LATCHKEY_TLS_KEY: 'b',
  };
  const { code, stdout, stderr } = await spawnCli(['demo', '--json'], { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const rows = parseLines(stdout);
  const wrong = [1, 2, 3].map((nth) => [`wrong password ${nth} of 3`, 'Password is invalid (COMMAND-3M0fs)']);
  const locked = /^OK: The user is locked by the policy after 3 wrong passwords, since \S+Z\.$/;
  const failures = 'OK: generation 6, 3 failed sign-ins from 127.0.0.1';
  for (const protocol of ['REST', 'Connect', 'gRPC', 'gRPC-Web']) {
    const played = rows.filter((row) => row.protocol === protocol);
    expect(played.map(({ step, answer }) => [step, answer])).toEqual([
      ['sign in', expect.stringMatching(/^OK: session \d+$/)],
      ...wrong,
      ['the right password', 'Errors.User.NotActive (SESSION-Gj4ko)'],
      ['why?', expect.stringMatching(locked)],
      ['the lock', failures],
      ['unlock', 'OK: lock 6 ended'],
      ['sign in', expect.stringMatching(/^OK: session \d+$/)],
    ]);
  }
  expect(rows).toHaveLength(36);
  expect(await readdir(folder.path)).toEqual([]);
}, 60_000);

test('says for eyes what the server was, and that it is gone', async () => {
  const { code, stdout, stderr } = await spawnCli(['demo']);
  expect(code).toBe(0);
  expect(stderr).toMatch(/^A server of its own at http:\/\/127\.0\.0\.1:\d+; 3 wrong passwords lock\.\n/);
  expect(stderr).toMatch(/\nIt is stopped, and its database is gone\.\n$/);
  const [first = '', ...rest] = stdout.trimEnd().split('\n');
  const at = first.indexOf('WHAT');
  expect(rest.every((line) => /^(sign|wrong|the|why|unlock)/.test(line.slice(at)))).toBe(true);
}, 60_000);
