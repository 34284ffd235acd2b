import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  openFolder,
  parseLines,
  runHere,
  type ServeProcess,
  spawnCli,
  startCli,
  startServe,
} from './run-cli.ts';

const cleanup = new AsyncDisposableStack();
let folder: string;
let server: ServeProcess;

beforeAll(async () => {
  folder = cleanup.use(await openFolder()).path;
  server = cleanup.use(await startServe(join(folder, 'data'), ['--demo']));
});
afterAll(() => cleanup.disposeAsync());

async function userIdOf(database: string, loginName: string): Promise<string> {
  const shown = await runHere(['user', 'show', '--login', loginName, '--json', '--db', database]);
  return JSON.parse(shown.stdout).userId;
}

describe('where and as whom', () => {
  test('the environment names server and token', async () => {
    const env = { LATCHKEY_URL: server.url, LATCHKEY_TOKEN: server.token, LATCHKEY_DB: 'not asked' };
    expect(await spawnCli(['user', 'list'], { env })).toMatchObject({ code: 0, stderr: '' });
  });

  test('the token file of the first start serves this machine', async () => {
    const data = join(folder, 'data');
    expect((await stat(join(data, 'admin-token'))).mode & 0o777).toBe(0o600);
    const env = { LATCHKEY_URL: server.url, LATCHKEY_DATA: data };
    expect(await spawnCli(['user', 'list'], { env })).toMatchObject({ code: 0 });
  });

  test('the token file is sent to no other machine', async () => {
    const env = { LATCHKEY_URL: 'http://192.0.2.1:8080', LATCHKEY_DATA: join(folder, 'data') };
    expect(await spawnCli(['user', 'list'], { env })).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/^latchkey: No token: set LATCHKEY_TOKEN; /),
    });
  });

  test('whoever stands in a folder with no data, or with that of another server, reads how to name the right one', async () => {
    const nowhere = { env: { LATCHKEY_URL: server.url, LATCHKEY_DATA: join(folder, 'nowhere') } };
    expect(await spawnCli(['user', 'list'], nowhere)).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/, or LATCHKEY_DATA to the server's data folder \(there is no .*nowhere/),
    });
    const other = join(folder, 'other');
    await mkdir(other);
    await writeFile(join(other, 'admin-token'), '1.of-another-server');
    const foreign = { env: { LATCHKEY_URL: server.url, LATCHKEY_DATA: other } };
    expect(await spawnCli(['user', 'list'], foreign)).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/AUTH-7fs1e\); the token is from .*other.*, set LATCHKEY_DATA/),
    });
  });

  test('the database of the environment serves where no server is named', async () => {
    const env = { LATCHKEY_DB: server.database };
    const { code, stdout } = await spawnCli(['user', 'show', '--login', 'admin', '--json'], { env });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ userName: 'admin', type: 'machine' });
  });

  test('a server over TLS is believed by its authority alone', async () => {
    const pair = ['cert.pem', 'key.pem'].map((name) => join(folder, name));
    const [cert = '', key = ''] = pair;
    const subject = ['-subj', '/CN=latchkey', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
    const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync('openssl', ['req', '-x509', ...made, ...subject, '-keyout', key, '-out', cert], {
      stdio: 'ignore',
    });
    await using tls = await startServe(join(folder, 'tls'), ['--tls-cert', cert, '--tls-key', key]);
    expect(tls.url).toMatch(/^https:/);
    const argv = ['user', 'list', '--url', tls.url, '--token', tls.token];
    expect(await runHere([...argv, '--ca', cert])).toMatchObject({ code: 0, stderr: '' });
    expect(await runHere(argv)).toMatchObject({ code: 6, stderr: expect.stringContaining('certificate') });
    const byName = ['user', 'list', '--url', tls.url.replace('127.0.0.1', 'localhost')];
    expect(await runHere([...byName, '--token', tls.token, '--ca', cert])).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('localhost'),
    });
  });
});

describe('the only administrator is locked', () => {
  const rescue = ['--reason', 'locked out', '--json'];

  test('the database unlocks them while the server runs, and the server sees it at once', async () => {
    await using own = await startServe(join(folder, 'rescue'));
    const remote = ['--url', own.url, '--token', own.token];
    const adminId = await userIdOf(own.database, 'admin');
    expect(await runHere(['user', 'lock', adminId, ...remote])).toMatchObject({ code: 0 });
    expect(await runHere(['user', 'unlock', adminId, ...remote])).toMatchObject({ code: 4 });

    const unlocked = await spawnCli(['user', 'unlock', adminId, '--db', own.database, ...rescue]);
    expect(unlocked).toMatchObject({ code: 0, stderr: '' });
    // The lock ended the old token for good: a new one comes from the database as well.
    const token = await runHere(['token', 'create', adminId, '--db', own.database]);
    const again = ['--url', own.url, '--token', token.stdout.trim()];
    const shown = await runHere(['user', 'show', adminId, '--json', ...again]);
    expect(JSON.parse(shown.stdout)).toMatchObject({ state: 'active' });
    const events = await runHere(['events', '--type', 'user.unlocked', '--json', ...again]);
    expect(parseLines(events.stdout)).toMatchObject([
      { userId: adminId, actor: { osUser: userInfo().username, reason: 'locked out' } },
    ]);
  });

  test('the database unlocks them while no server runs', async () => {
    const data = join(folder, 'stopped');
    const own = await startServe(data);
    const adminId = await userIdOf(own.database, 'admin');
    await runHere(['user', 'lock', adminId, '--url', own.url, '--token', own.token]);
    expect(await own.stop()).toBe(0);

    const unlocked = await spawnCli(['user', 'unlock', '--login', 'admin', '--db', own.database, ...rescue]);
    expect(unlocked).toMatchObject({ code: 0, stderr: '' });
    await using restarted = await startServe(data);
    const token = await runHere(['token', 'create', adminId, '--db', own.database]);
    const again = ['--url', restarted.url, '--token', token.stdout.trim(), '--json'];
    const shown = JSON.parse((await runHere(['user', 'show', adminId, ...again])).stdout);
    expect(shown.state).toBe('active');
    expect(shown.events.find(({ type }: { type: string }) => type === 'user.unlocked').actor).toEqual({
      osUser: userInfo().username,
      userAgent: 'latchkey-cli',
      reason: 'locked out',
    });
  });
});

describe('following', () => {
  test.each([
    ['a server', () => ['--url', server.url, '--token', server.token]],
    ['the database', () => ['--db', server.database]],
  ] as const)('through %s prints each event as it comes, and ends well on SIGINT', async (_, flags) => {
    const child = startCli(['events', '--follow', '--type', 'user.removed', '--json', ...flags()]);
    cleanup.defer(() => void child.kill());
    const exited = once(child, 'exit');
    if (child.stdout === null) throw new Error('no stdout');
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const email = `${child.pid}@acme.example`;
    const db = ['--json', '--db', server.database];
    const made = await runHere([
      'user',
      'create',
      '--given-name=A',
      '--family-name=B',
      `--email=${email}`,
      ...db,
    ]);
    const { userId } = JSON.parse(made.stdout);
    expect(await runHere(['user', 'delete', userId, '--yes', ...db])).toMatchObject({ code: 0 });
    for (let seen = ''; seen !== userId; ) seen = JSON.parse(String((await lines.next()).value)).userId;
    child.kill('SIGINT');
    expect(await exited).toEqual([0, null]);
  });

  test('rows that come one by one stand under their titles', async () => {
    const { stdout } = await runHere(['events', '--follow', '--limit', '4', '--db', server.database]);
    const [titles = '', ...rows] = stdout.trimEnd().split('\n');
    expect(rows).toHaveLength(4);
    for (const row of rows) expect(row.slice(titles.indexOf('BY') - 2)).toMatch(/^ {2}os:/);
  });

  test('ends well where the reader closes the pipe', async () => {
    const child = startCli(['events', '--follow', '--json', '--db', server.database]);
    cleanup.defer(() => void child.kill());
    const exited = once(child, 'exit');
    child.stdout?.once('data', () => child.stdout?.destroy());
    // It learns of the closed pipe by writing: whatever it has not yet printed by then.
    for (let nth = 0; child.exitCode === null && child.signalCode === null; nth += 1) {
      await runHere(['org', 'create', `Pipe ${nth}`, '--db', server.database]);
      await Promise.race([exited, delay(100)]);
    }
    expect(await exited).toEqual([0, null]);
  });
});

describe('the launcher', () => {
  const oldNode = `
    const { FAKED } = process.env;
    if (FAKED !== undefined) {
      delete process.env.FAKED;
      Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.0.0' } });
      if (FAKED === 'another') process.execPath = __filename;
    }`;
  const preloaded = async () => {
    const path = join(folder, 'old-node.cjs');
    await writeFile(path, oldNode);
    return { nodeOptions: ['--require', path] };
  };

  test('runs itself again on the Node that npm installed: arguments, stdin, stdout and exit code', async () => {
    const options = { ...(await preloaded()), env: { FAKED: 'another' } };
    const version = await spawnCli(['version', '--json'], options);
    expect(version).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(version.stdout).node).toBe(process.versions.node);
    const argv = ['user', 'set-password', '--login', 'esi', '--db', server.database];
    expect(await spawnCli(argv, { ...options, input: 'correct horse' })).toMatchObject({ code: 0 });
    expect(await spawnCli(['user', 'lst'], options)).toMatchObject({ code: 2 });
  });

  test('passes SIGTERM on, and the exit code back', async () => {
    const options = { ...(await preloaded()), env: { FAKED: 'another' } };
    const own = await startServe(join(folder, 'signalled'), [], options);
    expect(await own.stop()).toBe(0);
  });

  test('says what is missing where the installed Node is too old as well', async () => {
    const options = { ...(await preloaded()), env: { FAKED: 'the same' } };
    const { code, stderr } = await spawnCli(['version'], options);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^latchkey: needs Node 24\.7 or newer\. This is Node 20\.0\.0, and .* is older\.\n$/,
    );
  });

  test('says what to do where npm has installed no Node', async () => {
    const { nodeOptions } = await preloaded();
    const alone = join(folder, 'latchkey.mjs');
    await copyFile('src/latchkey.js', alone);
    const options = { env: { ...process.env, FAKED: 'another' }, encoding: 'utf8' } as const;
    const ended = spawnSync(process.execPath, [...nodeOptions, alone, 'version'], options);
    expect(ended).toMatchObject({
      status: 1,
      stderr: `latchkey: needs Node 24.7 or newer. This is Node 20.0.0, and npm has installed none for ${process.platform}-${process.arch}: run "npm ci", or install a newer Node.\n`,
    });
  });
});

test('a port that is taken is named, with exit code 6, before anything is made or shown', async () => {
  const port = new URL(server.url).port;
  const data = join(folder, 'second');
  const { code, stdout, stderr } = await spawnCli(['serve', '--data', data, '--port', port]);
  expect(code).toBe(6);
  expect(stderr).toMatch(new RegExp(`EADDRINUSE.*127\\.0\\.0\\.1:${port}; choose another --port`));
  expect(stdout).toBe('');
  expect(existsSync(data)).toBe(false);
});

test('an address for metrics that is taken is told by the option that chose it', async () => {
  const data = join(folder, 'measured');
  const at = new URL(server.url).host;
  const serve = ['serve', '--data', data, '--port', '0', '--metrics-listen', at];
  expect(await spawnCli(serve)).toMatchObject({
    code: 6,
    stderr: expect.stringContaining(
      `EADDRINUSE: address already in use ${at}; choose another --metrics-listen`,
    ),
  });
});

test('an address that is not this machine’s, and a certificate that is not there, are named', async () => {
  const data = join(folder, 'third');
  const serve = ['serve', '--data', data, '--port', '0'];
  expect(await spawnCli([...serve, '--host', '192.0.2.1'])).toMatchObject({
    code: 6,
    stderr: expect.stringMatching(/EADDRNOTAVAIL.*; choose another --host\n$/),
  });
  expect(await spawnCli([...serve, '--host', 'nobody.invalid'])).toMatchObject({
    code: 6,
    stderr: expect.stringMatching(/^latchkey: getaddrinfo .*nobody\.invalid; choose another --host\n$/),
  });
  expect(await spawnCli([...serve, '--tls-cert', 'no.pem', '--tls-key', 'no.key'])).toMatchObject({
    code: 7,
    stderr: expect.stringMatching(
      /^latchkey: cannot use the certificate no\.pem with the key no\.key: ENOENT.*\n$/,
    ),
  });
  expect(existsSync(data)).toBe(false);
});
