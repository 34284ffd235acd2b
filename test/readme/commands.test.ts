import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Door, openDoor } from '../support/door.ts';
import { blocks, page, section, shellCommands } from './blocks.ts';
import { type Checkout, type DemoServer, ended, openCheckout, startDemo } from './checkout.ts';
import { testWith } from './installed.ts';

const resources = new AsyncDisposableStack();
const timeoutMs = 60_000;
let checkout: Checkout;
let server: DemoServer;
let door: Door;
/** What a reader of the docs has in the environment. */
let environment: Record<string, string> = {};
let ada = { userId: '', organizationId: '' };

beforeAll(async () => {
  checkout = resources.use(await openCheckout({ npx: 'direct' }));
  server = resources.use(await startDemo(checkout));
  const token = (await readFile(join(checkout.folder, 'latchkey-data', 'admin-token'), 'utf8')).trim();
  door = resources.use(openDoor(server.url, token));
  const queries = [{ userNameQuery: { userName: 'ada' } }];
  const { result } = (await door.ask('ListUsers', { queries })).response as { result?: unknown };
  const [user] = result as { userId: string; details: { resourceOwner: string } }[];
  if (user === undefined) throw new Error('no Ada');
  ada = { userId: user.userId, organizationId: user.details.resourceOwner };
  environment = { TOKEN: token, USER_ID: ada.userId, ORG_ID: ada.organizationId };
}, timeoutMs);
afterAll(() => resources.disposeAsync());

/** The docs' server is at the default address, the test's wherever there was a port. */
const here = (text: string): string => text.replaceAll('127.0.0.1:8080', new URL(server.url).host);

const state = async () => (await door.user(ada.userId))?.state;

async function lockAda(): Promise<void> {
  if ((await state()) !== 'USER_STATE_LOCKED') await door.ask('LockUser', { userId: ada.userId });
  expect(await state()).toBe('USER_STATE_LOCKED');
}

const newestEvent = async () => (await door.events(ada.userId)).at(-1);

describe('one unlock, every protocol', () => {
  const text = section(page('README.md'), 'One unlock, every protocol');

  test('is there for REST, Connect, gRPC and gRPC-Web', () => {
    expect(shellCommands(text)).toHaveLength(5);
    for (const mark of [
      '/v2/users/',
      'application/json',
      '--protocol grpc ',
      '--protocol grpcweb ',
      "'latchkey-reason: ",
    ]) {
      expect(text).toContain(mark);
    }
  });

  test.each(shellCommands(text))(
    '%s',
    async (line) => {
      await lockAda();
      const { code, stdout, stderr } = await checkout.run(here(line), environment);
      expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
      const shown = JSON.parse(blocks(text, 'json')[0] ?? '') as { details: object };
      const { details } = JSON.parse(stdout) as { details: object };
      expect(Object.keys(details)).toEqual(Object.keys(shown.details));
      expect(await state()).toBe('USER_STATE_ACTIVE');
      const reason = /latchkey-reason: ([^']+)/.exec(line)?.[1];
      const { type, actor } = (await newestEvent()) as { type: string; actor: { reason?: string } };
      expect({ type, reason: actor.reason }).toEqual({ type: 'user.unlocked', reason });
    },
    timeoutMs,
  );
});

test(
  'a call with a request id, sent again, does nothing and is answered as the first time',
  async () => {
    const lines = shellCommands(section(page('docs/errors.md'), 'What a client does with it'));
    expect(lines).toHaveLength(1);
    const [line = ''] = lines;
    await lockAda();
    const answers = [];
    for (let call = 0; call < 2; call += 1) {
      const { code, stdout } = await checkout.run(here(line), environment);
      answers.push({ code, ...JSON.parse(stdout) });
    }
    expect(answers[0]).toMatchObject({ code: 0, details: { sequence: expect.any(String) } });
    expect(answers[1]).toEqual(answers[0]);
    expect(await newestEvent()).toMatchObject({ type: 'user.unlocked', payload: { ticket: '4711' } });
  },
  timeoutMs,
);

test(
  'a lock from beginning to end, by hand',
  async () => {
    if ((await state()) === 'USER_STATE_LOCKED') await door.ask('UnlockUser', { userId: ada.userId });
    const said: string[] = [];
    for (const line of shellCommands(section(page('README.md'), 'A lock from beginning to end'))) {
      const { code, stdout } = await checkout.run(here(line), { ...environment, LATCHKEY_URL: server.url });
      expect({ line, code }).toEqual({ line, code: 0 });
      said.push(stdout);
    }
    const [set, signedIn, failures, why, unlocked, again, history] = said;
    expect([set, signedIn, unlocked, again].map((text) => Object.keys(JSON.parse(text ?? '')))).toEqual([
      ['details'],
      ['details', 'sessionId', 'sessionToken', 'deviceToken'],
      ['details', 'generation'],
      ['details', 'sessionId', 'sessionToken', 'deviceToken'],
    ]);
    expect(failures?.match(/Password is invalid \(COMMAND-3M0fs\)/g)).toHaveLength(10);
    expect(JSON.parse(why ?? '')).toMatchObject({ obstacles: [{ code: 'LOCKED_BY_POLICY' }] });
    expect(history).toMatch(
      / user\.unlocked .* admin@.* 127\.0\.0\.1 .*ticket 4711; identified by: called back/,
    );
    expect(history).toMatch(/ user\.locked .* policy:lockout /);
    expect(await newestEvent()).toMatchObject({ type: 'user.human.password.check.succeeded' });
  },
  timeoutMs,
);

describe('health and reflection', () => {
  for (const line of shellCommands(section(page('docs/calls.md'), 'Health and reflection'))) {
    testWith(line.split(' ')[0] ?? '')(
      line,
      async () => {
        const { code, stdout } = await checkout.run(here(line), { LATCHKEY_URL: server.url });
        expect({ line, code }).toEqual({ line, code: 0 });
        expect(stdout).toMatch(/^ok$|is ready|SERVING|UserService/m);
      },
      timeoutMs,
    );
  }
});

describe('the command line', () => {
  test.each([
    ...shellCommands(section(page('README.md'), 'Where to go next')),
    ...shellCommands(page('docs/command-line.md')),
    ...shellCommands(page('docs/erasure.md')),
  ])(
    '%s',
    async (line) => {
      const isUnlock = line.includes(' user unlock ');
      if (isUnlock) await lockAda();
      // A follower of a busy log would never end.
      const bounded = line.includes('--follow') ? `${line} --limit 1` : line;
      // --db and a server named by the environment exclude one another; the token is the file's.
      const url = line.includes('--db') ? {} : { LATCHKEY_URL: server.url };
      const { USER_ID = '', ORG_ID = '' } = environment;
      const { code, stdout, stderr } = await checkout.run(bounded, { USER_ID, ORG_ID, ...url });
      expect({ line, code, stderr }).toMatchObject({ line, code: 0 });
      expect(stdout).not.toBe('');
      if (isUnlock) expect(await state()).toBe('USER_STATE_ACTIVE');
    },
    timeoutMs,
  );
});

describe('the data', () => {
  const commands = shellCommands(section(page('docs/operations.md'), 'The data'));

  test(
    'each command does what it says, one after the other',
    async () => {
      for (const line of commands) {
        const { code, stderr } = await checkout.run(line);
        expect({ line, code, stderr }).toMatchObject({ line, code: 0 });
      }
      for (const name of ['monday.db', 'people.jsonl']) {
        const { mode } = await stat(join(checkout.folder, name));
        expect({ name, mode: mode & 0o777 }).toEqual({ name, mode: 0o600 });
      }
      for (const line of commands.filter((one) => / (backup|export|import) /.test(one))) {
        expect({ line, ...(await checkout.run(line)) }).not.toMatchObject({ code: 0 });
      }
      const there = ['node', 'src/latchkey.js', 'user', 'show', ada.userId, '--db'];
      const copies = ['monday.db', 'other.db', 'latchkey-data/latchkey.db'];
      const shown = await Promise.all(copies.map((name) => ended(checkout.start([...there, name]))));
      expect(new Set(shown.map(({ stdout }) => stdout)).size).toBe(1);
      expect(shown[0]).toMatchObject({ code: 0, stdout: expect.stringContaining('ada@latchkey.localhost') });
    },
    timeoutMs,
  );
});
