import { appendFile, rename, truncate } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { runHere } from '../cli/run-cli.ts';
import { startServer, type TestServer } from '../support/start-server.ts';
import { type ImportFiles, openFiles } from './file.ts';
import { manyOf } from './many.ts';

const resources = new AsyncDisposableStack();
let server: TestServer;
let files: ImportFiles;
let where: readonly string[];
/** What happens to the file at that moment. */
let betweenReadings: (() => Promise<unknown>) | undefined;
let whileWriting: (() => Promise<unknown>) | undefined;

beforeAll(async () => {
  server = resources.use(
    await startServer({
      wrapStore: (inner) => ({
        ...inner,
        // The organization is looked for before anything is written.
        async loadOrganization(key) {
          await betweenReadings?.();
          return inner.loadOrganization(key);
        },
        async append(change) {
          await whileWriting?.();
          return inner.append(change);
        },
      }),
    }),
  );
  await server.people.organization('home');
  const token = await server.people.caller({ organization: 'home', roles: ['IAM_OWNER'] });
  where = ['--url', server.url, '--token', token, '--org', 'home'];
  files = resources.use(await openFiles(where));
});
beforeEach(() => {
  betweenReadings = undefined;
  whileWriting = undefined;
});
afterAll(() => resources.disposeAsync());

const once = (work: () => Promise<unknown>) => {
  let done: Promise<unknown> | undefined;
  return () => {
    done ??= work();
    return done;
  };
};
const bring = async (from: string, file: string, ...options: readonly string[]) => {
  const { code, stdout, stderr } = await runHere([
    ...['import', '--from', from, file, ...where, ...options, '--json'],
  ]);
  return { code, stdout, message: stderr && String(JSON.parse(stderr).error.message) };
};
const countOf = async () => {
  const page = { offset: 0, limit: 1, ascending: true };
  const filters = [{ kind: 'type', type: 'human' }] as const;
  return (await server.app.store.listUsers({ scope: 'all', filters, sort: 'user_name', page })).total;
};
const count = 1_000;

describe('a file that is written to while it is read', () => {
  test.each([
    ['csv', 'gets longer', (file: string) => appendFile(file, '\n,zed,Zed,Roe,zed@mail.example,,,')],
    ['jsonl', 'is emptied', (file: string) => truncate(file)],
    ['keycloak', 'is cut off', (file: string) => truncate(file, 2_000)],
  ])('%s: where it %s between the two readings, nothing is written', async (from, _, change) => {
    const file = await files.write(manyOf[from]?.(count) ?? '');
    betweenReadings = once(() => change(file));
    const ended = await bring(from, file);
    expect(ended).toMatchObject({ code: 5, stdout: '' });
    expect(ended.message).toMatch(/was changed while it was read: who was brought in before that stays/);
    expect(await countOf()).toBe(0);
  });

  test('so does a dry run, for a file in its place', async () => {
    const file = await files.write(manyOf.zitadel?.(count) ?? '');
    const other = await files.write(manyOf.zitadel?.(count) ?? '');
    betweenReadings = once(() => rename(other, file));
    const ended = await bring('zitadel', file, '--dry-run');
    expect(ended).toMatchObject({ code: 5, stdout: '' });
    expect(ended.message).toMatch(/was changed while it was read: nothing was written/);
  });

  test('while people are brought in: the run ends, and the same line again brings the rest', async () => {
    const file = await files.write(manyOf.csv?.(count) ?? '');
    whileWriting = once(() => appendFile(file, '\n,zed,Zed,Roe,zed@mail.example,,,'));
    const ended = await bring('csv', file);
    expect(ended).toMatchObject({ code: 5, stdout: '' });
    expect(ended.message).toMatch(/was changed while it was read/);
    const again = await bring('csv', file);
    expect(again.code).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject({ rows: count + 1, refused: 0 });
    expect(await countOf()).toBe(count + 1);
  });
});
