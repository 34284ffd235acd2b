import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';
import { parseLines, runHere } from './run-cli.ts';

describe.each(stores)('what a help desk types first, on %s', (_, openDatabase) => {
  const resources = new AsyncDisposableStack();
  let server: TestServer;
  let database: string;
  let unlocker: string;

  beforeAll(async () => {
    ({ database } = resources.use(await openDatabase()));
    server = resources.use(await startServer({ database }));
    for (const id of ['acme', 'beta']) await server.people.organization(id);
    const roles = [{ role: 'ORG_USER_UNLOCKER', organization: 'acme' }];
    unlocker = await server.people.caller({ organization: 'acme', roles });
  }, 60_000);
  afterAll(() => resources.disposeAsync());

  const flags = () => ['--url', server.url, '--token', unlocker];
  const run = (argv: readonly string[], input = '') => runHere([...argv, ...flags()], input);
  const person = (userName: string, state: 'locked' | 'active' = 'locked') =>
    server.people.user({ organization: 'acme', userName, state });

  test('unlocks by whatever names the person: id, login name, user name, e-mail address', async () => {
    const userId = await person('ada');
    for (const name of [userId, 'ada', 'ADA@acme.example', `${userId}@mail.example`]) {
      const { code, stdout, stderr } = await run(['unlock', name, '--json']);
      expect({ name, code, stderr }).toEqual({ name, code: 0, stderr: '' });
      expect(JSON.parse(stdout)).toMatchObject({ userId, state: 'active' });
      await server.people.act(userId, 'lock');
    }
    expect(await run(['user', 'unlock', 'nobody'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('COMMAND-x377t913pw'),
    });
  });

  test('an id that is also the name of somebody else is the id', async () => {
    const other = await person('grace-id');
    const userId = await server.people.user({
      organization: 'acme',
      userId: 'grace-id',
      userName: 'grace',
      state: 'locked',
    });
    const { stdout } = await run(['unlock', 'grace-id', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ userId });
    expect((await run(['lock', 'show', other])).code).toBe(0);
  });

  test('a name of several is listed, and nobody is unlocked', async () => {
    await person('both');
    await server.people.user({ organization: 'beta', userName: 'both', state: 'locked' });
    const everywhere = ['--db', database];
    const { code, stderr } = await runHere(['unlock', 'both', ...everywhere]);
    expect(code).toBe(7);
    expect(stderr).toMatch(
      /Several users .*\n {2}\d+ {2}both@acme\.example {2}locked {2}\S.*\n {2}\d+ {2}both@beta\.example {2}locked {2}\S/,
    );
  });

  test('goes on past those who are refused, tells them, and ends in 5', async () => {
    const [first, second] = [await person('first'), await person('second')];
    const names = [first, 'nobody-of-this-name', 'second'];
    const ended = await run(['user', 'unlock', ...names, '--json']);
    expect(ended.code).toBe(5);
    expect(parseLines(ended.stdout).map(({ userId }) => userId)).toEqual([first, second]);
    const [refused, summary] = parseLines(ended.stderr);
    expect(refused).toMatchObject({ error: { code: 'not_found', user: 'nobody-of-this-name' } });
    expect(summary).toMatchObject({ error: { message: '1 of 3 were refused' } });
    const text = await run(['user', 'unlock', '-'], `${first}\n\n  second \n`);
    expect(text.code).toBe(5);
    expect(text.stderr).toMatch(/^latchkey: \d+: User is not locked.*\nlatchkey: second: User is not/);
    expect(await run(['user', 'unlock', '-'])).toMatchObject({ code: 2 });
  });

  test('without a server or a token it ends at once', async () => {
    const ended = await runHere(['unlock', 'one', 'two', '--url', server.url, '--token', '1.nobody']);
    expect(ended).toMatchObject({ code: 4, stdout: '' });
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
  });

  test('finds, and tells the history, to who may read no events', async () => {
    const userId = await person('history');
    await run(['unlock', 'history', '--reason', 'called back']);
    const found = parseLines((await run(['user', 'find', 'hist', '--json'])).stdout);
    expect(found).toMatchObject([{ userId, loginName: 'history@acme.example' }]);
    expect((await run(['user', 'find'])).code).toBe(2);
    const ways = [flags(), ['--db', database]];
    for (const way of ways) {
      const ended = await runHere(['user', 'history', 'history', '--json', ...way]);
      expect(ended.code).toBe(0);
      const rows = parseLines(ended.stdout);
      expect(rows.map(({ type }) => type)).toEqual(['user.unlocked', 'user.locked', 'user.human.added']);
      expect(rows[0]).toMatchObject({ actor: { reason: 'called back' } });
      expect(rows[0]?.actorLoginName).toMatch(/@acme\.example$/);
      expect(rows[0]).not.toHaveProperty('position');
    }
    const newest = await run(['user', 'history', 'history', '--limit', '1', '--json']);
    expect(parseLines(newest.stdout)).toHaveLength(1);
    expect((await run(['user', 'history', 'history'])).stdout).toMatch(
      /^TIME .*\n.*user\.unlocked .*called back/,
    );
  });

  test.each([
    [
      ['--ticket', '4711', '--identified-by', 'birthday', '--reason', 'found'],
      'found; ticket 4711; identified by: birthday',
    ],
    [['--ticket', '4711'], 'ticket 4711'],
    [[], '-'],
  ])('tells with which ticket an unlock came, and how the person was identified: %j', async (said, told) => {
    const userId = await person(`told-${said.length}`);
    expect((await run(['unlock', userId, ...said])).code).toBe(0);
    const [, newest] = (await run(['user', 'history', userId])).stdout.split('\n');
    expect(newest).toMatch(new RegExp(`user\\.unlocked .* ${told}$`));
    const events = (await runHere(['events', '--user', userId, '--tail', '1', '--db', database])).stdout;
    expect(events.trim()).toMatch(new RegExp(`user\\.unlocked .* ${told}$`));
  });
});
