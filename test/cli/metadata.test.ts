import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { bothWays, openFolder, parseLines, runHere, type ServeProcess, startServe } from './run-cli.ts';

const cleanup = new AsyncDisposableStack();
let server: ServeProcess;

beforeAll(async () => {
  const folder = cleanup.use(await openFolder());
  server = cleanup.use(await startServe(folder.path));
});
afterAll(() => cleanup.disposeAsync());

describe.each(bothWays(() => server))('metadata through $way', ({ way, flags }) => {
  const run = (...argv: string[]) => runHere(['user', 'metadata', ...argv, ...flags()]);
  const list = async () => parseLines((await run('list', '--login', 'admin', '--json')).stdout);

  test('is set, shown as text or base64, and deleted', async () => {
    const done = await run('set', '--login', 'admin', 'crm=47=11', `from=${way}`);
    expect(done).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Metadata of user \d+ is up to/) });
    const [crm] = await list();
    const date = expect.stringMatching(/^\d{4}-.*Z$/);
    expect(crm).toEqual({
      ...{ key: 'crm', bytes: 5, value: 'NDc9MTE=', text: '47=11', creationDate: date, changeDate: date },
    });
    const [userId] = /\d+/.exec(done.stdout) ?? [];
    expect(await run('set', String(userId), '--base64', 'crm=/w==')).toMatchObject({ code: 0 });
    expect((await run('list', String(userId))).stdout).toMatch(/^crm +1 .* \/w==\nfrom /m);
    expect((await list())[0]).not.toHaveProperty('text');
    expect(await run('delete', String(userId), 'crm', 'never', '--json')).toMatchObject({ code: 0 });
    expect((await list()).map(({ key }) => key)).toEqual(['from']);
    expect(await run('delete', '--login', 'admin', 'from')).toMatchObject({ code: 0 });
    expect(await run('list', '--login', 'admin')).toMatchObject({ code: 0, stdout: '', stderr: 'none\n' });
  });

  test('what is wrong is said', async () => {
    const refused = async (code: number, says: RegExp, ...argv: string[]) =>
      expect(await run(...argv)).toMatchObject({ code, stderr: expect.stringMatching(says) });
    await refused(2, /nothing to set/, 'set', '--login', 'admin');
    await refused(2, /"a" is not KEY=VALUE/, 'set', '--login', 'admin', 'a');
    await refused(2, /"=a" is not KEY=VALUE/, 'set', '--login', 'admin', '=a');
    await refused(2, /value of a is not base64/, 'set', '--login', 'admin', '--base64', 'a=?');
    await refused(2, /nothing to delete/, 'delete', '--login', 'admin');
    await refused(2, /no user/, 'list');
    await refused(3, /nobody/, 'set', '--login', 'nobody', 'a=b');
    await refused(7, /value/, 'set', '--login', 'admin', 'a=');
    await refused(7, /key: /, 'set', '--login', 'admin', `${'x'.repeat(201)}=a`);
    await refused(6, /LATCH-metafu11/, 'set', '--login', 'admin', `a=${'x'.repeat(65_536)}`);
  });
});

test('its three commands have a help of their own', async () => {
  const help = await runHere(['user', 'metadata', '--help']);
  expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('metadata delete') });
  expect(await runHere(['help', 'user', 'metadata'])).toEqual(help);
  expect(await runHere(['user', 'metadata'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('"user metadata" needs one of: list, set, delete'),
  });
  expect(await runHere(['user', 'metadata', 'sett'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('unknown command "user metadata sett"; did you mean "user metadata set"'),
  });
});
