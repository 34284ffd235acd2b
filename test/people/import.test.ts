import { readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { columns } from '../../src/cli/people/columns.ts';
import { verify } from '../../src/queries/verify/verify.ts';
import { isOwnHash } from '../../src/sign-in/password.ts';
import { openStore } from '../../src/store/open.ts';
import { archiveKinds } from '../../src/store/store.ts';
import { openFolder, runHere, spawnCli } from '../cli/run-cli.ts';
import { blocks, page, section, shellCommands, shellWords } from '../readme/blocks.ts';
import { type Door, openDoor } from '../support/door.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { openEmptyDatabase, stores } from '../support/stores.ts';
import { otherPrograms } from '../users/other-programs.ts';
import { type ImportFiles, openFiles } from './file.ts';

const bcrypt = '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';
const password = 'U*U';
const header =
  'id,user_name,given_name,family_name,email,email_verified,state,locked_until,lock_reason,password_hash';
const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
const people = [
  `ada,ada,Ada,Moreau,ada@mail.example,true,,,,${bcrypt}`,
  `bob,,Bob,Lenz,bob@mail.example,no,inactive,,,${bcrypt}`,
  `cyd,cyd,"Cyd ""C""","Ng, jr",cyd@mail.example,1,locked,${inAnHour},seen abroad,${bcrypt}`,
  'dan,dan,Dan,Roe,dan@mail.example,,LOCKED,2020-01-01T00:00:00Z,,',
  ',eve,Eve,Stone,eve@mail.example,,initial,,,',
  ',"fay\n",Fay,Marsh,fay@mail.example,,locked,,,',
];

describe.each(stores)('people of a CSV file on %s', (kind, openDatabase) => {
  const resources = new AsyncDisposableStack();
  let server: TestServer;
  let door: Door;
  let files: ImportFiles;
  let database: string;

  beforeAll(async () => {
    ({ database } = resources.use(await openDatabase()));
    server = resources.use(await startServer({ database }));
    await server.people.organization('home');
    const token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
    door = resources.use(openDoor(server.url, token));
    const where = kind === 'sqlite' ? ['--url', server.url, '--token', token] : ['--db', database];
    files = resources.use(await openFiles([...where, '--org', 'home']));
  });
  afterAll(async () => {
    expect(await verify(server.app.store)).toMatchObject({ problems: [] });
    await resources.disposeAsync();
  });

  const idOf = async (login: string) => {
    const [userId] = await server.app.store.findLogins(login, { named: 'home' as never });
    return String(userId);
  };
  const positionOf = async () => (await server.app.store.listOrganizations('all', page0)).position;
  const page0 = { offset: 0, limit: 1, ascending: true };
  const signIn = (userId: string, guess = password) =>
    door.ask('CreateSession', { checks: { user: { userId }, password: { password: guess } } });

  test('are counted first, and a dry run writes nothing', async () => {
    const before = await positionOf();
    const { code, told, refused } = await files.bring('csv', [header, ...people].join('\r\n'), '--dry-run');
    expect({ code, refused }).toEqual({ code: 0, refused: [] });
    expect(told).toMatchObject({
      ...{ dryRun: true, rows: 6, created: 6, refused: 0 },
      states: { active: 1, inactive: 1, locked: 3, initial: 1 },
      passwords: { bcrypt: 3, none: 3 },
    });
    expect(await positionOf()).toBe(before);
  });

  test('come in their states, sign in by the password they have, and are there once', async () => {
    const text = `\ufeff${[header, ...people].join('\r\n')}\r\n`;
    const first = await files.bring('csv', text, '--reason', 'moving house');
    expect(first).toMatchObject({ code: 0, stderr: '', told: { rows: 6, created: 6, unchanged: 0 } });
    expect(await door.user('ada')).toMatchObject({ state: 'USER_STATE_ACTIVE', username: 'ada' });
    expect(await door.user('bob')).toMatchObject({
      state: 'USER_STATE_INACTIVE',
      username: 'bob@mail.example',
    });
    expect(await door.user('cyd')).toMatchObject({
      state: 'USER_STATE_LOCKED',
      human: { profile: { givenName: 'Cyd "C"', familyName: 'Ng, jr' } },
    });
    const { response } = await door.ask('GetLock', { userId: 'cyd' });
    expect(response.lock).toMatchObject({ reason: 'seen abroad', until: inAnHour, generation: '2' });
    expect(await door.user('dan')).toMatchObject({ state: 'USER_STATE_ACTIVE' });
    expect(await door.user(await idOf('eve'))).toMatchObject({ state: 'USER_STATE_INITIAL' });
    expect(await door.user(await idOf('fay'))).toMatchObject({ state: 'USER_STATE_LOCKED', username: 'fay' });
    expect((await door.events('cyd')).map(({ type }) => type)).toEqual(['user.human.added', 'user.locked']);
    expect((await door.events('ada'))[0]).toMatchObject({ actor: { reason: 'moving house' } });
    expect((await signIn('ada', 'wrong')).code).toBe('InvalidArgument');
    expect((await signIn('ada')).code).toBe('OK');
    expect((await signIn('cyd')).code).toBe('FailedPrecondition');

    const before = await positionOf();
    const second = await files.bring('csv', text);
    expect(second).toMatchObject({ code: 0, told: { created: 0, updated: 0, unchanged: 6 } });
    const update = await files.bring('csv', text, '--update');
    expect(update).toMatchObject({ code: 0, told: { created: 0, updated: 0, unchanged: 6 } });
    expect(await positionOf()).toBe(before);
  });

  test('who are there change with --update alone, and never their state or password', async () => {
    const lines = [header, `gil,gil,Gil,Old,gil@mail.example,,locked,,,${bcrypt}`];
    await files.bring('csv', lines.join('\n'));
    const changed = [header, 'gil,gil,Gil,New,gil2@mail.example,true,active,,,'].join('\n');
    expect(await files.bring('csv', changed)).toMatchObject({ told: { unchanged: 1 } });
    const before = await positionOf();
    expect(await files.bring('csv', changed, '--update', '--dry-run')).toMatchObject({
      told: { updated: 1 },
    });
    expect(await positionOf()).toBe(before);
    expect(await files.bring('csv', changed, '--update')).toMatchObject({ code: 0, told: { updated: 1 } });
    expect(await door.user('gil')).toMatchObject({
      state: 'USER_STATE_LOCKED',
      human: { profile: { familyName: 'New' }, email: { email: 'gil2@mail.example', isVerified: true } },
    });
    expect(await server.app.store.loadPasswordHash('gil' as never)).toBe(bcrypt);
  });

  test('with a hash that is refused come without it only where that is asked for', async () => {
    const md5 = '5f4dcc3b5aa765d61d8327deb882cf99';
    const text = [header, `hal,hal,Hal,Roe,hal@mail.example,,,,,${md5}`].join('\n');
    const refused = await files.bring('csv', text);
    expect(refused).toMatchObject({
      ...{ code: 5, told: { refused: 1, passwords: { unknown: 1 } } },
      refused: [
        { line: 2, name: 'hal', id: 'hal', reason: 'PASSWORD_HASH_UNSUPPORTED', error_id: 'LATCH-pwhash0x' },
      ],
    });
    expect(JSON.stringify(refused)).not.toContain(md5);
    expect(await door.user('hal')).toBeUndefined();
    const taken = await files.bring('csv', text, '--without-passwords');
    expect(taken).toMatchObject({ code: 0, told: { created: 1, passwordsLeftOut: 1 } });
    expect(await server.app.store.loadPasswordHash('hal' as never)).toBeUndefined();
  });

  test('by other programs’ hashes sign in, and have one of our own from then on', async () => {
    const lines = otherPrograms.map(([what, guess, password_hash], at) => ({
      ...{ id: `other-${at}`, given_name: what, family_name: guess, email: `other-${at}@mail.example` },
      ...{ email_verified: true, password_hash },
    }));
    const text = lines.map((line) => JSON.stringify(line)).join('\n');
    expect(await files.bring('jsonl', text)).toMatchObject({
      code: 0,
      told: { created: otherPrograms.length },
    });
    for (const [at, [what, guess]] of otherPrograms.entries()) {
      const { code } = await signIn(`other-${at}`, guess);
      const hash = await server.app.store.loadPasswordHash(`other-${at}` as never);
      expect([what, code, isOwnHash(hash ?? '')]).toEqual([what, 'OK', true]);
    }
  });

  test('are known again by what an application calls them', async () => {
    const named = (...rows: readonly string[]) =>
      ['external_id,id,user_name,given_name,family_name,email', ...rows].join('\n');
    const first = named('app-1,,ivy,Ivy,Roe,ivy@mail.example', 'app-2,jon,,Jon,Roe,jon@mail.example');
    expect(await files.bring('csv', first)).toMatchObject({ code: 0, told: { created: 2 } });
    const ivy = await idOf('ivy');
    expect(await door.user(ivy)).toMatchObject({ externalId: 'app-1' });
    const shown = await runHere(['user', 'show', ivy, '--db', database]);
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringMatching(/^external id +app-1$/m) });
    const before = await positionOf();
    expect(await files.bring('csv', first)).toMatchObject({ code: 0, told: { unchanged: 2 } });
    const renamed = named(
      'app-1,,ivy2,Ivy,Roe,ivy2@mail.example',
      'app-2,other,jon2,Jon,Roe,jon@mail.example',
    );
    expect(await files.bring('csv', renamed)).toMatchObject({ code: 0, told: { unchanged: 2 } });
    expect(await positionOf()).toBe(before);
    expect(await files.bring('csv', renamed, '--update')).toMatchObject({ code: 0, told: { updated: 2 } });
    expect(await door.user(ivy)).toMatchObject({ username: 'ivy2', externalId: 'app-1' });
    expect(await door.user('other')).toBeUndefined();
    const twice = named('app-3,,kay,Kay,Roe,kay@mail.example', 'app-3,,lee,Lee,Roe,lee@mail.example');
    const { told, refused } = await files.bring('csv', twice);
    expect(told).toMatchObject({ created: 1, refused: 1 });
    expect(refused).toMatchObject([{ line: 3, message: 'has the same external id as line 2' }]);
  });

  test('that belong to another organization are not told of', async () => {
    await server.people.organization('abroad');
    await server.people.user({ organization: 'abroad', userId: 'zoe' });
    const text = [header, 'zoe,zed,Zoe,Stone,zed@mail.example,,,,,'].join('\n');
    const { refused } = await files.bring('csv', text, '--update');
    expect(refused).toMatchObject([{ line: 2, reason: 'USER_EXISTS' }]);
  });
});

test('the report is for its owner’s eyes', async () => {
  await using files = await openFiles(['--db', '/nowhere/at/all.db']);
  const file = await files.write(`${header}\n`);
  const report = `${file}.report`;
  await using server = await startServer();
  await server.people.organization('home');
  const token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  const where = ['--url', server.url, '--token', token, '--org', 'home'];
  expect((await runHere(['import', '--from', 'csv', file, '--report', report, ...where])).code).toBe(0);
  expect((await stat(report)).mode & 0o777).toBe(0o600);
});

test('where there is no organization yet, it says what makes one', async () => {
  await using empty = await openEmptyDatabase('sqlite');
  await (await openStore({ database: empty.database }))[Symbol.asyncDispose]();
  await using files = await openFiles(['--db', empty.database]);
  const file = await files.write(`${header}\n${people[0]}\n`);
  expect(await runHere(['import', '--from', 'csv', file, '--db', empty.database])).toMatchObject({
    ...{ code: 2, stderr: expect.stringMatching(/there is no organization .* latchkey org create NAME/) },
  });
});

describe('the report', () => {
  test('is never the file itself, nor anywhere that cannot be written; then nothing is', async () => {
    await using server = await startServer();
    await server.people.organization('home');
    const token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
    await using files = await openFiles([]);
    const text = [header, ...people].join('\n');
    const file = await files.write(text);
    const link = `${file}.link`;
    await symlink(`${file}.elsewhere`, link);
    for (const [report, message] of [
      [file, /is the file that is imported/],
      ['/nowhere/report', /Cannot write --report/],
      [link, /Cannot write --report/],
    ] as const) {
      const where = ['--url', server.url, '--token', token, '--org', 'home', '--report', report];
      const ended = await runHere(['import', '--from', 'csv', file, ...where]);
      expect(ended).toMatchObject({ stderr: expect.stringMatching(message), stdout: '' });
    }
    expect(await readFile(file, 'utf8')).toBe(text);
    expect(await server.app.store.findLogins('ada', {})).toEqual([]);
  });
});

describe('the docs', () => {
  const text = page('docs/adopt/import.md');

  test('show commands and a file that work as they are printed', async () => {
    await using folder = await openFolder();
    await using empty = await openEmptyDatabase('sqlite');
    await (await openStore({ database: empty.database }))[Symbol.asyncDispose]();
    await runHere(['org', 'create', 'Home', '--id', 'home', '--db', empty.database]);
    const [csv = ''] = blocks(text, 'csv');
    await writeFile(join(folder.path, 'people.csv'), csv);
    const said = [];
    for (const command of shellCommands(text)) {
      const [, , ...argv] = shellWords(command);
      const env = { LATCHKEY_DB: empty.database };
      const { code, stdout } = await spawnCli(argv, { cwd: folder.path, env });
      said.push([code, stdout.split('\n')[0]]);
    }
    expect(said).toEqual([
      [0, 'Nothing was written. It would have been: 2 created, 0 updated, 0 unchanged, 0 refused'],
      [0, '2 created, 0 updated, 0 unchanged, 0 refused'],
    ]);
  });

  test('name the rows of an export as they are, in their order', async () => {
    const own = section(text, "Latchkey's own export");
    expect([...own.matchAll(/`\{"(\w+)": …\}`/g)].map(([, kind]) => kind)).toEqual([...archiveKinds]);
  });
});

test('the docs name every column, in its order', () => {
  const table = section(page('docs/adopt/import.md'), 'CSV and JSON Lines');
  expect([...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)).toEqual([...columns]);
});
