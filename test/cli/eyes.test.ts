import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { localTime } from '../../src/cli/eyes/local-time.ts';
import { Names } from '../../src/cli/eyes/names.ts';
import { readable } from '../../src/cli/eyes/sentence.ts';
import { openLocal } from '../../src/cli/local/local.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openEmptyDatabase, stores } from '../support/stores.ts';
import { parseLines, runHere } from './run-cli.ts';
import { hasTerminals, runAtRealTerminal } from './terminal.ts';

describe('a time is told as local time and how far it is', () => {
  const now = Date.parse('2031-01-31T12:00:00Z');
  const second = 1_000;
  const minute = 60 * second;
  const hour = 60 * minute;
  const day = 24 * hour;
  test.each([
    [-59 * second, 'just now'],
    [-1 * minute, '1 minute ago'],
    [-12 * minute, '12 minutes ago'],
    [-hour + 1, '59 minutes ago'],
    [-hour, '1 hour ago'],
    [-2 * day + 1, '47 hours ago'],
    [-2 * day, '2 days ago'],
    [-60 * day + 1, '59 days ago'],
    [-60 * day, '2 months ago'],
    [-730 * day, '2 years ago'],
    [1, 'in less than a minute'],
    [30 * minute, 'in 30 minutes'],
    [3 * hour - 1, 'in 2 hours'],
  ])('%s ms', (distance, told) => {
    const text = localTime(new Date(now + distance).toISOString(), now);
    expect(text).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(.+\)$/);
    expect(text.slice('2031-01-31 12:00:00 '.length)).toBe(`(${told})`);
  });

  test('what is no time stays as it is', () => {
    expect(localTime('until somebody unlocks', now)).toBe('until somebody unlocks');
  });
});

test('a sentence of the server is told with local times and names; what somebody typed stays as it is', () => {
  const time = (text: string | undefined) => text && `<${text.slice(0, 10)}>`;
  const typed = 'Reason: , 17, since 2031-01-31T12:00:00Z';
  const sentence = `By an administrator, 17, since 2031-01-30T12:00:00.123Z until 2031-02-01T00:00:00Z. ${typed}`;
  const by = { id: '17', name: '$& boss' };
  expect(readable(sentence, { time, by })).toBe(
    `By an administrator, $& boss, since <2031-01-30> until <2031-02-01>. ${typed}`,
  );
  expect(readable(sentence, { time: (text) => text })).toBe(sentence);
});

describe.each(stores)('what people read, on %s', (_, openDatabase) => {
  const resources = new AsyncDisposableStack();
  let server: TestServer;
  let manager: string;
  let owner: string;
  let viewer: string;
  let ada: string;
  let boss: string;

  beforeAll(async () => {
    const { database } = resources.use(await openDatabase());
    server = resources.use(await startServer({ database }));
    const { people } = server;
    for (const id of ['acme', 'beta']) await people.organization(id);
    boss = await people.user({ organization: 'acme', userName: 'boss', kind: 'machine' });
    await people.grant(boss, { role: 'ORG_USER_MANAGER', organization: 'acme' });
    manager = await people.token(boss);
    owner = await people.caller({ organization: 'beta', roles: ['IAM_OWNER'] });
    viewer = await people.caller({ organization: 'beta', roles: ['IAM_OWNER_VIEWER'] });
    ada = await people.user({ organization: 'acme', userName: 'ada' });
    const locked = await run(['user', 'lock', ada, '--for', '30m', '--reason', 'stolen']);
    expect(locked).toMatchObject({ code: 0 });
  }, 60_000);
  afterAll(() => resources.disposeAsync());

  const flags = (token: string) => ['--url', server.url, '--token', token];
  const run = (argv: readonly string[], token = manager) => runHere([...argv, ...flags(token)]);

  test('names stand beside ids: by whom, and which organization', async () => {
    const { stdout: list } = await run(['lock', 'list']);
    expect(list).toMatch(/^ID +LOGIN NAME +ORGANIZATION +CAUSE +SINCE +UNTIL +BY +GENERATION +REASON\n/);
    expect(list).toMatch(
      new RegExp(`^${ada} +ada@acme\\.example +acme \\(acme\\) +administrator .* boss@acme\\.example `, 'm'),
    );
    for (const command of ['show', 'explain']) {
      const { stdout } = await run(['lock', command, 'ada']);
      expect(stdout).toMatch(new RegExp(`by +boss@acme\\.example \\(${boss}\\)`));
      expect(stdout).toMatch(/organization +acme \(acme\)/);
    }
    const { stdout: explained } = await run(['lock', 'explain', 'ada']);
    expect(explained).toMatch(
      /^The user is locked by an administrator, boss@acme\.example, since \S+Z until \S+Z\. Reason: stolen\n/,
    );
    expect(explained).toMatch(/^ {2}The user is locked by an administrator, boss@acme\.example, since /m);
    const { stdout: events } = await run(['events', '--type', 'user.locked'], owner);
    expect(events).toMatch(new RegExp(`${ada} +ada@acme\\.example +boss@acme\\.example`));
    expect((await run(['user', 'show', 'ada'], owner)).stdout).toMatch(/organization +acme \(acme\)/);
  });

  test('of whom the caller may not read, the id alone is told', async () => {
    const userId = await server.people.user({ organization: 'acme', userName: 'bob' });
    const { stdout } = await runHere(['user', 'lock', userId, '--json', ...flags(owner)]);
    expect(JSON.parse(stdout)).toMatchObject({ userId });
    const { stdout: shown } = await run(['lock', 'show', userId]);
    expect(shown).toMatch(/^by +\d+$/m);
    expect(shown).not.toContain('beta');
  });

  test('the starter of a run has a name, and an operating system user is taken for nobody', async () => {
    await server.people.user({ organization: 'beta', userId: 'operator', userName: 'innocent' });
    const userId = await server.people.user({ organization: 'beta', state: 'locked' });
    const { stdout: lock } = await run(['lock', 'show', userId], owner);
    expect(lock).toMatch(/^by +operator$/m);
    const started = await run(['lock', 'unlock-all', '--org', 'acme', '--reason', 'alarm']);
    expect(started).toMatchObject({ code: 0 });
    const { stdout } = await run(['lock', 'runs']);
    expect(stdout).toMatch(/ boss@acme\.example /);
    const [runId = ''] = /^\d+/m.exec(stdout) ?? [];
    expect((await run(['lock', 'run', runId])).stdout).toMatch(
      new RegExp(`^by +boss@acme\\.example \\(${boss}\\)$`, 'm'),
    );
    await run(['user', 'lock', ada, '--for', '30m', '--reason', 'stolen']);
  });

  test('nobody is named for what was done before they were made', async () => {
    const { people, clock } = server;
    const gone = await people.user({ organization: 'acme', userName: 'gone', kind: 'machine' });
    await people.grant(gone, 'IAM_USER_MANAGER');
    const token = await people.token(gone);
    const locked = await people.user({ organization: 'acme', userName: 'locked-then' });
    await people.organization('gamma');
    await people.user({ organization: 'gamma', state: 'locked' });
    expect(await run(['user', 'lock', locked, '--reason', 'then'], token)).toMatchObject({ code: 0 });
    const ended = await run(['lock', 'unlock-all', '--org', 'gamma', '--reason', 'wave'], token);
    expect(ended).toMatchObject({ code: 0 });
    const said = async () => {
      const asked = [
        ['lock', 'list'],
        ['lock', 'show', locked],
        ['lock', 'explain', locked],
        ['events', '--type', 'user.locked', '--all'],
        ['lock', 'runs'],
      ];
      return await Promise.all(asked.map(async (argv) => (await run(argv, owner)).stdout));
    };
    for (const text of await said()) expect(text).toContain('gone@acme.example');
    await people.act(gone, 'delete');
    clock.nowMs += 1_000;
    await people.user({ organization: 'beta', userId: gone, userName: 'innocent-later', kind: 'machine' });
    for (const text of await said()) {
      expect(text).toContain(gone);
      expect(text).not.toContain('innocent-later');
    }
    expect((await run(['events', '--user', gone, '--all'], owner)).stdout).toContain('innocent-later');
  });

  test('names stand beside ids of tokens, roles, webhooks and the caller', async () => {
    const { stdout: tokens } = await run(['token', 'list']);
    expect(tokens).toMatch(new RegExp(`${boss} +boss@acme\\.example +acme \\(acme\\) +\\S+Z`));
    const { stdout: grants } = await run(['grant', 'list', '--org', 'acme'], owner);
    expect(grants).toMatch(
      new RegExp(`^${boss} +boss@acme\\.example +ORG_USER_MANAGER +acme \\(acme\\)$`, 'm'),
    );
    const made = await run(['hook', 'create', 'https://chat.example/hook', '--org', 'acme', '--json'], owner);
    const { subscriptionId } = JSON.parse(made.stdout) as { subscriptionId: string };
    expect((await run(['hook', 'list'], owner)).stdout).toMatch(/ acme \(acme\) /);
    const { stdout: hook } = await run(['hook', 'show', subscriptionId], owner);
    expect(hook).toMatch(/^organization +acme \(acme\)$/m);
    expect(hook).toMatch(/^owner +\S+@beta\.example \(\d+\)$/m);
    const { stdout: caller } = await run(['whoami']);
    expect(caller).toMatch(/^organization +acme \(acme\)$/m);
    expect(caller).toMatch(/^roles +ORG_USER_MANAGER on acme \(acme\)$/m);
  });

  test('whoever lacks a permission is told which, and where to look', async () => {
    expect(await run(['events', '--tail', '1'])).toMatchObject({
      code: 4,
      stderr:
        'latchkey: No matching permissions found (AUTH-AWfge): it takes events.read; latchkey whoami tells what you may do\n',
    });
    const { stderr } = await run(['org', 'create', 'Gamma', '--json']);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { reason: 'PERMISSION_MISSING', permission: 'organization.write' },
    });
    const several = await runHere(['unlock', ada, ada, ...flags(viewer)]);
    expect(several.stderr).toContain(
      `${ada}: No matching permissions found (AUTH-AWfge): it takes user.unlock\n`,
    );
    // Who holds the permission may still not act on who stands above them: nothing that could be given is missing.
    const above = await server.people.user({ organization: 'acme', userName: 'head' });
    await server.people.grant(above, { role: 'ORG_OWNER', organization: 'acme' });
    expect((await run(['user', 'lock', above])).stderr).toMatch(/could not hand out\n$/);
  });

  test('--json holds ids and RFC 3339 alone', async () => {
    const [lock] = parseLines((await run(['lock', 'list', '--json'])).stdout).filter(
      ({ userId }) => userId === ada,
    );
    expect(lock).toMatchObject({ organizationId: 'acme', lockedBy: boss });
    expect(lock?.since).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  test('no event is told as none', async () => {
    expect(await run(['events', '--type', 'user.erased'], owner)).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'none\n',
    });
    expect(await run(['events', '--type', 'user.erased', '--json'], owner)).toMatchObject({ stderr: '' });
  });

  (hasTerminals ? test : test.skip)(
    'a terminal shows the time of whoever reads, by TZ; a pipe RFC 3339',
    async () => {
      const argv = ['lock', 'show', 'ada'];
      const env = { LATCHKEY_URL: server.url, LATCHKEY_TOKEN: manager };
      const piped = /since +(\S+Z)\n/.exec((await run(argv)).stdout)?.[1] ?? '';
      for (const [TZ, hours] of [
        ['UTC', 0],
        ['Asia/Tokyo', 9],
      ] as const) {
        const { code, shown } = await runAtRealTerminal(argv, { ...env, TZ });
        expect({ code, shown }).toMatchObject({ code: 0 });
        const there = new Date(Date.parse(piped) + hours * 3_600_000).toISOString();
        const local = there.replace('T', ' ').slice(0, '2031-01-31 12:00:00'.length);
        expect(shown).toMatch(new RegExp(`^since +${local} \\(\\d+ \\w+ ago\\)$`, 'm'));
        expect(shown).toMatch(/^until +\S+ \S+ \(in \d+ minutes?\)$/m);
      }
    },
    60_000,
  );

  (hasTerminals ? test : test.skip)(
    'a terminal shows no time as a pipe does',
    async () => {
      const env = { LATCHKEY_URL: server.url, LATCHKEY_TOKEN: owner };
      await run(['user', 'metadata', 'set', 'ada', 'crm-id=4711']);
      const bob = await server.people.user({ organization: 'acme' });
      for (const argv of [
        ['token', 'list'],
        ['org', 'list'],
        ['user', 'metadata', 'list', 'ada'],
        ['whoami'],
        ['lock', 'explain', 'ada'],
        ['user', 'lock', bob, '--for', '30m'],
        ['user', 'unlock', bob],
      ]) {
        const { code, shown } = await runAtRealTerminal(argv, env);
        expect({ argv, code, shown }).toMatchObject({
          code: 0,
          shown: expect.stringMatching(/\((in )?\d+ \w+|just now/),
        });
        expect({ argv, shown }).toMatchObject({ shown: expect.not.stringMatching(/\dT\d\d:\d\d/) });
      }
    },
    60_000,
  );
});

test('a name is looked up once, and some ten thousand are kept, however long somebody follows the log', async () => {
  await using empty = await openEmptyDatabase('sqlite');
  await using backend = await openLocal({ ...empty, osUser: 'operator', reason: undefined });
  const asked: string[] = [];
  const listUsers: typeof backend.listUsers = (query) => {
    asked.push(...(query.userIds ?? []));
    return backend.listUsers(query);
  };
  const args = { flag: () => false } as never;
  const names = new Names({ args, backend: async () => ({ ...backend, listUsers }) });
  const many = Array.from({ length: 10_000 }, (_, at) => `user-${at}`);
  const [first = ''] = many;
  await names.learn({ users: many });
  await names.learn({ users: [first] });
  expect(asked).toEqual(many);
  await names.learn({ users: ['one more'] });
  await names.learn({ users: [first] });
  expect(asked.slice(many.length)).toEqual(['one more', first]);
});
