import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { openStore } from '../../src/store/open.ts';
import { startCli } from '../cli/run-cli.ts';
import { succeed } from '../move/moving.ts';
import { repetitions } from '../support/repetitions.ts';
import { openEmptyDatabase, stores } from '../support/stores.ts';
import { openFiles } from './file.ts';
import { manyOf } from './many.ts';

const timeoutMs = 600_000;

async function openHome(kind: 'sqlite' | 'postgres') {
  const empty = await openEmptyDatabase(kind);
  // Made by the first command on it.
  await (await openStore({ database: empty.database }))[Symbol.asyncDispose]();
  await succeed('org', 'create', 'Home', '--id', 'home', '--db', empty.database);
  return empty;
}

/** How many users there are, read beside whoever writes. */
async function openCount(database: string) {
  const store = await openStore({ database });
  const page = { offset: 0, limit: 1, ascending: true };
  const count = async () =>
    (await store.listUsers({ scope: 'all', filters: [], sort: 'creation_date', page })).total;
  return { count, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

describe('many people', () => {
  const count = repetitions({ few: 2_000, many: 100_000 });
  test.each(Object.keys(manyOf))(
    'of a file of %s are all there once, and the same file again changes nothing',
    async (from) => {
      await using empty = await openHome('sqlite');
      await using files = await openFiles(['--db', empty.database]);
      const text = manyOf[from]?.(count) ?? '';
      const first = await files.bring(from, text);
      expect(first).toMatchObject({ code: 0, told: { rows: count, created: count } });
      const second = await files.bring(from, text);
      expect(second).toMatchObject({ code: 0, told: { created: 0, unchanged: count } });
      expect(await succeed('verify', '--db', empty.database)).toMatchObject({
        users: count,
        problemsTotal: 0,
      });
      if (repetitions({ few: 0, many: 1 }) === 1) {
        const rates = [first, second].map(({ told }) => told.usersPerSecond);
        process.stdout.write(`${from}: ${rates.join(' a second, then ')} a second\n`);
      }
    },
    timeoutMs,
  );
});

describe.each(stores.map(([kind]) => kind))('a run that is killed on %s', (kind) => {
  const kills = repetitions({ few: 3, many: 20 });
  const count = kills * 600;
  test(
    'is begun again with the same line: nobody is there twice, nobody is missing',
    async () => {
      await using empty = await openHome(kind);
      await using files = await openFiles([]);
      await using beside = await openCount(empty.database);
      const file = await files.write(manyOf.csv?.(count) ?? '');
      const argv = ['import', '--from', 'csv', file, '--db', empty.database];
      for (let kill = 1; kill <= kills; kill += 1) {
        const child = startCli(argv);
        const exited = once(child, 'exit');
        const wanted = (count * kill) / (kills + 1);
        while ((await beside.count()) < wanted && child.exitCode === null) await delay(5);
        child.kill('SIGKILL');
        await exited;
      }
      const between = await beside.count();
      expect(between).toBeGreaterThan(0);
      expect(between).toBeLessThan(count);
      const last = await succeed(...argv);
      expect(last).toMatchObject({ rows: count, refused: 0 });
      // What a database had in hand may have been written after it was counted.
      expect(Number(last.unchanged)).toBeGreaterThanOrEqual(between);
      expect(Number(last.created) + Number(last.unchanged)).toBe(count);
      expect(await beside.count()).toBe(count);
      expect(await succeed(...argv)).toMatchObject({ created: 0, unchanged: count });
      expect(await succeed('verify', '--db', empty.database)).toMatchObject({
        users: count,
        problemsTotal: 0,
      });
    },
    timeoutMs,
  );
});
