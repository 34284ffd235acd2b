import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openFolder, runHere, type ServeProcess, startServe } from './run-cli.ts';

const cleanup = new AsyncDisposableStack();
let server: ServeProcess;
const backends = [
  ['a server', () => ['--url', server.url, '--token', server.token]],
  ['the database', () => ['--db', server.database]],
] as const;

beforeAll(async () => {
  const folder = cleanup.use(await openFolder()).path;
  server = cleanup.use(await startServe(join(folder, 'data')));
  for (const id of ['active', 'inactive', 'locked']) {
    const made = await runHere([
      'user',
      'create',
      '--machine',
      '--name',
      id,
      '--id',
      id,
      '--db',
      server.database,
    ]);
    expect(made).toMatchObject({ code: 0 });
  }
  expect(await runHere(['user', 'deactivate', 'inactive', '--db', server.database])).toMatchObject({
    code: 0,
  });
  expect(await runHere(['user', 'lock', 'locked', '--db', server.database])).toMatchObject({ code: 0 });
});
afterAll(() => cleanup.disposeAsync());

describe.each(backends)('through %s, a refused change says what the user is and what helps', (_, flags) => {
  test.each([
    [
      'unlock',
      'inactive',
      /^User is not locked \(\S+\): they are deactivated; latchkey user reactivate inactive/,
    ],
    ['unlock', 'active', /^User is not locked \(\S+\): they are active; .* latchkey lock explain active/],
    ['reactivate', 'locked', /^User is not inactive \(\S+\): they are locked; latchkey user unlock locked/],
    ['reactivate', 'active', /: they are active; .* latchkey lock explain active/],
    ['deactivate', 'inactive', /: they are deactivated; latchkey user reactivate inactive/],
    ['lock', 'locked', /: they are locked; latchkey lock show locked tells since when and why/],
    ['lock', 'inactive', /: they are deactivated; nobody who is deactivated can sign in anyway/],
  ])('%s of somebody %s', async (action, id, text) => {
    const { code, stderr } = await runHere(['user', action, id, '--json', ...flags()]);
    expect(code).toBe(5);
    const { error } = JSON.parse(stderr);
    expect(error).toMatchObject({ code: 'failed_precondition', id: expect.stringMatching(/^\S+-\S+$/) });
    expect(error.message).toMatch(text);
  });

  test.each([
    ['locked', /^Only an active user gets a token \(\S+\): they are locked; latchkey user unlock locked/],
    ['inactive', /\): they are deactivated; latchkey user reactivate inactive/],
  ])('so does a token for somebody %s', async (id, text) => {
    const { code, stderr } = await runHere(['token', 'create', id, '--json', ...flags()]);
    expect(code).toBe(5);
    expect(JSON.parse(stderr).error).toMatchObject({
      id: 'LATCH-t0kinact',
      message: expect.stringMatching(text),
    });
  });

  test('what it names is a command', async () => {
    for (const command of ['user reactivate', 'user unlock', 'lock show', 'lock explain']) {
      expect(await runHere([...command.split(' '), '--help'])).toMatchObject({ code: 0 });
    }
  });

  test('who is not found is not explained', async () => {
    expect(await runHere(['user', 'unlock', 'nobody', ...flags()])).toMatchObject({
      code: 3,
      stderr: expect.not.stringContaining('they are'),
    });
  });

  test.each([
    [['user', 'unlock', 'ada@acme.example'], 3, 'as far as you may see: latchkey user find TEXT'],
    [['lock', 'explain', 'ada'], 3, 'as far as you may see: latchkey user find TEXT'],
    [['token', 'list', 'ada'], 3, 'No user has the name "ada"; latchkey user find'],
    [['grant', 'list', 'ada'], 3, 'No user has the name "ada"; latchkey user find'],
    [['events', '--login', 'ada'], 3, 'No user has the name "ada"; latchkey user find'],
    [['grant', 'add', 'active', 'ORG_USER_UNLOCKR'], 7, 'did you mean'],
    [['grant', 'add', 'active', 'ORG_OWNER', '--org', 'acme'], 3, 'latchkey org list tells it'],
  ])('who names nobody, or a name where only an id will do, is told how to go on: %j', async (argv, code, text) => {
    expect(await runHere([...argv, ...flags()])).toMatchObject({
      code,
      stderr: expect.stringContaining(text),
    });
  });

  test('who gives an id that nobody has is told no more', async () => {
    expect(await runHere(['user', 'unlock', '1', ...flags()])).toMatchObject({
      code: 3,
      stderr: expect.not.stringContaining('--search'),
    });
  });
});
