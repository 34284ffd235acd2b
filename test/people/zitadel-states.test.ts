import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Door, openDoor } from '../support/door.ts';
import { listen } from '../support/listen.ts';
import { startServer } from '../support/start-server.ts';
import { type ImportFiles, openFiles } from './file.ts';

const resources = new AsyncDisposableStack();
let door: Door;
let files: ImportFiles;
let tokenFile: string;
/** A living instance: version 2 of the user API is what a Latchkey serves. */
let there: { readonly url: string };
const states = ['active', 'locked', 'inactive'] as const;

beforeAll(async () => {
  const source = resources.use(await startServer());
  await source.people.organization('old');
  const reader = await source.people.caller({ organization: 'old', roles: ['IAM_OWNER_VIEWER'] });
  for (let at = 0; at < 1_100; at += 1) {
    const state = states[at % 3] ?? 'active';
    await source.people.user({ organization: 'old', userId: `s${at}`, ...(state !== 'active' && { state }) });
  }
  there = source;
  const target = resources.use(await startServer());
  await target.people.organization('home');
  const token = await target.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  door = resources.use(openDoor(target.url, token));
  files = resources.use(await openFiles(['--url', target.url, '--token', token, '--org', 'home']));
  tokenFile = await files.write(`${reader}\n`);
}, 60_000);
afterAll(() => resources.disposeAsync());

const exported = (count: number) =>
  JSON.stringify({
    orgs: [
      {
        orgId: 'old',
        humanUsers: Array.from({ length: count }, (_, at) => ({
          userId: `s${at}`,
          user: {
            ...{ userName: `s${at}`, profile: { firstName: 'F', lastName: 'L' } },
            email: { email: `s${at}@mail.example`, isEmailVerified: true },
          },
        })),
      },
    ],
  });

test('who is locked or inactive in the instance arrives so, on every page of its list', async () => {
  const live = ['--states-url', there.url, '--states-token-file', tokenFile];
  const { code, told } = await files.bring('zitadel', exported(1_100), ...live);
  expect({ code, states: told.states }).toEqual({
    code: 0,
    states: { active: 367, locked: 367, inactive: 366 },
  });
  expect(await door.user('s1099')).toMatchObject({ state: 'USER_STATE_LOCKED' });
  expect(await door.user('s1097')).toMatchObject({ state: 'USER_STATE_INACTIVE' });
  expect(await door.user('s0')).toMatchObject({ state: 'USER_STATE_ACTIVE' });
});

describe('states that cannot be read stop everything before it is written', () => {
  const bring = (...options: readonly string[]) => files.bring('zitadel', exported(1), ...options);
  const messageOf = ({ stderr }: { readonly stderr: string }) => JSON.parse(stderr).error.message;

  test('a token that is none', async () => {
    const wrong = await files.write('1.no');
    const ended = await bring('--states-url', there.url, '--states-token-file', wrong);
    expect([ended.code, messageOf(ended)]).toEqual([6, expect.stringMatching(/it answers 401 to ListUsers/)]);
  });

  test('two tokens, neither of them repeated', async () => {
    const two = await files.write('1.secret\n2.secret');
    const ended = await bring('--states-url', there.url, '--states-token-file', two);
    expect([ended.code, messageOf(ended)]).toEqual([
      7,
      expect.stringMatching(/holds a character that no token has/),
    ]);
    expect(ended.stderr).not.toContain('.secret');
  });

  test('nobody at that address, and somebody who speaks something else', async () => {
    const nobody = await bring('--states-url', 'http://127.0.0.1:1', '--states-token-file', tokenFile);
    expect([nobody.code, messageOf(nobody)]).toEqual([6, expect.stringMatching(/cannot be read from/)]);
    await using other = await openAnswering(() => '<html>');
    const html = await bring('--states-url', other.url, '--states-token-file', tokenFile);
    expect([html.code, messageOf(html)]).toEqual([6, expect.stringMatching(/its answer is no JSON/)]);
  });

  test.each([
    'USER_STATE_SUSPENDED',
    'constructor',
    '__proto__',
    4,
    undefined,
  ])('a user in the state %j, which nobody here knows', async (state) => {
    const answer = JSON.stringify({ result: [{ userId: 's0', state }] });
    await using odd = await openAnswering(() => answer);
    const ended = await bring('--states-url', odd.url, '--states-token-file', tokenFile);
    expect([ended.code, messageOf(ended)]).toEqual([
      6,
      expect.stringMatching(/it lists a user in a state that is not known here$/),
    ]);
  });

  test('an answer of 32 MiB is read, one byte more is not', async () => {
    const most = 33_554_432;
    let bytes = most;
    await using large = await openAnswering(() => '{"result":[]}'.padEnd(bytes));
    const live = ['--states-url', large.url, '--states-token-file', tokenFile];
    expect((await bring(...live, '--dry-run')).code).toBe(0);
    bytes += 1;
    const beyond = await bring(...live, '--dry-run');
    expect([beyond.code, messageOf(beyond)]).toEqual([6, expect.stringMatching(/more than 33554432 bytes/)]);
  });

  test.each([
    [['--states-url', 'http://zitadel.example', '--states-token-file', 'x'], 2, /must begin with https/],
    [['--states-url', 'zitadel', '--states-token-file', 'x'], 2, /must be a URL/],
    [['--states-url', 'https://zitadel.example'], 2, /goes with --states-token-file/],
    [['--states-token-file', 'x'], 2, /goes with --states-url/],
    [['--states-url', 'https://zitadel.example', '--states-token-file', '/nowhere/token'], 7, /Cannot read/],
  ])('%j', async (options, code, message) => {
    const ended = await bring(...options);
    expect([ended.code, messageOf(ended)]).toEqual([code, expect.stringMatching(message)]);
  });

  test('another form than theirs', async () => {
    const ended = await files.bring(
      'csv',
      'id\n',
      '--states-url',
      there.url,
      '--states-token-file',
      tokenFile,
    );
    expect([ended.code, messageOf(ended)]).toEqual([2, expect.stringMatching(/goes with --from zitadel/)]);
  });
});

/** What says this to whoever asks. */
async function openAnswering(answer: () => string) {
  const server = createServer((_req, res) => res.end(answer()));
  return {
    url: `http://127.0.0.1:${await listen(server)}`,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}
