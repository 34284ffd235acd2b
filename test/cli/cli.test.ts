import { userInfo } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openFolder, parseLines, runHere, type ServeProcess, startServe } from './run-cli.ts';

const cleanup = new AsyncDisposableStack();
let server: ServeProcess;
let adminId: string;

beforeAll(async () => {
  const folder = cleanup.use(await openFolder());
  server = cleanup.use(await startServe(folder.path, ['--demo']));
  const [admin] = parseLines(
    (await runHere(['user', 'list', '--type', 'machine', '--json', '--db', server.database])).stdout,
  );
  adminId = String(admin?.userId);
});
afterAll(() => cleanup.disposeAsync());

const flagsOf = {
  'a server': () => ['--url', server.url, '--token', server.token],
  'the database': () => ['--db', server.database],
};

/** Both ways in; every command must do the same through either. */
const ways = Object.entries(flagsOf).map(([way, flags]) => ({ way, flags }));
let made = 0;
const unique = (name: string): string => `${name}${++made}`;

/** The commands of one way in: `done` demands success and answers the document. */
function through(flags: () => readonly string[]) {
  const run = (argv: readonly string[], input?: string | Buffer) => runHere([...argv, ...flags()], input);
  const done = async (argv: readonly string[], input?: string) => {
    const { code, stdout, stderr } = await run([...argv, '--json'], input);
    expect({ argv, code, stderr }).toEqual({ argv, code: 0, stderr: '' });
    return JSON.parse(stdout);
  };
  const lines = async (argv: readonly string[]) => {
    const { code, stdout, stderr } = await run([...argv, '--json']);
    expect({ argv, code, stderr }).toEqual({ argv, code: 0, stderr: '' });
    return parseLines(stdout);
  };
  const refused = async (argv: readonly string[], input?: string | Buffer) => {
    const { code, stdout, stderr } = await run([...argv, '--json'], input);
    expect(stdout).toBe('');
    return { ...JSON.parse(stderr).error, code };
  };
  const person = async (...more: string[]) => {
    const name = unique('person');
    const profile = ['--given-name', 'Gil', '--family-name', 'Roth', '--email', `${name}@acme.example`];
    const org = more.includes('--org') ? [] : ['--org', await organization()];
    const { userId } = await done(['user', 'create', ...profile, '--user-name', name, ...org, ...more]);
    return { name, userId: String(userId) };
  };
  const organization = async () => (await done(['org', 'create', unique('Acme ')])).organizationId;
  const machine = async () => {
    const org = ['--org', await organization()];
    return (await done(['user', 'create', '--machine', '--name', 'Import', ...org])).userId;
  };
  return { run, done, lines, refused, person, organization, machine };
}

describe.each(ways)('through $way', ({ flags }) => {
  const { run, done, lines, refused, person, organization, machine } = through(flags);

  test('makes and lists organizations', async () => {
    const domain = `${unique('dom')}.example`;
    const org = await done(['org', 'create', 'Acme Ltd', '--domain', domain, '--id', unique('org-')]);
    expect(org).toMatchObject({ name: 'Acme Ltd', domain, organizationId: expect.stringMatching(/^org-/) });
    expect(await lines(['org', 'list', '--all'])).toContainEqual(org);
    expect(await refused(['org', 'create', 'Other', '--domain', domain])).toMatchObject({
      code: 5,
      reason: 'ORGANIZATION_EXISTS',
      id: 'LATCH-0rgdup1c',
    });
  });

  test('makes a human with every field, and shows it', async () => {
    const org = await organization();
    const name = unique('gil');
    const fields = [
      ...['--given-name', 'Gil', '--family-name', 'Roth', '--email', `${name}@acme.example`],
      ...['--email-verified', '--display-name', 'Gilly', '--nick-name', 'G', '--language', 'en'],
      ...['--gender', 'diverse', '--phone', '+41 1', '--phone-verified', '--password', '--change-required'],
    ];
    const user = ['--id', unique('user-'), '--user-name', name, '--org', org];
    const { userId } = await done(['user', 'create', ...fields, ...user], 'correct horse\n');
    const shown = await done(['user', 'show', userId]);
    expect(shown).toMatchObject({
      ...{ state: 'active', type: 'human', userName: name, displayName: 'Gilly', phone: '+41 1' },
      ...{ email: `${name}@acme.example`, organizationId: org, sequence: 1, failedPasswordAttempts: 0 },
      ...{ grants: [], stateSince: shown.creationDate },
    });
    const { profile, password } = shown.events[0].payload;
    expect(profile).toMatchObject({ nickName: 'G', preferredLanguage: 'en', gender: 'diverse' });
    expect(password).toEqual({ changeRequired: true });
    expect(JSON.stringify(shown)).not.toContain('correct horse');
  });

  test('makes a machine', async () => {
    const org = ['--org', await organization()];
    const named = ['--machine', '--name', 'Nightly import', '--description', 'at two'];
    const { userId } = await done(['user', 'create', ...named, ...org]);
    const shown = await done(['user', 'show', userId]);
    expect(shown).toMatchObject({ type: 'machine', state: 'active', displayName: 'Nightly import' });
    expect(shown.email).toBeUndefined();
  });

  test('lists by state, type, organization and text, page by page', async () => {
    const org = await organization();
    const [first, second] = [await person('--org', org), await person('--org', org)];
    await done(['user', 'lock', second.userId]);
    const ids = async (...filter: string[]) =>
      (await lines(['user', 'list', '--org', org, ...filter])).map(({ userId }) => userId);
    expect(await ids()).toEqual([first.userId, second.userId]);
    expect(await ids('--state', 'locked')).toEqual([second.userId]);
    expect(await ids('--type', 'machine')).toEqual([]);
    expect(await ids('--search', first.name.toUpperCase())).toEqual([first.userId]);
    expect(await ids('--limit', '1')).toEqual([first.userId]);
    expect(await ids('--limit', '1', '--offset', '1')).toEqual([second.userId]);
    expect(await ids('--all')).toEqual([first.userId, second.userId]);
    const table = await run(['user', 'list', '--org', org, '--limit', '1']);
    expect(table.stdout).toMatch(/^ID +STATE +TYPE +LOGIN NAME +NAME +EMAIL +ORGANIZATION\n\S+ +initial /);
    expect(table.stderr).toBe('1 of 2; the next with --offset 1, all of them with --all\n');
  });

  test('locks, unlocks, deactivates, reactivates and deletes, each with its refusal', async () => {
    const { userId } = await person();
    const steps = [
      ['unlock', 5, 'COMMAND-olb9vb0oca'],
      ['lock', 'locked'],
      ['lock', 5, 'COMMAND-lgws8wtsqf'],
      ['unlock', 'active'],
      ['reactivate', 5, 'COMMAND-s5qqcz97hf'],
      ['deactivate', 'inactive'],
      ['deactivate', 5, 'COMMAND-5gunjw0cd7'],
      ['reactivate', 'active'],
      ['delete', 'deleted'],
      ['delete', 3, 'COMMAND-bd4ir1mblj'],
    ] as const;
    let sequence = 1;
    for (const [action, outcome, id] of steps) {
      const argv = ['user', action, userId, ...(action === 'delete' ? ['--yes'] : [])];
      if (id !== undefined) expect(await refused(argv)).toMatchObject({ code: outcome, id });
      else expect(await done(argv)).toMatchObject({ userId, state: outcome, sequence: ++sequence });
    }
  });

  test('tells who locked a user, when and why', async () => {
    const { name, userId } = await person();
    const locked = await done(['user', 'lock', userId, '--reason', 'téléphone volé 📱']);
    const shown = await done(['user', 'show', '--login', name.toUpperCase()]);
    expect(shown).toMatchObject({ userId, state: 'locked', stateSince: locked.changeDate });
    expect(shown.events.at(-1)).toMatchObject({ type: 'user.locked', sequence: 2 });
    const { actor } = shown.events.at(-1);
    expect(actor.reason).toBe('téléphone volé 📱');
    expect(actor.userAgent).toMatch(/^latchkey-cli/);
    const isDatabase = flags().includes('--db');
    expect(actor.osUser).toBe(isDatabase ? userInfo().username : undefined);
    expect(actor.userId).toBe(isDatabase ? undefined : adminId);
    expect(actor.ip).toBe(isDatabase ? undefined : '127.0.0.1');
    const { stdout } = await run(['user', 'show', userId]);
    expect(stdout).toContain(`state            locked since ${locked.changeDate}\n`);
    expect(stdout).toMatch(/user\.locked .*téléphone volé 📱\n$/);
  });

  test('picks nobody where a name is several users’', async () => {
    const email = `${unique('both')}@acme.example`;
    const profile = ['--given-name', 'A', '--family-name', 'B', '--email', email];
    for (const userName of [unique('one'), unique('two')]) {
      await done(['user', 'create', ...profile, '--user-name', userName, '--org', await organization()]);
    }
    const answer = await refused(['user', 'lock', '--login', email]);
    expect(answer).toMatchObject({ code: 7, message: expect.stringMatching(/^Several users .*\n {2}\d+ /) });
    expect(await refused(['user', 'lock', '--login', 'nobody'])).toMatchObject({ code: 3 });
  });

  test('makes, lists and revokes tokens', async () => {
    const userId = await machine();
    await done(['grant', 'add', userId, 'IAM_OWNER_VIEWER']);
    const { tokenId, token, expirationDate } = await done(['token', 'create', userId, '--expires', '1d']);
    expect(Date.parse(expirationDate) - Date.now()).toBeGreaterThan(86_000_000);
    const withToken = () => runHere(['org', 'list', '--url', server.url, '--token', token]);
    expect(await withToken()).toMatchObject({ code: 0 });
    expect(await lines(['token', 'list', userId])).toMatchObject([{ tokenId, userId, expirationDate }]);
    expect(await done(['token', 'revoke', token])).toMatchObject({ tokenId, userId });
    expect(await withToken()).toMatchObject({ code: 4 });
    expect(await refused(['token', 'revoke', tokenId])).toMatchObject({ code: 3 });
    expect(await refused(['token', 'create', userId, '--expires', '2020-01-31'])).toMatchObject({
      code: 7,
      reason: 'TOKEN_EXPIRATION_PAST',
    });
    expect(await refused(['token', 'create', (await person()).userId])).toMatchObject({
      code: 5,
      id: 'LATCH-t0kmach1',
    });
  });

  test('prints a new token alone on stdout', async () => {
    const { stdout, stderr } = await run(['token', 'create', await machine()]);
    expect(stdout).toMatch(/^\d+\.[\w-]{43}\n$/);
    expect(stderr).toMatch(/^token \d+ of user \d+, until .*; shown this once\n$/);
  });

  test('gives, lists and takes roles', async () => {
    const org = await organization();
    const { name, userId } = await person();
    const grant = ['ORG_USER_UNLOCKER', '--org', org];
    const row = { userId, role: 'ORG_USER_UNLOCKER', organizationId: org };
    expect(await done(['grant', 'add', '--login', name, ...grant])).toMatchObject({ ...row, sequence: 2 });
    expect(await refused(['grant', 'add', userId, ...grant])).toMatchObject({ code: 5 });
    expect(await lines(['grant', 'list', userId])).toEqual([row]);
    expect(await lines(['grant', 'list', '--org', org])).toEqual([row]);
    expect((await done(['user', 'show', userId])).grants).toEqual([
      { role: 'ORG_USER_UNLOCKER', organizationId: org },
    ]);
    expect(await done(['grant', 'remove', userId, ...grant])).toMatchObject({ ...row, sequence: 3 });
    expect(await refused(['grant', 'remove', userId, ...grant])).toMatchObject({ code: 3 });
    expect(await refused(['grant', 'add', userId, 'OWNER'])).toMatchObject({
      code: 7,
      reason: 'ROLE_UNKNOWN',
    });
    for (const [said, ...argv] of [
      ['--org ORG_ID', 'ORG_USER_UNLOCKER'],
      ['leave out --org', 'IAM_OWNER', '--org', org],
    ]) {
      const failure = await refused(['grant', 'add', userId, ...argv]);
      expect(failure).toMatchObject({
        code: 7,
        message: expect.stringContaining(said ?? ''),
        reason: 'ROLE_UNKNOWN',
      });
    }
  });

  test('sets a password that is typed in, or refuses it', async () => {
    const { userId } = await person();
    expect(await done(['user', 'set-password', userId], 'correct horse')).toMatchObject({ sequence: 2 });
    expect(await refused(['user', 'set-password', userId], '')).toMatchObject({ code: 7 });
    expect(await refused(['user', 'set-password', userId], 'x'.repeat(201))).toMatchObject({ code: 7 });
    expect(await refused(['user', 'set-password', userId], 'x'.repeat(5_000))).toMatchObject({ code: 7 });
    const latin1 = Buffer.from('más que ocho', 'latin1');
    expect(await refused(['user', 'set-password', userId], latin1)).toMatchObject({ code: 7 });
    expect(await refused(['user', 'set-password', await machine()], 'x')).toMatchObject({ code: 5 });
  });

  test('lists events by position, user and type', async () => {
    const { userId } = await person();
    await done(['user', 'lock', userId]);
    await done(['user', 'unlock', userId]);
    const events = await lines(['events', '--user', userId]);
    expect(events.map(({ type }) => type)).toEqual(['user.human.added', 'user.locked', 'user.unlocked']);
    const after = String(events[0]?.position);
    expect(await lines(['events', '--user', userId, '--after', after])).toEqual(events.slice(1));
    expect(await lines(['events', '--user', userId, '--limit', '2'])).toEqual(events.slice(0, 2));
    expect(await lines(['events', '--user', userId, '--type', 'user.locked'])).toEqual([events[1]]);
    expect((await lines(['events', '--all'])).slice(-3)).toEqual(events);
  });

  test('follows events until it has enough', async () => {
    const { userId } = await person();
    const followed = lines(['events', '--follow', '--user', userId, '--limit', '3']);
    await done(['user', 'lock', userId]);
    await done(['user', 'unlock', userId]);
    expect((await followed).map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  });

  test('shows what a terminal would obey as an escape', async () => {
    const { userId } = await person('--display-name', 'red \u001b[31m \u009b31m \u202e');
    const { stdout } = await run(['user', 'show', userId]);
    expect(stdout).toContain('red \\u001b[31m \\u009b31m \\u202e\n');
    const json = (await run(['user', 'show', userId, '--json'])).stdout;
    expect([...json].filter((character) => '\u001b\u009b'.includes(character))).toEqual([]);
    expect(JSON.parse(json).displayName).toBe('red \u001b[31m \u009b31m \u202e');
  });

  test('refuses what breaks a field rule', async () => {
    const long = 'x'.repeat(201);
    const invalid = [
      ['user', 'unlock', long],
      ['user', 'unlock', ''],
      ['user', 'lock', '1', '--reason', 'x'.repeat(501)],
      ['org', 'create', long],
      ['org', 'create', 'A', '--domain', 'no domain'],
      ['user', 'create', '--machine', '--name', long, '--org', await organization()],
    ];
    for (const argv of invalid) expect(await refused(argv)).toMatchObject({ code: 7 });
  });
});

test('both ways show the same rows', async () => {
  for (const argv of [['user', 'list'], ['org', 'list'], ['grant', 'list'], ['token', 'list'], ['events']]) {
    const [remote, local] = await Promise.all(
      ways.map(({ flags }) => runHere([...argv, '--all', '--json', ...flags()])),
    );
    expect(remote).toMatchObject({ code: 0 });
    expect(local).toMatchObject({ code: 0 });
    expect(parseLines(remote?.stdout ?? '')).toEqual(parseLines(local?.stdout ?? ''));
  }
});
