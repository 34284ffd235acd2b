import { once } from 'node:events';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseArguments } from '../../src/cli/arguments.ts';
import { commands } from '../../src/cli/commands.ts';
import { exitCodeTexts } from '../../src/cli/failure.ts';
import { listen } from '../support/listen.ts';
import { openFolder, runAtTerminal, runHere } from './run-cli.ts';

const cleanup = new AsyncDisposableStack();
let folder: string;
let database: string;

beforeAll(async () => {
  folder = cleanup.use(await openFolder()).path;
  database = join(folder, 'latchkey.db');
  expect(await runHere(['migrate', '--db', database])).toMatchObject({ code: 0 });
  await runHere(['org', 'create', 'Acme', '--domain', 'acme.example', '--db', database]);
});
afterAll(() => cleanup.disposeAsync());

describe('help', () => {
  test.each(commands.map(({ path }) => path))('latchkey %s --help', async (path) => {
    const command = commands.find((one) => one.path === path);
    const { code, stdout, stderr } = await runHere([...path.split(' '), '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^Usage: latchkey ${path}`));
    for (const option of Object.keys(command?.options ?? {})) expect(stdout).toContain(`--${option}`);
    for (const example of command?.examples ?? []) expect(stdout).toContain(`  ${example}\n`);
    for (const [exit, text] of Object.entries(exitCodeTexts))
      expect(stdout).toContain(`  ${exit}  ${text}\n`);
    expect(await runHere(['help', ...path.split(' ')])).toEqual({ code, stdout, stderr });
    expect(await runHere([...path.split(' '), '-h'])).toEqual({ code, stdout, stderr });
  });

  test('of everything, and of a group', async () => {
    const { code, stdout } = await runHere(['help']);
    expect(code).toBe(0);
    for (const { path, summary } of commands) expect(stdout).toMatch(new RegExp(`  ${path} +${summary}\n`));
    expect(await runHere(['--help'])).toMatchObject({ stdout });
    const group = await runHere(['user', '--help']);
    expect(group.stdout).toMatch(/^Usage: latchkey user COMMAND/);
    expect(group.stdout).not.toContain('token create');
    expect(await runHere(['help', 'user'])).toEqual(group);
  });

  test('an example is a command line that the parser takes', () => {
    for (const { path, examples, options, operandsMax } of commands) {
      for (const example of examples) {
        const [, line = ''] = /latchkey (.*)$/.exec(example.replace(/ > \S+$/, '')) ?? [];
        expect(line.startsWith(path)).toBe(true);
        const words = [...line.slice(path.length).matchAll(/"([^"]*)"|(\S+)/g)];
        const argv = words.map(([, quoted, plain]) => quoted ?? plain ?? '');
        expect(parseArguments(argv, options).operands.length).toBeLessThanOrEqual(operandsMax);
      }
    }
  });

  test('the version is the package’s', async () => {
    const { stdout } = await runHere(['version', '--json']);
    expect(JSON.parse(stdout)).toEqual({ latchkey: '0.1.0', node: process.versions.node });
    expect(await runHere(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^latchkey 0\.1\.0/),
    });
  });
});

describe('wrong usage ends in 2 and says what was meant', () => {
  test.each([
    ['', /^latchkey: no command\n\nLatchkey locks and unlocks/],
    ['usr list', /unknown command "usr"; did you mean "user"\?/],
    ['user lsit', /unknown command "user lsit"; did you mean "user list"\?/],
    ['user', /"user" needs one of: list, find, show, history, lock, unlock, /],
    ['user --json', /"user" needs one of: list, find, show, history, lock, unlock, /],
    ['help usr', /unknown command "usr"; did you mean "user"\?/],
    ['--json user list', /unknown command "--json"/],
    ['events --type user.unlokced', /--type must be one of .*; did you mean "user\.unlocked"\?/],
    ['user list --jsno', /unknown option --jsno; did you mean "--json"\?/],
    ['user list --constructor x', /unknown option --constructor \(--help lists all\)/],
    ['lock list --since noon', /--since must be like 2h \(ago\), 2031-01-31 or /],
    [
      'hook create https://a.example --types user.lockd',
      /no events "user\.lockd"; did you mean "user\.locked"\?/,
    ],
    ['user list --json=yes', /--json takes no value/],
    ['user list --search', /--search needs a value: --search=TEXT/],
    ['user list --search --json', /--search needs a value: --search=TEXT/],
    ['user list --state lock', /--state must be one of initial, .*; did you mean "locked"\?/],
    ['user list --limit ten', /--limit must be a whole number, not "ten"/],
    ['user list --limit 0', /--limit must be 1 or more, not 0/],
    ['user history 1 --limit 0', /--limit must be 1 or more, not 0/],
    ['events --limit 0', /--limit must be 1 or more, not 0/],
    ['events --follow --limit 0', /--limit must be 1 or more, not 0/],
    ['user list extra', /"extra" is one too many; usage: latchkey user list/],
    ['user unlock', /no user: give the user id, or --login NAME/],
    ['user unlock 1 --login ada', /give the user id or --login NAME, not both/],
    ['events --user 1 --login ada', /give --user USER_ID or --login NAME, not both/],
    ['grant add 1', /no role: one of IAM_OWNER, /],
    ['org create', /no name: /],
    ['token revoke', /no token: /],
    ['token create 1 --expires soon', /--expires must be like 12h, /],
    ['user create --given-name A --family-name B', /--email is missing/],
    ['user create --machine --name A --email b', /--email is for human users/],
    ['user create --name A', /--name is for machine users/],
    ['user list --url ftp://127.0.0.1', /--url must be like http:/],
    ['user list --url http://127.0.0.1/api', /--url must be like http:/],
    ['user list --url http://127.0.0.1 --token t --timeout 0', /--timeout must be from 1 to /],
    ['serve --prot 80', /unknown option --prot; did you mean "--port"\?/],
    [
      'serve --trusted-proxies proxy',
      /--trusted-proxies \(LATCHKEY_TRUSTED_PROXIES\): not an address or a CIDR range: "proxy"/,
    ],
    ['serve --trusted-proxies 10.0.0.0/99', /--trusted-proxies .*not an address or a CIDR range/],
    [
      'serve --cors-origins console.example',
      /--cors-origins \(LATCHKEY_CORS_ORIGINS\): not an origin, such as https:/,
    ],
    ['serve --port abc', /--port \(LATCHKEY_PORT\) must be a whole number/],
  ])('latchkey %s', async (line, message) => {
    const argv = line.split(' ').filter((word) => word !== '');
    const isLocal =
      /^(user|org|token|grant|events) ?/.test(line) && !line.includes('--url') && argv.length > 1;
    const { code, stdout, stderr } = await runHere([...argv, ...(isLocal ? ['--db', database] : [])]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    const said = argv.includes('--json') ? JSON.parse(stderr).error : { code: 'usage', message: stderr };
    expect(said).toMatchObject({ code: 'usage', message: expect.stringMatching(message) });
  });

  test.each([
    ['user', 'show', ''],
    ['user', 'unlock', ' '],
    ['grant', 'add', '', 'IAM_OWNER'],
  ])('a name that is empty, as a variable that was never set: %j %j %j', async (...argv) => {
    const ended = await runHere([...argv, '--db', database]);
    expect(ended).toMatchObject({ code: 7, stderr: expect.stringContaining('the name of a user is empty') });
  });

  test('--db and a server exclude one another', async () => {
    for (const server of [
      ['--url', 'http://127.0.0.1:1'],
      ['--token', 'x'],
      ['--ca', 'x'],
    ]) {
      const argv = ['user', 'list', '--db', database, ...server];
      expect(await runHere(argv)).toMatchObject({ code: 2, stderr: expect.stringMatching(/leave out --/) });
    }
  });
});

describe('what cannot be reached ends in 6', () => {
  const nobody = ['--url', 'http://127.0.0.1:1', '--token', 'x'];

  test('a server that does not run', async () => {
    const { code, stderr } = await runHere(['user', 'unlock', '1', ...nobody]);
    expect(code).toBe(6);
    expect(stderr).toBe(
      'latchkey: Cannot reach http://127.0.0.1:1: nothing listens there (ECONNREFUSED); start it with "latchkey serve", or name it with --url\n',
    );
    expect(await runHere(['events', '--follow', ...nobody])).toMatchObject({ code: 6 });
  });

  test('a server that does not answer in time', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket));
    const argv = ['--url', `http://127.0.0.1:${await listen(silent)}`, '--token', 'x', '--timeout', '1'];
    const { code, stderr } = await runHere(['user', 'unlock', '1', ...argv]);
    expect(code).toBe(6);
    expect(stderr).toMatch(/did not answer in time|Cannot reach/);
    for (const socket of sockets) socket.destroy();
    await once(silent.close(), 'close');
  });

  test('a database that is not there is not made', async () => {
    const missing = join(folder, 'missing.db');
    for (const _ of [1, 2]) {
      const { code, stderr } = await runHere(['user', 'list', '--db', missing]);
      expect(code).toBe(6);
      expect(stderr).toMatch(
        `latchkey: There is no database ${missing}: name it with --db FILE, or set LATCHKEY_DATA`,
      );
    }
  });

  test('a file that is no database', async () => {
    const path = join(folder, 'text.db');
    await writeFile(path, 'a shopping list, and much too long to be the head of a database'.repeat(20));
    await chmod(path, 0o644);
    for (const command of ['verify', 'migrate', 'user list']) {
      const ended = await runHere([...command.split(' '), '--db', path]);
      expect({ command, ...ended }).toMatchObject({ code: 6, stdout: '' });
    }
    // It was named by mistake: others go on reading it.
    expect((await stat(path)).mode & 0o777).toBe(0o644);
  });

  test('the database of another program is left as it is', async () => {
    const path = join(folder, 'recipes.db');
    const recipes = new DatabaseSync(path);
    recipes.exec('CREATE TABLE recipes (name TEXT); CREATE TABLE migrations (id INTEGER, name TEXT)');
    recipes.close();
    await chmod(path, 0o644);
    const before = await readFile(path);
    for (const command of ['verify', 'migrate', 'user list']) {
      const { code, stderr } = await runHere([...command.split(' '), '--db', path]);
      expect({ command, code }).toEqual({ command, code: 6 });
      expect(stderr).toMatch('recipes.db is the database of another program: name another file with --db');
    }
    expect(await readFile(path)).toEqual(before);
    expect((await stat(path)).mode & 0o777).toBe(0o644);
  });
});

describe('passwords at a terminal', () => {
  const profile = (email: string) => [
    ...['user', 'create', '--given-name', 'A', '--family-name', 'B', '--email', email],
    ...['--password', '--email-verified', '--db'],
  ];

  test('are asked for twice and never shown', async () => {
    const argv = [...profile('tty@acme.example'), database];
    const ended = await runAtTerminal(argv, 'correcx\u007ft horse\rcorrect horse\r');
    expect(ended).toMatchObject({ code: 0, stderr: 'Password: \nOnce more: \n' });
    expect(ended.stdout).not.toContain('horse');
    const shown = await runHere(['user', 'show', '--login', 'tty@acme.example', '--json', '--db', database]);
    expect(JSON.parse(shown.stdout)).toMatchObject({ state: 'active' });
  });

  test('must be the same both times, and Control-C ends it', async () => {
    const argv = [...profile('tty2@acme.example'), database];
    expect(await runAtTerminal(argv, 'one\rtwo\r')).toMatchObject({
      code: 7,
      stderr: expect.stringMatching(/The two are not the same/),
    });
    expect(await runAtTerminal(argv, 'on\u0003')).toMatchObject({
      code: 7,
      stderr: expect.stringMatching(/Interrupted/),
    });
  });
});

test('where there are two organizations, a new user needs one named', async () => {
  const machine = ['user', 'create', '--machine', '--name', 'A', '--db', database];
  expect(await runHere(machine)).toMatchObject({ code: 0 });
  await runHere(['org', 'create', 'Second', '--db', database]);
  expect(await runHere(machine)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/name one with --org/),
  });
});
