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

    const ended = await run([...wave, ...because, '--ticket', '4711', '--run', 'night-of-alarms']);
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' });
    expect(parseLines(ended.stdout)).toMatchObject([
      { outcome: 'unlocked', generation: 2, run: 'night-of-alarms' },
      { outcome: 'unlocked', generation: 2, run: 'night-of-alarms' },
    ]);
    expect([await stateOf(first), await stateOf(second), await stateOf(byHand)]).toEqual([
      'active',
      'active',
      'locked',
    ]);
    const events = await runHere(['events', '--user', first, '--type', 'user.unlocked', '--json', ...api]);
    expect(parseLines(events.stdout)).toMatchObject([
      { payload: { ticket: '4711', requestId: 'night-of-alarms' }, actor: { reason: 'false alarm' } },
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
    const done = await run([...wave, '--yes', '101']);
    expect(done.code).toBe(0);
    expect(parseLines(done.stdout)).toHaveLength(101);
    await locked(id, 100);
    expect((await run(wave)).code).toBe(0);
  });

  test('reaches what the caller reads, and ends what the caller may end', async () => {
    const [own, other] = [await organization(), await organization()];
    const [mine = ''] = await locked(own, 1);
    const [theirs = ''] = await locked(other, 1);
    const viewer = await callerIn(own, 'ORG_OWNER_VIEWER');
    const wave = ['--since', '2020-01-01', ...because];
    const refused = await run(wave, viewer);
    expect(refused.code).toBe(5);
    expect(parseLines(refused.stdout)).toMatchObject([{ userId: mine, outcome: 'not_permitted' }]);
    const unlocker = await callerIn(own, 'ORG_USER_UNLOCKER');
    expect(parseLines((await run(wave, unlocker)).stdout)).toMatchObject([
      { userId: mine, outcome: 'unlocked' },
    ]);
    expect(await stateOf(theirs)).toBe('locked');
    expect((await run(wave, '1.nobody')).code).toBe(4);
  });
});
