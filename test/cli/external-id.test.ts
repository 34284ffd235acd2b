import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Door, openDoor } from '../support/door.ts';
import { bothWays, openFolder, parseLines, runHere, type ServeProcess, startServe } from './run-cli.ts';

const cleanup = new AsyncDisposableStack();
let server: ServeProcess;
let door: Door;

beforeAll(async () => {
  const folder = cleanup.use(await openFolder());
  server = cleanup.use(await startServe(folder.path));
  door = cleanup.use(openDoor(server.url, server.token));
});
afterAll(() => cleanup.disposeAsync());

let made = 0;

describe.each(bothWays(() => server))('through $way', ({ flags }) => {
  const done = async (argv: readonly string[], input = '') => {
    const { code, stdout, stderr } = await runHere([...argv, ...flags(), '--json'], input);
    expect({ argv, code, stderr }).toEqual({ argv, code: 0, stderr: '' });
    return JSON.parse(stdout);
  };
  const refused = async (...argv: readonly string[]) => {
    const { code, stderr } = await runHere([...argv, ...flags(), '--json']);
    return { ...JSON.parse(stderr).error, exit: code };
  };
  const organization = async (): Promise<string> =>
    (await done(['org', 'create', `Shop ${++made}`])).organizationId;
  const person = (email: string) => ['--given-name', 'Ada', '--family-name', 'Roe', '--email', email];

  test('a person is made with it, signs in, and is found by it', async () => {
    const org = await organization();
    const email = `ada${made}@shop.example`;
    const argv = ['user', 'create', '--org', org, '--external-id', 'crm 1', ...person(email)];
    const { userId } = await done([...argv, '--email-verified', '--password'], 'correct horse\n');
    expect(await door.user(userId)).toMatchObject({
      ...{ state: 'USER_STATE_ACTIVE', externalId: 'crm 1' },
      human: { email: { email, isVerified: true } },
    });
    const checks = { user: { userId }, password: { password: 'correct horse' } };
    expect((await door.ask('CreateSession', { checks })).code).toBe('OK');
    const again = await refused(...argv);
    expect(again).toMatchObject({
      exit: 5,
      code: 'already_exists',
      message: expect.stringContaining(userId),
    });
    // Whole, as an id is known or is not.
    const found = async (text: string) => {
      const { stdout } = await runHere(['user', 'find', text, ...flags(), '--json']);
      return parseLines(stdout).map((row) => row.userId);
    };
    expect(await found('crm 1')).toContain(userId);
    expect(await found('rm 1')).toEqual([]);
    const initial = await done([
      ...['user', 'create', '--org', org, '--external-id', 'crm 2', ...person(`b${email}`)],
    ]);
    expect(await door.user(initial.userId)).toMatchObject({ state: 'USER_STATE_INITIAL' });
  });

  test('it makes a user by itself, whom a help desk unlocks by it', async () => {
    const org = await organization();
    const externalId = `customer ${made}`;
    const { userId } = await done(['user', 'create', '--org', org, '--external-id', externalId]);
    expect(await done(['user', 'show', externalId])).toMatchObject({ userId, type: 'external', externalId });
    await done(['user', 'lock', externalId, '--reason', 'seen abroad']);
    expect(await door.user(userId)).toMatchObject({ state: 'USER_STATE_LOCKED' });
    expect(await done(['unlock', externalId])).toMatchObject({ userId, state: 'active' });
    expect(await done(['user', 'show', '--login', externalId])).toMatchObject({ userId });
    expect(await refused('user', 'show', 'nobody at all')).toMatchObject({ exit: 3 });
  });

  test('what several organizations call somebody of theirs means nobody', async () => {
    const externalId = `shared ${++made}`;
    for (const org of [await organization(), await organization()]) {
      await done(['user', 'create', '--org', org, '--external-id', externalId]);
    }
    expect(await refused('unlock', externalId)).toMatchObject({
      ...{ exit: 7, message: expect.stringMatching(/^Several users have the name/) },
    });
  });

  test('a user name that is what an application calls somebody else means nobody', async () => {
    const [org, elsewhere] = [await organization(), await organization()];
    const name = `customer-${made}`;
    await done(['user', 'create', '--org', org, '--external-id', name]);
    const named = ['--user-name', name, '--machine', '--name', 'Bot'];
    await done(['user', 'create', '--org', elsewhere, ...named]);
    const message = expect.stringMatching(/^Several users have the name/);
    expect(await refused('user', 'lock', name)).toMatchObject({ exit: 7, message });
    expect(await refused('grant', 'add', name, 'IAM_OWNER')).toMatchObject({ exit: 7, message });
  });

  test('it is changed by itself, to one that nobody has', async () => {
    const org = await organization();
    const [first, second] = [`first ${made}`, `second ${made}`];
    const { userId } = await done(['user', 'create', '--org', org, ...person(`cyd${made}@shop.example`)]);
    const other = await done(['user', 'create', '--org', org, '--external-id', second]);
    expect(await done(['user', 'update', userId, '--external-id', first])).toMatchObject({ userId });
    expect(await done(['user', 'show', first])).toMatchObject({ userId, externalId: first });
    expect(await refused('user', 'update', first, '--external-id', second)).toMatchObject({
      ...{ exit: 5, code: 'already_exists', id: 'LATCH-us3rname' },
    });
    expect(await done(['user', 'show', second])).toMatchObject({ userId: other.userId });
    expect(await refused('user', 'update', userId, '--external-id', 'x', '--nick-name', 'y')).toMatchObject({
      ...{ exit: 2, message: '--external-id is given by itself, without --nick-name' },
    });
    expect(await refused('user', 'update', userId, '--external-id', 'x'.repeat(201))).toMatchObject({
      exit: 7,
    });
    const machine = await done(['user', 'create', '--org', org, '--machine', '--name', 'Bot']);
    expect(await refused('user', 'update', machine.userId, '--external-id', 'x')).toMatchObject({ exit: 5 });
    expect(await refused('user', 'update', '404', '--external-id', 'x')).toMatchObject({ exit: 3 });
    const listed = await runHere(['user', 'list', '--external-id', first, ...flags(), '--json']);
    expect(parseLines(listed.stdout)).toMatchObject([{ userId }]);
  });

  test('it is taken away by itself, and is free for another', async () => {
    const org = await organization();
    const [mail, externalId] = [`dee${made}@shop.example`, `dee ${made}`];
    const named = ['--external-id', externalId, ...person(mail)];
    const { userId } = await done(['user', 'create', '--org', org, ...named]);
    expect(await refused('user', 'update', userId, '--external-id', '')).toMatchObject({ exit: 7 });
    expect(await refused('user', 'update', userId, '--no-external-id', '--external-id', 'x')).toMatchObject({
      ...{ exit: 2, message: '--external-id is given by itself, without --no-external-id' },
    });
    expect(await refused('user', 'update', userId, '--no-external-id', '--email', mail)).toMatchObject({
      ...{ exit: 2, message: '--no-external-id is given by itself, without --email' },
    });
    const { changeDate } = await done(['user', 'update', externalId, '--no-external-id']);
    const { externalId: left, ...shown } = await done(['user', 'show', userId]);
    expect([left, shown]).toEqual([undefined, expect.objectContaining({ email: mail, changeDate })]);
    expect(await done(['user', 'update', userId, '--no-external-id'])).toEqual({ userId, changeDate });
    expect(await refused('user', 'show', externalId)).toMatchObject({ exit: 3 });
    const { stdout } = await runHere(['user', 'history', userId, ...flags(), '--json']);
    expect(parseLines(stdout).map(({ type }) => type)).toContain('user.external.id.removed');
    const next = await done(['user', 'create', '--org', org, '--external-id', externalId]);
    expect(await done(['user', 'show', externalId])).toMatchObject({ userId: next.userId });
    expect(await refused('user', 'update', next.userId, '--no-external-id')).toMatchObject({
      ...{ exit: 5, id: 'LATCH-us3rk1nd', message: expect.stringContaining('nothing but the external id') },
    });
    expect(await refused('user', 'update', '404', '--no-external-id')).toMatchObject({ exit: 3 });
  });

  test.each([
    [['--machine', '--name', 'Bot', '--external-id', 'x'], '--external-id is for human users'],
    [['--external-id', 'x', '--given-name', 'Ada'], '--family-name is missing'],
    [['--external-id', 'x', '--password'], '--given-name is missing'],
    [['--external-id', 'x', '--name', 'Ada'], '--name is for machine users'],
  ])('user create %j is a wrong usage', async (argv, message) => {
    expect(await refused('user', 'create', ...argv)).toMatchObject({
      ...{ exit: 2, message: expect.stringContaining(message) },
    });
  });
});
