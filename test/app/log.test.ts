import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLogText } from '../../src/app/log/text.ts';
import { refusalLines } from '../../src/rpc/refusal-log.ts';
import { openFolder, parseLines } from '../cli/run-cli.ts';
import { testWith } from '../readme/installed.ts';
import { type LoggedServer, serveLogged } from '../support/logged-server.ts';
import { root } from '../tidy/source.ts';

const cleanup = new AsyncDisposableStack();
let folder: string;
beforeAll(async () => {
  folder = cleanup.use(await openFolder()).path;
});
afterAll(() => cleanup.disposeAsync());

type Line = Readonly<Record<string, unknown>>;
const atInfo = ['--log-level', 'info'];
const nobody = { userId: 'nobody' };

async function organizationOf({ door }: LoggedServer): Promise<string> {
  const { response } = await door.ask('ListOrganizations', {});
  const [first] = response.organizations as { organizationId: string }[];
  return first?.organizationId ?? '';
}

async function addPerson(server: LoggedServer, userId: string): Promise<string> {
  const organizationId = await organizationOf(server);
  const profile = { givenName: 'Ada', familyName: 'Moreau' };
  const human = {
    profile,
    email: { email: `${userId}@mail.example`, isVerified: true },
    password: { password: 'correct horse battery' },
  };
  expect(await server.door.ask('CreateUser', { organizationId, userId, human })).toMatchObject({ ok: true });
  return organizationId;
}

describe('what an operator reads', () => {
  let lines: readonly Line[];
  let organizationId: string;
  const ids: Record<string, string> = {};

  beforeAll(async () => {
    await using server = await serveLogged('pipe', [...atInfo, '--lockout-attempts', '2']);
    const { door } = server;
    organizationId = await addPerson(server, 'ada');
    const me = await door.ask('ListUsers', {});
    ids.admin = String(
      (me.response.result as { userId: string }[]).find(({ userId }) => userId !== 'ada')?.userId,
    );
    const request = { 'x-request-id': 'lock-it', 'latchkey-reason': 'phone%20stolen' };
    await door.ask('LockUser', { userId: 'ada' }, undefined, request);
    await door.ask('UnlockUser', { userId: 'ada' }, undefined, { 'x-request-id': 'unlock-it' });
    for (const guess of ['one', 'two', 'three']) {
      const checks = { user: { userId: 'ada' }, password: { password: `wrong ${guess}` } };
      await door.ask('CreateSession', { checks });
    }
    await door.ask('UnlockUser', nobody, '1.wrong', { 'x-request-id': 'bad-token' });
    await door.ask('UnlockUser', nobody, undefined, { 'x-request-id': 'no-user' });
    // The lines of a second are limited, and the calls above may have been quick.
    await delay(1_100);
    const typed = { user: { loginName: 'correct horse typed as a name' }, password: { password: 'x' } };
    await door.ask('CreateSession', { checks: typed }, undefined, { 'x-request-id': 'nobody' });
    await fetch(`${server.url}/v2/users/ada/lock`, {
      method: 'POST',
      body: '{broken',
      headers: { 'x-request-id': 'broken' },
    });
    lines = parseLines((await server.stop()).errors);
  }, 60_000);

  const line = (requestId: string): Line | undefined => lines.find((one) => one.requestId === requestId);

  test('has words for levels and RFC 3339 for times, in order', () => {
    const times = lines.map(({ time }) => String(time));
    for (const time of times) expect(new Date(time).toISOString()).toBe(time);
    expect([...times].sort()).toEqual(times);
    expect(new Set(lines.map(({ level }) => level))).toEqual(new Set(['info']));
  });

  test('begins with the version, the schema and the Node that serve', async () => {
    const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    expect(lines.find(({ msg }) => msg === 'serving')).toMatchObject({
      version: manifest.version,
      schema: expect.any(Number),
      node: process.versions.node,
      database: expect.stringContaining('latchkey.db'),
    });
  });

  test('tells every lock and unlock: who, whom, why and the ids', () => {
    expect(line('lock-it')).toMatchObject({
      msg: 'user locked',
      userId: 'ada',
      organizationId,
      by: ids.admin,
      ip: '127.0.0.1',
      cause: 'administrator',
      reason: 'phone stolen',
      generation: 2,
      sequence: 2,
      eventId: expect.stringMatching(/^\d{19}$/),
    });
    expect(line('unlock-it')).toMatchObject({
      msg: 'user unlocked',
      userId: 'ada',
      by: ids.admin,
      cause: 'administrator',
      lockCause: 'administrator',
      generation: 2,
      sequence: 3,
    });
    const byPolicy = lines.filter(({ msg, cause }) => msg === 'user locked' && cause === 'policy');
    const eventId = expect.stringMatching(/^\d{19}$/);
    expect(byPolicy).toMatchObject([
      { userId: 'ada', failedAttempts: 2, ip: '127.0.0.1', by: ids.admin, eventId },
    ]);
  });

  test('tells whom a refused sign-in was about, and never what was typed for a name that nobody has', () => {
    const refused = lines.filter(
      ({ msg, method }) => msg === 'call refused' && /CreateSession/.test(String(method)),
    );
    expect(refused.map(({ userId, code }) => [userId, code])).toEqual([
      ...['InvalidArgument', 'InvalidArgument', 'FailedPrecondition'].map((code) => ['ada', code]),
      [undefined, 'NotFound'],
    ]);
    expect(JSON.stringify(lines)).not.toContain('typed');
  });

  test('tells every refused call: caller, address, error, method', () => {
    expect(line('bad-token')).toEqual({
      level: 'info',
      time: expect.any(String),
      ip: '127.0.0.1',
      code: 'Unauthenticated',
      errorId: 'AUTH-7fs1e',
      method: 'zitadel.user.v2.UserService/UnlockUser',
      requestId: 'bad-token',
      durationMs: expect.any(Number),
      msg: 'call refused',
    });
    expect(line('no-user')).toMatchObject({
      ip: '127.0.0.1',
      code: 'NotFound',
      errorId: expect.stringMatching(/^COMMAND-/),
      caller: ids.admin,
      tokenId: expect.stringMatching(/^\d{19}$/),
    });
  });

  test('a call whose body nobody can read is one of them', () => {
    expect(line('broken')).toMatchObject({
      ip: '127.0.0.1',
      method: 'zitadel.user.v2.UserService/LockUser',
      msg: 'call refused',
    });
  });

  testWith('fail2ban-regex')(
    'fail2ban finds the address of each call without a valid token, and no other',
    async () => {
      const path = join(folder, 'log');
      const forged = { 'user-agent': '"ip":"198.51.100.7","code":"Unauthenticated"' };
      const told = [
        ...lines,
        { ...line('bad-token'), ip: '2001:db8::7', requestId: 'six' },
        {
          ...line('lock-it'),
          reason: `{"level":"info",,"ip":"198.51.100.7","code":"Unauthenticated",`,
          ...forged,
        },
      ];
      await writeFile(path, `${told.map((one) => JSON.stringify(one)).join('\n')}\n`);
      const filter = join(root, 'deploy/fail2ban/filter.conf');
      const argv = ['--print-all-matched', path, filter];
      const { stdout } = await promisify(execFile)('fail2ban-regex', argv);
      const matched = stdout.split('Matched line(s)')[1]?.split('Missed line(s)')[0] ?? '';
      const expected = told.filter(({ code }) => code === 'Unauthenticated');
      expect(expected.length).toBeGreaterThanOrEqual(2);
      expect(matched.match(/"requestId"/g)).toHaveLength(expected.length);
      expect(matched).toContain('2001:db8::7');
      expect(matched).not.toContain('198.51.100.7');
      expect(stdout).toContain(`${told.length} lines`);
    },
  );
});

describe('refusals of a busy second', () => {
  test('are told one by one up to a limit, and beyond it counted', async () => {
    await using server = await serveLogged('pipe', [...atInfo, '--refused-per-second-per-address', '0']);
    const calls = 300;
    await Promise.all(Array.from({ length: calls }, () => server.door.ask('UnlockUser', nobody, '1.wrong')));
    await server.door.ask('UnlockUser', nobody);
    await server.logged('more calls refused');
    const lines = parseLines((await server.stop()).errors);
    const told = lines.filter(({ msg }) => msg === 'call refused');
    const counted = lines.filter(({ msg }) => msg === 'more calls refused');
    const untold = counted.reduce((sum, { count }) => sum + Number(count), 0);
    expect(told.length + untold).toBe(calls + 1);
    const seconds = counted.length + 1;
    expect(told.length).toBeLessThanOrEqual(refusalLines.ofAddress * seconds);
    expect(counted[0]).toMatchObject({ level: 'info', Unauthenticated: expect.any(Number) });
  });

  test.each([
    ['address', () => '203.0.113.1'],
    ["network of IPv6, all of which is one machine's", (call: number) => `2001:db8::${call.toString(16)}`],
  ])('leave room for the lines of others than one %s', async (_, addressOf) => {
    const proxied = ['--trusted-proxies', '127.0.0.1', '--refused-per-second-per-address', '0'];
    await using server = await serveLogged('pipe', [...atInfo, ...proxied]);
    const from = (ip: string) => server.door.ask('UnlockUser', nobody, '1.wrong', { 'x-forwarded-for': ip });
    await Promise.all(Array.from({ length: 100 }, (_, call) => from(addressOf(call))));
    await from('203.0.113.2');
    const told = parseLines((await server.stop()).errors).filter(({ msg }) => msg === 'call refused');
    expect(told.filter(({ ip }) => ip === '203.0.113.2')).toHaveLength(1);
  });
});

describe('for eyes', () => {
  test('a record is a line: the time, the level, what happened, the facts', () => {
    const textOf = createLogText();
    const record = {
      level: 'warn',
      time: '2026-11-26T02:18:16.964Z',
      ip: '127.0.0.1',
      note: 'two words',
      ms: 1.23456,
      msg: 'call refused',
    };
    expect(textOf(`${JSON.stringify(record)}\n`)).toBe(
      '02:18:16.964 WARN  call refused ip=127.0.0.1 note="two words" ms=1.235\n',
    );
  });

  test('nothing that a stranger sends reaches the terminal, and an error keeps its stack', () => {
    const textOf = createLogText();
    const err = { message: 'a\u001b[2J', stack: 'Error: a\n    at one (x.ts:1)\n    at \u009b2J (y.ts:2)' };
    const shown = textOf(
      JSON.stringify({
        level: 'error',
        time: '2026-11-26T02:18:16.964Z',
        name: '\u202e\n\u0007\u009b',
        err,
        msg: 'failed',
      }),
    );
    expect(shown.split('\n')).toHaveLength(4);
    expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
    expect(shown).toContain('at one (x.ts:1)');
  });

  test.each([
    ['text', /^\d\d:\d\d:\d\d\.\d{3} info {2}serving version=/m],
    ['json', /^\{"level":"info","time":"[^"]+Z","version":/m],
    ['auto', /^\{"level":"info","time":"[^"]+Z","version":/m],
  ])('--log-format %s where stderr is no terminal', async (format, form) => {
    await using server = await serveLogged('pipe', [...atInfo, '--log-format', format]);
    expect((await server.stop()).errors).toMatch(form);
  });

  testWith('script')('auto is text in a terminal', async () => {
    const data = join(folder, 'terminal');
    const launcher = join(root, 'src/latchkey.js');
    const line = `'${process.execPath}' '${launcher}' serve --port 0 --data '${data}'`;
    const child = spawn('script', ['-qec', line, '/dev/null'], { env: { PATH: process.env.PATH ?? '' } });
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += String(chunk);
    });
    while (!/serving version=/.test(said) && child.exitCode === null) await once(child.stdout, 'data');
    child.stdin.write('\u0003');
    await once(child, 'exit');
    expect(said).toMatch(/\d\d:\d\d:\d\d\.\d{3} info {2}serving version=/);
  });
});
