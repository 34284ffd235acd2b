import { userInfo } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Door, openDoor } from '../support/door.ts';
import { openFolder, parseLines, runHere, type ServeProcess, startServe } from './run-cli.ts';

const cleanup = new AsyncDisposableStack();
let server: ServeProcess;
let door: Door;
let adminId: string;

beforeAll(async () => {
  const folder = cleanup.use(await openFolder());
  server = cleanup.use(await startServe(folder.path));
  door = cleanup.use(openDoor(server.url, server.token));
  const list = ['user', 'list', '--type', 'machine', '--json', '--db', server.database];
  adminId = String(parseLines((await runHere(list)).stdout)[0]?.userId);
});
afterAll(() => cleanup.disposeAsync());

const ways = [
  { way: 'a server', flags: () => ['--url', server.url, '--token', server.token], cause: 'administrator' },
  { way: 'the database', flags: () => ['--db', server.database], cause: 'command_line' },
];
let made = 0;

describe.each(ways)('through $way', ({ flags, cause }) => {
  const run = (...argv: string[]) => runHere([...argv, ...flags()]);
  const done = async (...argv: string[]) => {
    const { code, stdout, stderr } = await run(...argv, '--json');
    expect({ argv, code, stderr }).toEqual({ argv, code: 0, stderr: '' });
    return JSON.parse(stdout);
  };
  const lines = async (...argv: string[]) => parseLines((await run(...argv, '--json')).stdout);
  const refused = async (...argv: string[]) => {
    const { code, stderr } = await run(...argv, '--json');
    return { ...JSON.parse(stderr).error, code };
  };
  const organization = async () => (await done('org', 'create', `Acme ${++made}`)).organizationId;
  const person = async (org?: string) => {
    const organizationId = org ?? (await organization());
    const message = {
      ...{ organizationId, username: `person${++made}` },
      human: {
        profile: { givenName: 'Gil', familyName: 'Roth' },
        email: { email: `person${made}@acme.example`, isVerified: true },
        password: { password: 'correct horse' },
      },
    };
    return String((await door.ask('CreateUser', message)).response.id);
  };

  test('locks for a while, shows the lock, and unlocks with what a help desk writes down', async () => {
    const userId = await person();
    const locked = await done('user', 'lock', userId, '--for', '30m', '--reason', 'phone stolen');
    expect(locked).toMatchObject({ userId, state: 'locked', sequence: 2, generation: 2 });
    const lastsMs = Date.parse(locked.until) - Date.parse(locked.changeDate);
    expect(Math.abs(lastsMs - 1_800_000)).toBeLessThan(10_000);
    const lockedBy = cause === 'administrator' ? adminId : userInfo().username;
    const lock = await done('lock', 'show', userId);
    expect(lock).toMatchObject({ userId, cause, lockedBy, reason: 'phone stolen', until: locked.until });
    expect(lock).toMatchObject({ since: locked.changeDate, generation: 2, failedAttempts: 0 });

    const said = ['--ticket', '4711', '--identified-by', 'called back', '--reason', 'found again'];
    const unlocked = await done('user', 'unlock', userId, ...said, '--generation', '2');
    expect(unlocked).toMatchObject({ state: 'active', sequence: 3, generation: 2 });
    const [event] = await lines('events', '--user', userId, '--type', 'user.unlocked');
    expect(event).toMatchObject({
      payload: { cause, generation: 2, ticket: '4711', identification: 'called back' },
      actor: { reason: 'found again' },
    });
    expect(await refused('lock', 'show', userId)).toMatchObject({ code: 3, id: 'LATCH-l0ckn0ne' });
  });

  test('locks until a time', async () => {
    const userId = await person();
    const until = new Date(Date.now() + 86_400_000).toISOString();
    expect((await done('user', 'lock', userId, '--until', until)).until).toBe(until);
    expect((await run('lock', 'show', userId)).stdout).toMatch(new RegExp(`^until +${until}$`, 'm'));
  });

  test('a stale generation, an end in the past and a ticket too long are refused', async () => {
    const userId = await person();
    expect(await refused('user', 'lock', userId, '--until', '2020-01-01')).toMatchObject({
      code: 7,
      id: 'LATCH-l0ckend1',
    });
    await done('user', 'lock', userId);
    expect(await refused('user', 'unlock', userId, '--generation', '9')).toMatchObject({
      code: 5,
      reason: 'LOCK_IS_ANOTHER',
    });
    expect(await refused('user', 'unlock', userId, '--ticket', 'x'.repeat(201))).toMatchObject({ code: 7 });
    expect((await done('lock', 'show', userId)).generation).toBe(2);
  });

  test('lists locks by organization and cause', async () => {
    const org = await organization();
    const [one, other] = [await person(org), await person(org)];
    await done('user', 'lock', one);
    await done('user', 'lock', other);
    const ids = async (...filter: string[]) =>
      (await lines('lock', 'list', '--org', org, ...filter)).map(({ userId }) => userId);
    expect(await ids()).toEqual([one, other]);
    expect(await ids('--cause', cause)).toEqual([one, other]);
    expect(await ids('--cause', 'policy')).toEqual([]);
    expect(await ids('--limit', '1', '--offset', '1')).toEqual([other]);
    const { stdout } = await run('lock', 'list', '--org', org);
    expect(stdout).toMatch(/^ID +LOGIN NAME +ORGANIZATION +CAUSE +SINCE +UNTIL +BY +GENERATION +REASON$/m);
  });

  test('explains why somebody cannot sign in, after wrong passwords too', async () => {
    const org = await organization();
    const userId = await person(org);
    expect(await done('lock', 'explain', userId)).toMatchObject({
      canSignIn: true,
      obstacles: [],
      devices: [],
    });
    await done('policy', 'set', '--org', org, '--attempts', '2', '--lock-for', '1h');
    for (const password of ['wrong 1', 'wrong 2']) {
      const checks = { user: { userId }, password: { password } };
      await door.ask('CreateSession', { checks });
    }
    const found = await done('lock', 'explain', userId);
    expect(found).toMatchObject({ canSignIn: false, state: 'locked', attemptsLeft: 0 });
    expect(found.lock).toMatchObject({ cause: 'policy', failedAttempts: 2, generation: 4 });
    expect(found.obstacles).toMatchObject([{ code: 'LOCKED_BY_POLICY', sparesKnownDevices: true }]);
    expect(found.obstacles[0].ends).toBe(found.lock.until);
    expect((await done('lock', 'show', userId)).failedSignIns).toHaveLength(2);
    const { stdout } = await run('lock', 'explain', userId);
    expect(stdout).toContain('  what helps: Unlock the user, or wait for the end.\n');
    expect((await run('lock', 'show', userId)).stdout).toMatch(/^FAILED SIGN-IN +FROM +WITH$/m);
  });

  test('sets, shows and resets policies', async () => {
    const org = await organization();
    const defaults = { source: 'default', maxPasswordAttempts: 10, lockSeconds: 0, knownDevices: true };
    expect(await done('policy', 'show')).toMatchObject(defaults);
    expect(await done('policy', 'show', '--org', org)).toMatchObject({ ...defaults, organizationId: org });
    const times = ['--window', '15m', '--lock-for', '30m', '--growth', '2', '--lock-for-max', '1d'];
    const counts = ['--attempts', '5', '--address-failures', '0'];
    const switches = ['--known-devices', 'off', '--repeats-count-once', 'off', '--reset-unlocks', 'on'];
    const wanted = {
      ...{ source: 'organization', organizationId: org, maxPasswordAttempts: 5, windowSeconds: 900 },
      ...{ lockSeconds: 1_800, lockGrowth: 2, lockSecondsMax: 86_400, knownDevices: false },
      ...{ repeatsCountOnce: false, addressFailuresMax: 0, resetUnlocks: true },
    };
    expect(await done('policy', 'set', '--org', org, ...counts, ...times, ...switches)).toEqual(wanted);
    expect(await done('policy', 'show', '--org', org)).toEqual(wanted);
    expect((await run('policy', 'show', '--org', org)).stdout).toMatch(/^lock for +1800 s$/m);
    expect(await done('policy', 'set', '--attempts', '8')).toMatchObject({ source: 'instance' });
    expect(await done('policy', 'reset', '--org', org)).toMatchObject({ maxPasswordAttempts: 8 });
    expect(await done('policy', 'reset')).toMatchObject(defaults);
    expect(await refused('policy', 'reset')).toMatchObject({ code: 3, reason: 'POLICY_NOT_SET' });
    expect(await refused('policy', 'set', '--attempts', '101')).toMatchObject({ code: 7 });
  });

  test.each([
    [['user', 'lock', '1', '--for', '30'], /--for must be like 90s, 30m, 12h, 7d or 2w, not "30"/],
    [['user', 'lock', '1', '--for', '1h', '--until', '2031-01-31'], /give --for or --until, not both/],
    [['user', 'lock', '1', '--until', 'noon'], /--until must be like 2031-01-31 or /],
    [
      ['user', 'lock', '1', '--until', '2031-02-29'],
      /--until must be like 2031-01-31 or .* not "2031-02-29"/,
    ],
    [['policy', 'set'], /nothing to set/],
    [['policy', 'set', '--known-devices', 'yes'], /--known-devices must be one of on, off/],
    [['lock', 'show'], /no user: give the user id, or --login NAME/],
  ])('%j is wrong usage', async (argv, message) => {
    expect(await refused(...argv)).toMatchObject({ code: 2, message: expect.stringMatching(message) });
  });
});
