import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseServeConfig } from '../../src/app/config.ts';
import { openFolder, parseLines, runHere, spawnCli, startCli, startServe } from './run-cli.ts';

const cleanup = new AsyncDisposableStack();
let folder: string;

beforeAll(async () => {
  folder = cleanup.use(await openFolder()).path;
  await chmod(folder, 0o777);
});
afterAll(() => cleanup.disposeAsync());

describe('beside a Kubernetes Service called latchkey', () => {
  const env = {
    LATCHKEY_PORT: 'tcp://10.43.1.1:8080',
    LATCHKEY_SERVICE_HOST: '10.43.1.1',
    LATCHKEY_PORT_8080_TCP: 'tcp://10.43.1.1:8080',
    LATCHKEY_LOGLEVEL: 'not-to-be-shown',
  };

  test('a server starts, and warns of the variable that nothing reads', async () => {
    const child = startCli(['serve', '--data', join(folder, 'linked'), '--host', '127.0.0.9'], { env });
    const exited = once(child, 'exit');
    let errors = '';
    child.stderr?.on('data', (chunk) => {
      errors += String(chunk);
    });
    if (child.stdout === null) throw new Error('no stdout');
    const [said] = await Promise.race([once(child.stdout, 'data'), exited]);
    expect(String(said)).toContain('http://127.0.0.9:8080');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(errors).toContain('LATCHKEY_LOGLEVEL is no setting of Latchkey');
    expect(errors).toContain('LATCHKEY_LOG_LEVEL');
    expect(errors).not.toContain('not-to-be-shown');
    expect(parseLines(errors).filter(({ msg }) => String(msg).includes('no setting'))).toHaveLength(1);
  });

  test('the health check asks the port of the setting', async () => {
    const { code, stderr } = await spawnCli(['health'], { env });
    expect(code).toBe(6);
    expect(stderr).toContain('http://127.0.0.1:8080 is not ready');
  });
});

const rootTest = process.getuid?.() === 0 ? test : test.skip;
if (process.getuid?.() !== 0)
  process.stdout.write('skipped: only root can run as a user who is in no passwd\n');

describe('under a number that no user database names', () => {
  const uid = 54_321;

  rootTest('a server starts, and its first event says who made it', async () => {
    await using server = await startServe(join(folder, 'nobody'), ['--demo'], { uid });
    const argv = ['events', '--json', '--limit', '1', '--url', server.url, '--token', server.token];
    const { stdout } = await runHere(argv);
    expect(parseLines(stdout)).toMatchObject([{ actor: { osUser: `uid ${uid}` } }]);
  });

  rootTest('the demonstration plays', async () => {
    expect(await spawnCli(['demo', '--json'], { uid })).toMatchObject({ code: 0, stderr: '' });
  });

  rootTest('the commands on the database work', async () => {
    const data = join(folder, 'nobody');
    const argv = ['user', 'list', '--db', join(data, 'latchkey.db')];
    expect(await spawnCli(argv, { uid })).toMatchObject({ code: 0, stderr: '' });
  });
});

describe("the first administrator's token", () => {
  const given = `1795657869197524293.${'s'.repeat(43)}`;

  test('is the one of the file, where it holds one: nothing is written', async () => {
    const path = join(folder, 'given-token');
    await writeFile(path, `${given}\n`, { mode: 0o440 });
    const data = join(folder, 'given');
    await mkdir(data);
    await writeFile(join(data, 'admin-token'), 'not asked');
    await using server = await startServe(data, ['--admin-token-file', path]);
    const env = { LATCHKEY_URL: server.url, LATCHKEY_ADMIN_TOKEN_FILE: path };
    expect(await spawnCli(['user', 'list'], { env })).toMatchObject({ code: 0, stderr: '' });
    expect(await readFile(path, 'utf8')).toBe(`${given}\n`);
    // Another start finds its administrator and looks at the file no more.
    expect(await server.stop()).toBe(0);
    await writeFile(path, 'something else');
    await using again = await startServe(data, ['--admin-token-file', path]);
    expect(await runHere(['user', 'list', '--url', again.url, '--token', given])).toMatchObject({ code: 0 });
  });

  test.each([
    ['not there', undefined],
    ['empty', ''],
  ])('goes into the file that is %s, mode 0600', async (name, before) => {
    const path = join(folder, `token ${name}`, 'token');
    await mkdir(join(folder, `token ${name}`));
    if (before !== undefined) await writeFile(path, before, { mode: 0o644 });
    const data = join(folder, `data ${name}`);
    await mkdir(data);
    await writeFile(join(data, 'admin-token'), 'not asked');
    await using server = await startServe(data, ['--admin-token-file', path]);
    const token = (await readFile(path, 'utf8')).trim();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await runHere(['user', 'list', '--url', server.url, '--token', token])).toMatchObject({ code: 0 });
  });

  test('beside the one of a database that is gone: the log says that this one was empty', async () => {
    const data = join(folder, 'gone');
    await mkdir(data);
    await writeFile(join(data, 'admin-token'), `${given}\n`);
    const child = startCli(['serve', '--data', data, '--port', '0']);
    const exited = once(child, 'exit');
    child.stdout?.once('data', () => child.kill('SIGTERM'));
    if (child.stderr === null) throw new Error('no stderr');
    const lines = parseLines(await text(child.stderr));
    expect(await exited).toEqual([0, null]);
    const said = lines.find(({ msg }) =>
      /^the database was empty, though .+admin-token holds/.test(String(msg)),
    );
    expect(said).toMatchObject({ level: 'warn', msg: expect.stringMatching(/in .+admin-token-\d+$/) });
    expect(await readFile(join(data, 'admin-token'), 'utf8')).toBe(`${given}\n`);
  });

  test.each([
    ['a secret that is too short', `1795657869197524293.${'s'.repeat(42)}`],
    ['no id', `${'s'.repeat(60)}`],
    ['two tokens', `${given}\n${given}`],
  ])('is no file with %s: the start is refused, and the text not shown', async (_, text) => {
    const path = join(folder, 'bad-token');
    await writeFile(path, text);
    const data = await openFolder();
    cleanup.use(data);
    const { code, stdout, stderr } = await spawnCli([
      ...['serve', '--port', '0', '--data', data.path, '--admin-token-file', path],
    ]);
    expect(code).toBe(2);
    expect(stdout + stderr).toContain('must hold a token of the form ID.SECRET');
    expect(stdout + stderr).not.toContain('sssss');
  });
});

describe("the database's password", () => {
  const file = async (text: string): Promise<string> => {
    const path = join(folder, 'db-password');
    await writeFile(path, text);
    return path;
  };
  const parse = (db: string, path: string) =>
    parseServeConfig(['--db', db, '--db-password-file', path]).database;

  test.each([
    ['postgres://lk@db/x', 'p@ss:/?#%\n', 'postgres://lk:p%40ss%3A%2F%3F%23%25@db/x'],
    ['postgres://db:5432/x', ' two  words \r\n', 'postgres://:%20two%20%20words%20@db:5432/x'],
    ['postgresql://lk@one:1,two:2/x?sslmode=require', 'p', 'postgresql://lk:p@one:1,two:2/x?sslmode=require'],
  ])('of the file goes into %s', async (db, text, whole) => {
    expect(parse(db, await file(text))).toBe(whole);
  });

  test('is given once, is not empty, and belongs to a server', async () => {
    const path = await file('secret-of-the-file');
    expect(() => parse('postgres://lk:other@db/x', path)).toThrow(/give one of them/);
    expect(() => parse('people.db', path)).toThrow(/goes with --db postgres/);
    expect(() => parse('postgres://lk@db/x', join(folder, 'nowhere'))).toThrow(
      /cannot read .*nowhere \(ENOENT\)/,
    );
    expect(() => parse('postgres://lk@db/x', join(folder))).toThrow(/cannot read/);
    const empty = await file('\n');
    expect(() => parse('postgres://lk@db/x', empty)).toThrow(/is empty/);
  });

  test('of the environment serves every command on a database that is a server', async () => {
    const env = { LATCHKEY_DB_PASSWORD_FILE: join(folder, 'nowhere') };
    for (const command of [['user', 'list'], ['export'], ['migrate']]) {
      const ended = await spawnCli([...command, '--db', 'postgres://lk@127.0.0.1:1/x'], { env });
      expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot read') });
    }
    expect(existsSync(join(folder, 'given', 'latchkey.db'))).toBe(true);
    const local = ['user', 'list', '--db', join(folder, 'given', 'latchkey.db')];
    expect(await spawnCli(local, { env })).toMatchObject({ code: 0 });
  });
});
