import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startServer, type TestServer } from '../support/start-server.ts';
import { stores } from '../support/stores.ts';
import { parseLines, runHere } from './run-cli.ts';

describe.each(stores)('`latchkey lock unlock-all` on %s', (_, openDatabase) => {
  const resources = new AsyncDisposableStack();
  let server: TestServer;
  let owner: string;

  beforeAll(async () => {
    const { database } = resources.use(await openDatabase());
    server = resources.use(await startServer({ database }));
    owner = await callerIn('home', 'IAM_OWNER');
  }, 60_000);
  afterAll(() => resources.disposeAsync());

  let made = 0;
  async function organization(): Promise<string> {
    made += 1;
    return server.people.organization(`org${made}`);
  }
  async function callerIn(id: string, role: string): Promise<string> {
    const { people } = server;
    if (id === 'home') await people.organization(id);
    return people.caller({
      organization: id,
      roles: [role.startsWith('IAM_') ? role : { role, organization: id }],
    });
  }
  /** A few at a time: a test's connections to its database are few. */
  async function locked(id: string, count: number): Promise<readonly string[]> {
    const ids: string[] = [];
    while (ids.length < count) {
      const some = Math.min(10, count - ids.length);
      const more = Array.from({ length: some }, () =>
        server.people.user({ organization: id, state: 'locked' }),
      );
      ids.push(...(await Promise.all(more)));
    }
    return ids;
  }
  const run = (argv: readonly string[], token = owner) =>
    runHere(['lock', 'unlock-all', ...argv, '--json', '--url', server.url, '--token', token]);
  const stateOf = async (userId: string) => (await server.app.store.loadUser(userId as never))?.state;
  const because = ['--reason', 'false alarm'];

  test('wants to be told which, and why', async () => {
    expect(await run(because)).toMatchObject({ code: 2, stderr: expect.stringContaining('which locks?') });
    const id = await organization();
    expect(await run(['--org', id])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no --reason'),
    });
  });

  test('lists in a dry run and changes nothing; then unlocks those alone, and each event says which run', async () => {
    const id = await organization();
    const [first = '', second = ''] = await locked(id, 2);
    const byHand = await server.people.user({ organization: id });
    const api = ['--url', server.url, '--token', owner];
    expect((await runHere(['user', 'lock', byHand, ...api])).code).toBe(0);
    const wave = ['--org', id, '--cause', 'command_line'];
    const dry = await run([...wave, '--dry-run']);
    expect(dry.code).toBe(0);
    expect(
      parseLines(dry.stdout)
        .map(({ userId }) => userId)
        .sort(),
    ).toEqual([first, second].sort());
    expect(await stateOf(first)).toBe('locked');

    const looked = await run([...wave, '--preview']);
    expect(parseLines(looked.stdout)).toMatchObject([
      { count: 2, causes: [{ cause: 'command_line', count: 2 }], notPermitted: 0 },
    ]);

    const ended = await run([...wave, ...because, '--ticket', '4711', '--run', 'night-of-alarms']);
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' });
    const items = parseLines(ended.stdout);
    const runId = items[0]?.run;
    expect(items).toMatchObject([
      { outcome: 'unlocked', generation: 2, run: runId },
      { outcome: 'unlocked', generation: 2, run: runId },
    ]);
    expect([await stateOf(first), await stateOf(second), await stateOf(byHand)]).toEqual([
      'active',
      'active',
      'locked',
    ]);
    const events = await runHere(['events', '--user', first, '--type', 'user.unlocked', '--json', ...api]);
    expect(parseLines(events.stdout)).toMatchObject([
      { payload: { ticket: '4711', runId }, actor: { reason: 'false alarm' } },
    ]);
    // The same line again finds nothing left.
    expect(await run([...wave, ...because])).toMatchObject({ code: 0, stdout: '' });
  });

  test('who is unlocked, or locked anew, while it runs is left as they are, and told', async () => {
    const id = await organization();
    const ids: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      ids.push(await server.people.user({ organization: id, state: 'locked' }));
    }
    const [first = '', again = '', free = ''] = ids.sort();
    const running = run(['--org', id, '--rate', '1', ...because]);
    for (let look = 0; look < 200 && (await stateOf(first)) !== 'active'; look += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await server.people.act(again, 'unlock');
    await server.people.act(again, 'lock');
    await server.people.act(free, 'unlock');
    const { code, stdout, stderr } = await running;
    expect(code).toBe(5);
    expect(parseLines(stdout).map(({ userId, outcome }) => [userId, outcome])).toEqual([
      [first, 'unlocked'],
      [again, 'newer_lock'],
      [free, 'not_locked'],
    ]);
    expect(stderr).toContain('2 of 3 were not unlocked: 1 newer_lock, 1 not_locked');
    expect(await stateOf(again)).toBe('locked');
  });

  test('a hundred go without a word; one more wants --yes and the right count', async () => {
    const id = await organization();
    await locked(id, 101);
    const wave = ['--org', id, ...because];
    for (const [yes, said] of [
      [[], '101 locks would end'],
      [['--yes', '100'], 'There are 101 locks, not 100'],
    ] as const) {
      expect(await run([...wave, ...yes])).toMatchObject({
        code: 5,
        stdout: '',
        stderr: expect.stringContaining(said),
      });
    }
    const one = await organization();
    await locked(one, 1);
    const alone = ['--org', one, ...because];
    expect(await run([...alone, '--yes', '2'])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('There is 1 lock, not 2'),
    });
    const api = ['--url', server.url, '--token', owner];
    expect((await runHere(['lock', 'unlock-all', '--org', one, '--preview', ...api])).stdout).toMatch(
      /^1 lock\n/,
    );
    // Who only unlocks is told why, and when.
    const unlocker = await callerIn(id, 'ORG_USER_UNLOCKER');
    const { url } = server;
    const looked = await runHere([
      'lock',
      'unlock-all',
      '--org',
      id,
      '--preview',
      '--url',
      url,
      '--token',
      unlocker,
    ]);
    expect(looked.stdout).toMatch(
      /^ {2}not permitted: 101, who will stay locked; more than 100 take user\.unlock\.bulk$/m,
    );
    const done = await run([...wave, '--yes', '101']);
    expect(done.code).toBe(0);
    expect(parseLines(done.stdout)).toHaveLength(101);
    await locked(id, 100);
    expect((await run(wave)).code).toBe(0);
    await locked(id, 100);
    expect((await run(wave, unlocker)).code).toBe(0);
    await locked(id, 1);
    const { code, stderr } = await run(wave, unlocker);
    expect({ code, ...JSON.parse(stderr) }).toMatchObject({
      code: 6,
      error: { message: expect.stringMatching(/; again in (59|60) minutes$/), reason: 'RUNS_WITHOUT_BULK' },
    });
  });

  test('reaches what the caller reads, and ends what the caller may end', async () => {
    const [own, other] = [await organization(), await organization()];
    const [mine = ''] = await locked(own, 1);
    const [theirs = ''] = await locked(other, 1);
    const viewer = await callerIn(own, 'ORG_OWNER_VIEWER');
    const wave = ['--since', '2020-01-01', ...because];
    expect(parseLines((await run([...wave, '--preview'], viewer)).stdout)).toMatchObject([
      { count: 1, notPermitted: 1 },
    ]);
    expect(await run(wave, viewer)).toMatchObject({ code: 4, stdout: '' });
    const unlocker = await callerIn(own, 'ORG_USER_UNLOCKER');
    expect(parseLines((await run(wave, unlocker)).stdout)).toMatchObject([
      { userId: mine, outcome: 'unlocked' },
    ]);
    expect(await stateOf(theirs)).toBe('locked');
    expect((await run(wave, '1.nobody')).code).toBe(4);
  });

  test('more than a hundred are nothing for an unlocker', async () => {
    const id = await organization();
    await locked(id, 101);
    const unlocker = await callerIn(id, 'ORG_USER_UNLOCKER');
    expect(await run(['--org', id, '--yes', '101', ...because], unlocker)).toMatchObject({ code: 4 });
  });

  test('a run is listed, shown, and taken back', async () => {
    const id = await organization();
    const [first = '', second = ''] = [...(await locked(id, 2))].sort();
    const done = await run(['--org', id, ...because]);
    const runId = String(parseLines(done.stdout)[0]?.run);
    const api = ['--json', '--url', server.url, '--token', owner];
    const listed = parseLines((await runHere(['lock', 'runs', '--limit', '1', ...api])).stdout);
    expect(listed).toMatchObject([{ runId, state: 'done', total: 2, outcomes: { unlocked: 2 } }]);
    expect(parseLines((await runHere(['lock', 'run', runId, ...api])).stdout)).toEqual(listed);
    await server.people.act(second, 'deactivate');
    const back = await runHere(['lock', 'revert', runId, '--reason', 'it was real', ...api]);
    expect(back.code).toBe(5);
    expect(back.stderr).toContain('1 of 2 was not locked again: 1 changed');
    expect(parseLines(back.stdout)).toMatchObject([
      { userId: first, outcome: 'locked_again' },
      { userId: second, outcome: 'changed', why: 'user.deactivated' },
    ]);
    const items = ['--items', '--outcome', 'changed'];
    const reverting = String(parseLines(back.stdout)[0]?.run);
    const changed = await runHere(['lock', 'run', reverting, ...items, ...api]);
    expect(parseLines(changed.stdout)).toMatchObject([{ userId: second }]);
    expect((await runHere(['lock', 'cancel', runId, ...api])).code).toBe(5);
    expect((await runHere(['lock', 'run', 'nothing', ...api])).code).toBe(3);
  });
});

test.each(stores)('on the database itself, without a server, on %s', async (_, openDatabase) => {
  await using empty = await openDatabase();
  const { database } = empty;
  const ids: string[] = [];
  {
    await using server = await startServer({ database });
    await server.people.organization('acme');
    for (let count = 0; count < 3; count += 1) {
      ids.push(await server.people.user({ organization: 'acme', state: 'locked' }));
    }
  }
  const onDatabase = ['--json', '--db', database];
  const since = ['--since', '2020-01-01'];
  const done = await runHere(['lock', 'unlock-all', ...since, '--reason', 'alarm', ...onDatabase]);
  expect({ code: done.code, stderr: done.stderr }).toEqual({ code: 0, stderr: '' });
  expect(parseLines(done.stdout).map(({ userId, outcome }) => [userId, outcome])).toEqual(
    ids.sort().map((userId) => [userId, 'unlocked']),
  );
  const runId = String(parseLines(done.stdout)[0]?.run);
  const back = await runHere(['lock', 'revert', runId, '--reason', 'real', ...onDatabase]);
  expect({ code: back.code, stderr: back.stderr }).toEqual({ code: 0, stderr: '' });
});
