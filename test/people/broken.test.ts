import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runHere } from '../cli/run-cli.ts';
import { type Door, openDoor } from '../support/door.ts';
import { startServer } from '../support/start-server.ts';
import { type ImportFiles, openFiles } from './file.ts';

const resources = new AsyncDisposableStack();
let door: Door;
let files: ImportFiles;

beforeAll(async () => {
  const server = resources.use(await startServer());
  await server.people.organization('home');
  const token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  await server.people.user({ organization: 'home', userId: 'there' });
  door = resources.use(openDoor(server.url, token));
  files = resources.use(await openFiles(['--url', server.url, '--token', token, '--org', 'home']));
});
afterAll(() => resources.disposeAsync());

const header =
  'id,user_name,given_name,family_name,email,email_verified,language,state,locked_until,lock_reason,password_hash';
const long = (count: number) => 'x'.repeat(count);
const far = new Date(Date.now() + 367 * 86_400_000).toISOString();

/** Every way in which a row can be wrong: what stands in the file, and what the report says. */
const broken: readonly (readonly [string, string | RegExp])[] = [
  ['a1,a1,,Roe,a1@mail.example,,,,,,', 'given_name: is missing'],
  ['a2,a2,Al,  ,a2@mail.example,,,,,,', 'family_name: is missing'],
  ['a3,a3,Al,Roe,,,,,,,', 'email: is missing'],
  ['a4,a4,Al,Roe,no address,,,,,,', /^email: /],
  ['a5,a5,Al,Roe,a5@mail.example,maybe,,,,,', 'email_verified: must be true or false'],
  ['a6,a6,Al,Roe,a6@mail.example,,,sleeping,,,', 'state: must be one of active, inactive, locked, initial'],
  ['a7,a7,Al,Roe,a7@mail.example,,,deleted,,,', 'state: must be one of active, inactive, locked, initial'],
  ['a8,a8,Al,Roe,a8@mail.example,,,locked,tomorrow,,', /^locked_until: must be a time such as/],
  ['a9,a9,Al,Roe,a9@mail.example,,,locked,2026-13-45T00:00:00Z,,', /^locked_until: must be a time such as/],
  [`b1,b1,Al,Roe,b1@mail.example,,,locked,${far},,`, /at most 366 days ahead/],
  [`b2,b2,Al,Roe,b2@mail.example,,,,${far},,`, 'locked_until: goes with the state locked'],
  ['b3,b3,Al,Roe,b3@mail.example,,,inactive,,why,', 'lock_reason: goes with the state locked'],
  ['b4,b4,Al,Roe,b4@mail.example,,,,,,plain', /^Password hash is of no kind that is checked here/],
  [`b5,b5,Al,Roe,b5@mail.example,,,,,,$2b$14$${long(53)}`, /costs more to check than this server takes/],
  [`b6,b6,${long(201)},Roe,b6@mail.example,,,,,,`, 'given_name: must be 1 to 200 characters long'],
  [`${long(201)},b7,Al,Roe,b7@mail.example,,,,,,`, 'id: must be 1 to 200 characters long'],
  [`b8,${long(201)},Al,Roe,b8@mail.example,,,,,,`, 'user_name: must be 1 to 200 characters long'],
  ['b9,b9,Al,Roe,b9@mail.example,,english-and-more,,,,', 'language: must be 0 to 10 characters long'],
  [`c1,c1,Al,Roe,c1@mail.example,,,locked,,${long(501)},`, 'lock_reason: must be 1 to 500 characters long'],
  [
    `c2,c2,Al,Roe,c2@mail.example,,,,,,$6$salt$${long(200)}`,
    'password_hash: must be 1 to 200 characters long',
  ],
  ['c3,in\u202evisible,Al,Roe,c3@mail.example,,,,,,', 'user_name: must hold no invisible character'],
  ['c4,c4,A\0l,Roe,c4@mail.example,,,,,,', 'given_name: must be Unicode text without NUL'],
  ['c5,c5,Al,Roe,c5@mail.example', 'has 5 cells, where the header names 11'],
  ['c6,c6,Al,Roe,c6@mail.example,,,,,,,,', 'has 13 cells, where the header names 11'],
  ['ok,c7,Al,Roe,c7@mail.example,,,,,,', 'has the same id as line 2'],
  ['c8, OK ,Al,Roe,c8@mail.example,,,,,,', 'has the same user name as line 2'],
  ['c9,c9,Al,Roe,OK@mail.example,,,,,,', 'has the same e-mail address as line 2'],
  ['d1,there,Al,Roe,d1@mail.example,,,,,,', /^User name|^username|already/i],
  [
    'd2,d2,A"l,Roe,d2@mail.example,,,,,,',
    'a quotation mark stands inside a cell that does not begin with one',
  ],
  ['d3,d3,"Al" l,Roe,d3@mail.example,,,,,,', /^a quotation mark in a cell is not doubled/],
];
const ok = 'ok,ok,Ok,Roe,ok@mail.example,,,,,,';
const last = 'last,last,Last,Roe,last@mail.example,,,,,,';

describe('a file of every broken row', () => {
  const text = [header, ok, ...broken.map(([row]) => row), '', last].join('\n');
  const expected = broken.map(([, message], at) => [
    at + 3,
    typeof message === 'string' ? message : expect.stringMatching(message),
  ]);

  test.each([
    ['--dry-run'],
    ['--reason=for good'],
  ])('with %s tells each by its line, and brings the others', async (option) => {
    const { code, told, refused, stderr } = await files.bring('csv', text, option);
    expect(refused.map(({ line, message }) => [line, message])).toEqual(expected);
    expect(code).toBe(5);
    expect(told).toMatchObject({ rows: broken.length + 2, created: 2, refused: broken.length });
    expect(JSON.parse(stderr)).toMatchObject({
      error: {
        code: 'failed_precondition',
        message: expect.stringMatching(/^30 of 32 rows were refused:\n {2}line 3/),
      },
    });
    expect((await door.user('last')) === undefined).toBe(option === '--dry-run');
  });

  test('of JSON Lines is told the same way', async () => {
    const person = { given_name: 'Al', family_name: 'Roe', email: 'j@mail.example' };
    const lines = [
      '{"id":"j1"',
      '[]',
      JSON.stringify({ id: 'j2', ...person, surname: 'x' }),
      JSON.stringify({ id: 'j3', ...person, given_name: 7 }),
      JSON.stringify({ id: 'j4', ...person, given_name: { a: 1 } }),
      JSON.stringify({ id: 'j5', ...person, given_name: long(70_000) }),
      '',
      JSON.stringify({ id: 'j6', ...person, email_verified: true, given_name: null, state: 'active' }),
      JSON.stringify({ id: 'j7', ...person, email_verified: true, phone: null, gender: 'Diverse' }),
      JSON.stringify({ id: 'j8', ...person, gender: 'other' }),
      JSON.stringify({ id: 'j9', ...person, family_name: 'R\ud83d' }),
      `{"user_name":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
    ];
    const { told, refused } = await files.bring('jsonl', lines.join('\r\n'));
    expect(told).toMatchObject({ created: 1, refused: 10 });
    expect(refused.map(({ line, message }) => [line, message])).toEqual([
      [1, 'is no JSON object'],
      [2, 'is no JSON object'],
      [3, expect.stringMatching(/^surname: is none of id, /)],
      [4, 'given_name: must be a text'],
      [5, 'given_name: must be a text'],
      [6, 'is longer than 64 KiB'],
      [8, 'given_name: is missing'],
      [10, 'gender: must be one of female, male, diverse'],
      [11, 'family_name: holds half of a character'],
      [12, 'user_name: must be a text'],
    ]);
  });

  const table = `${header}\n${ok}`;
  test.each([
    ['csv', 'UTF-16', Buffer.from(`\ufeff${table}`, 'utf16le'), /it is UTF-16: "iconv -f UTF-16 -t UTF-8"/],
    ['keycloak', 'UTF-16', Buffer.from('\ufeff{"users":[]}', 'utf16le').swap16(), /it is UTF-16/],
    ['csv', 'a workbook', Buffer.from('PK\x03\x04\x14'), /save its table as "CSV UTF-8"/],
    ['jsonl', 'compressed', Buffer.from([0x1f, 0x8b, 8]), /"gunzip"/],
    ['jsonl', 'an array', '[{"id":"n1"},\n{"id":"n2"}]', /one object a line is wanted: "jq -c \.\[\]"/],
    ['jsonl', 'one object of many lines', '\n{\n"id":"n1"\n}', /one object a line is wanted: "jq -c \."/],
  ])('of %s that is %s is refused as a whole, with what helps', async (from, _, bytes, message) => {
    const { code, stderr } = await files.bring(from, bytes);
    expect(code).toBe(7);
    expect(JSON.parse(stderr)).toMatchObject({ error: { message: expect.stringMatching(message) } });
  });

  test('that is a pipe is refused: it could not be read twice', async () => {
    const { code, stderr } = await runHere(['import', '--from', 'csv', '/dev/null', '--json']);
    expect(code).toBe(7);
    expect(stderr).toContain('it is read twice, and no file that can be');
  });

  test('in another encoding is refused row by row, and what it parts cells by is found', async () => {
    const latin = Buffer.from(
      'id;given_name;family_name;email\nl1;Andr\xe9;Roe;l1@mail.example\nl2;Al;Roe;l2@mail.example',
      'latin1',
    );
    const { told, refused } = await files.bring('csv', latin);
    expect(told).toMatchObject({ created: 1, refused: 1 });
    expect(refused).toMatchObject([{ line: 2, message: 'given_name: is not UTF-8: save the file as UTF-8' }]);
    const tabs = 'id\tgiven_name\tfamily_name\temail\nt1\tA,l;\tRoe\tt1@mail.example';
    expect(await files.bring('csv', tabs)).toMatchObject({ code: 0, told: { created: 1 } });
  });

  test.each([
    ['in the end', ''],
    ['before the next cell that has some', 'z,z,"Zo ""e""",Roe,z@mail.example,,,,,,'],
  ])('that loses a quotation mark, found %s, loses that row alone', async (_, then) => {
    const rows = (from: number) =>
      Array.from({ length: 20 }, (__, at) => `q${from + at},,Al,Roe,q${from + at}@mail.example,,,,,,`);
    const lines = [header, ...rows(0), 'bad,bad,"Al,Roe,bad@mail.example,,,,,,', ...rows(20), then];
    const { told, refused } = await files.bring('csv', lines.join('\n'), '--dry-run');
    expect(told).toMatchObject({ created: then === '' ? 40 : 41, refused: 1 });
    expect(refused).toMatchObject([{ line: 22, message: expect.stringMatching(/^a quotation mark /) }]);
  });

  test('keeps what stands between quotation marks, over lines and with their count', async () => {
    const lines = [
      'id,display_name,given_name,family_name,email',
      'm1,"a\r\nb, ""c""",Al,Roe,m1@mail.example',
    ];
    const { told, refused } = await files.bring('csv', [...lines, 'm2,x,,Roe,m2@mail.example'].join('\r\n'));
    expect(told).toMatchObject({ created: 1, refused: 1 });
    expect(refused).toMatchObject([{ line: 4, row: 2, message: 'given_name: is missing' }]);
    expect(await door.user('m1')).toMatchObject({ human: { profile: { displayName: 'a\nb, "c"' } } });
  });
});

describe('a run that cannot begin', () => {
  test.each([
    ['a column that is none', 'id,given_nam\n', /there is no column "given_nam".*given_name/],
    ['a column twice', 'id,email,ID\n', /the header names id twice/],
    ['an empty file', '', /it is empty/],
  ])('%s', async (_, text, message) => {
    const { code, stderr } = await files.bring('csv', text);
    expect([code, JSON.parse(stderr).error.message]).toEqual([7, expect.stringMatching(message)]);
  });

  test.each([
    [['--from', 'csv', '-'], 2, /read twice/],
    [['--from', 'ldif', 'x'], 2, /must be one of csv, jsonl, keycloak, zitadel/],
    [['--from', 'csv', '/nowhere.csv'], 7, /nowhere.csv cannot be read/],
    [['--from', 'csv'], 2, /no file/],
    [['--dry-run', 'x'], 2, /--dry-run goes with --from/],
    [['--url', 'http://127.0.0.1:1', 'x'], 2, /--url goes with --from/],
  ])('%j', async (argv, code, message) => {
    const ended = await runHere(['import', ...argv]);
    expect(ended).toMatchObject({ code, stderr: expect.stringMatching(message) });
  });
});
