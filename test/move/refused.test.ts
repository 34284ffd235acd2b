import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runHere } from '../cli/run-cli.ts';
import { type EmptyDatabase, stores } from '../support/stores.ts';
import { type Moving, openMoving, sealed, succeed } from './moving.ts';

const cleanup = new AsyncDisposableStack();
let moving: Moving;

beforeAll(async () => {
  moving = cleanup.use(await openMoving());
});
afterAll(() => cleanup.disposeAsync());

/** What is wrong with the file, the file, what the refusal says. */
const refusals: readonly (readonly [string, () => string | Buffer, RegExp])[] = [
  ['an empty file', () => '', /the file is empty/],
  ['another file', () => '{"hello":{}}\n', /line 1 is not the first line of an export of Latchkey/],
  ['a file cut in a line', () => moving.whole.slice(0, moving.whole.length / 2), /line \d+ is cut off/],
  [
    'a file cut between lines',
    () => `${moving.whole.split('\n').slice(0, 9).join('\n')}\n`,
    /its last line is missing/,
  ],
  [
    'a newer format',
    () => moving.whole.replace('"format":2', '"format":3'),
    /line 1 names format 3; .* reads format 2/,
  ],
  [
    'a file from before locks had records',
    () => moving.whole.replace('"format":2', '"format":1'),
    /line 1 names format 1; .* reads format 2: import it with the Latchkey that wrote it, then upgrade that/,
  ],
  [
    'what is no JSON',
    () => moving.forge((rows) => rows.with(4, '{"user":')),
    /line 6 is not one JSON object/,
  ],
  [
    'two values in a line',
    () => moving.forge((rows) => rows.with(4, '{"a":{},"b":{}}')),
    /line 6 is not one JSON obj/,
  ],
  ['an unknown kind', () => moving.forge((rows) => rows.with(4, '{"role":{}}')), /line 6 is of kind "role"/],
  [
    'a missing member',
    () => moving.forge((rows) => rows.with(0, '{"organization":{}}')),
    /line 2: .* organizationId/,
  ],
  [
    'a member too many',
    () => moving.forge((rows) => rows.with(0, (rows[0] ?? '').replace('"name"', '"rank":1,"name"'))),
    /line 2: organization with "rank", which is not known here/,
  ],
  [
    'a number that is text',
    () => moving.forge((rows) => rows.with(0, (rows[0] ?? '').replace(/"createdAt":\d+/, '"createdAt":"1"'))),
    /line 2: createdAt must be a time: whole milliseconds, of the years 1 to 9999/,
  ],
  [
    'a time that no list can tell, in all places alike',
    () =>
      moving.forge((rows) =>
        rows.map((row) => row.replace(/"(createdAt|changedAt)":\d+/g, '"$1":253402300800000')),
      ),
    /line 2: createdAt must be a time/,
  ],
  [
    'a name that is no text, in all places alike',
    () =>
      moving.forge((rows) => rows.map((row) => row.replace('"givenName":"Given"', '"givenName":["Given"]'))),
    /line \d+: profile.givenName must be text/,
  ],
  [
    'an address that is verified in words',
    () =>
      moving.forge((rows) => rows.map((row) => row.replace('"emailVerified":true', '"emailVerified":"no"'))),
    /line \d+: profile.emailVerified must be true or false/,
  ],
  [
    'an event of a type that nobody knows',
    () =>
      moving.forge((rows) => rows.map((row) => row.replace('"type":"user.locked"', '"type":"constructor"'))),
    /event \d+ is of a type that is not known here: constructor/,
  ],
  [
    'an event that says of whom it is by a number',
    () =>
      moving.forge((rows) =>
        rows.map((row) =>
          row.replace(
            /"profile":\{"email":"locked-user[^}]*\}(?=.*"type":"user.human.added")/,
            '"profile":-1',
          ),
        ),
      ),
    /locked-user its rows and its events cannot be held against one another/,
  ],
  [
    'an event of an organization that is called by a list',
    () =>
      moving.forge((rows) =>
        rows.map((row) =>
          row.includes('"organization.added"')
            ? row.replace('"organizationId":"globex"', '"organizationId":[[]]')
            : row,
        ),
      ),
    /organization : the row says nothing/,
  ],
  [
    'text with NUL',
    () => moving.forge((rows) => rows.with(0, (rows[0] ?? '').replace('"name":"', '"name":"\\u0000'))),
    /line 2: name must be text/,
  ],
  [
    'a hash of another length',
    () =>
      moving.forge((rows) => rows.map((row) => row.replace(/"secretHash":"[^"]+"/, '"secretHash":"AAAA"'))),
    /line \d+: secretHash must be 32 bytes in base64/,
  ],
  ['a byte that is no UTF-8', () => brokenText(5), /line 6 is not UTF-8/],
  [
    'a row that stands twice',
    () => moving.forge((rows) => rows.toSpliced(1, 0, rows[0] ?? '')),
    /lines? \d+.*: .*(UNIQUE|unique)/,
  ],
  [
    'a flipped secret',
    () => moving.whole.replace('never-verified', 'never-verifieD'),
    /the checksum does not fit/,
  ],
  [
    'a row too few',
    () => sealed([...moving.whole.split('\n').slice(0, -3)]),
    /line 1 says 1 row of kind metadata, the file has 0\n/,
  ],
  ['a line after the end', () => `${moving.whole}{"user":{}}\n`, /stands after the end/],
  [
    'a row that moved without an event',
    () => moving.forge((rows) => rows.map((row) => row.replace('"state":"locked"', '"state":"active"'))),
    /contradict one another, 2 times:\n {2}locked-user state: the row says "active"/,
  ],
  [
    'a role that nobody granted',
    () =>
      moving.forge((rows) =>
        rows.map((row) => row.replace('"grants":[]', '"grants":[{"role":"IAM_OWNER"}]')),
      ),
    /grants: the row says \[\{"role":"IAM_OWNER"\}\], its events say \[\]/,
  ],
  ['an event too few', () => moving.forge((rows) => rows.toSpliced(8, 1)), /contradict one another/],
  [
    'an organization too few',
    () => moving.forge((rows) => rows.toSpliced(0, 1)),
    /organization acme: the row says nothing/,
  ],
  [
    'a profile elsewhere',
    () =>
      moving.forge((rows) =>
        rows.map((row) =>
          row.startsWith('{"profile"')
            ? row.replace('"organizationId":"acme"', '"organizationId":"globex"')
            : row,
        ),
      ),
    /profile keys: the row says/,
  ],
];

describe.each(stores)('%s', (_kind, openEmpty) => {
  let empty: EmptyDatabase;
  beforeAll(async () => {
    empty = cleanup.use(await openEmpty());
    await succeed('migrate', '--db', empty.database);
  });

  test.each(refusals)('refuses %s and keeps nothing of it', async (_what, text, message) => {
    const refused = await moving.importText(text(), empty.database);
    expect(refused).toMatchObject({ code: 7, stdout: '', stderr: expect.stringMatching(message) });
    expect(refused.stderr).toMatch(/^(All rows are in.*\n)?latchkey: Nothing was imported from /);
    expect(await succeed('verify', '--db', empty.database)).toMatchObject({ organizations: 0, events: 0 });
  });

  test('a file that is not there, or not named', async () => {
    expect(await runHere(['import', `${moving.exported}.not`, '--db', empty.database])).toMatchObject({
      code: 7,
      stderr: expect.stringMatching(/Nothing was imported from .*ENOENT/),
    });
    expect(await runHere(['import', '--db', empty.database])).toMatchObject({ code: 2 });
  });

  test('after all that, the whole file goes in, and goes in once', async () => {
    expect(await moving.importText(moving.whole, empty.database)).toMatchObject({ code: 0 });
    const again = await moving.importText(moving.whole, empty.database);
    expect(again).toMatchObject({ code: 5, stdout: '' });
    expect(again.stderr).toMatch(
      /Nothing was imported: the database already has organizations: .*--from FORM/,
    );
    expect(await moving.exportOf(empty.database)).toBe(moving.whole);
  });
});

/** The file with a byte spoilt in the line after so many. */
function brokenText(lines: number): Buffer {
  const bytes = Buffer.from(moving.forge((rows) => rows));
  let offset = 0;
  for (let line = 0; line < lines; line += 1) offset = bytes.indexOf(0x0a, offset) + 1;
  bytes[offset + 20] = 0xff;
  return bytes;
}
