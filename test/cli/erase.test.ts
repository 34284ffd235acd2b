import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runCli } from '../../src/cli/run.ts';
import { bothWays, openFolder, parseLines, runHere, type ServeProcess, startServe } from './run-cli.ts';

const cleanup = new AsyncDisposableStack();
let server: ServeProcess;
let made = 0;

beforeAll(async () => {
  const folder = cleanup.use(await openFolder());
  server = cleanup.use(await startServe(folder.path));
});
afterAll(() => cleanup.disposeAsync());

describe.each(bothWays(() => server))('user erase through $way', ({ flags }) => {
  const person = async () => {
    const [org] = parseLines((await runHere(['org', 'list', '--json', '--db', server.database])).stdout);
    const name = `erased-${++made}`;
    const argv = ['user', 'create', '--machine', '--user-name', name, '--name', name];
    const { stdout } = await runHere([...argv, '--org', String(org?.organizationId), '--json', ...flags()]);
    return { name, userId: String(parseLines(stdout)[0]?.userId) };
  };
  const erase = (...argv: string[]) => runHere(['user', 'erase', ...argv, ...flags()]);
  const atTerminal = async (argv: readonly string[], typed: string) => {
    const input = Object.assign(new PassThrough(), { isTTY: true }) as unknown as NodeJS.ReadStream;
    const [output, errors] = [new PassThrough(), new PassThrough()];
    const said = [text(output), text(errors)];
    errors.once('data', () => (input as unknown as PassThrough).write(`${typed}\n`));
    const code = await runCli(['user', 'erase', ...argv, ...flags()], { input, output, errors });
    output.end();
    errors.end();
    const [stdout = '', stderr = ''] = await Promise.all(said);
    return { code, stdout, stderr };
  };

  test('wants a word where nobody can be asked, and says what was done', async () => {
    const { name, userId } = await person();
    expect(await erase(userId)).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
    const { code, stdout } = await erase('--login', name, '--yes', '--reason', 'request 4711', '--json');
    expect({ code, ...parseLines(stdout)[0] }).toMatchObject({ code: 0, userId, state: 'deleted' });
    expect(await erase(userId, '--yes')).toMatchObject({
      ...{ code: 5, stderr: expect.stringContaining('User is erased already (LATCH-erased0k)') },
    });
    const events = await runHere(['events', '--user', userId, '--json', ...flags()]);
    expect(events.stdout).not.toContain(name);
    expect(parseLines(events.stdout).at(-1)).toMatchObject({
      type: 'user.erased',
      actor: { reason: 'request 4711' },
    });
    expect(await erase('nobody', '--yes')).toMatchObject({ code: 3 });
  });

  test('asks at a terminal, by name', async () => {
    const { name, userId } = await person();
    const no = await atTerminal([userId], 'y');
    expect(no).toMatchObject({ code: 5, stderr: expect.stringContaining(`Erase user ${userId}, ${name}@`) });
    expect(no.stderr).toContain('was not erased');
    expect(await atTerminal([userId], 'yes')).toMatchObject({
      ...{ code: 0, stdout: expect.stringContaining(`User ${userId} erased at `) },
    });
  });

  test('a deletion is asked for as well, once for all of them', async () => {
    const [{ userId }, other] = [await person(), await person()];
    const words = ['user', 'delete', userId, other.userId, ...flags()];
    expect(await runHere(words)).toMatchObject({ code: 2, stderr: expect.stringContaining('say --yes') });
    expect(await runHere([...words, '--yes'])).toMatchObject({ code: 0 });
  });

  test('erases by id who is deleted already', async () => {
    const { userId } = await person();
    await runHere(['user', 'delete', userId, '--yes', ...flags()]);
    expect(await erase(userId, '--yes')).toMatchObject({ code: 0 });
  });
});
