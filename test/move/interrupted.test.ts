import { once } from 'node:events';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startCli } from '../cli/run-cli.ts';
import { runSql } from '../support/execute.ts';
import { type StoreKind, stores } from '../support/stores.ts';
import { type Moving, openMoving, succeed } from './moving.ts';

const cleanup = new AsyncDisposableStack();
let moving: Moving;

beforeAll(async () => {
  moving = cleanup.use(await openMoving());
});
afterAll(() => cleanup.disposeAsync());

test.each(
  stores,
)('%s: an import that is killed leaves nothing, and may be started over', async (kind, openEmpty) => {
  await using empty = await openEmpty();
  const { database } = empty;
  await succeed('migrate', '--db', database);
  for (const part of [0.1, 0.5, 0.9]) {
    const child = startCli(['import', '-', '--db', database]);
    const exited = once(child, 'exit');
    child.stdin?.write(moving.whole.slice(0, moving.whole.length * part));
    while (!(await isBeingWritten(kind, database)) && child.exitCode === null)
      await new Promise(setImmediate);
    child.kill('SIGKILL');
    expect(await exited).toEqual([null, 'SIGKILL']);
    expect(await succeed('verify', '--db', database)).toMatchObject({
      organizations: 0,
      users: 0,
      events: 0,
    });
  }
  expect(await moving.importText(moving.whole, database)).toMatchObject({ code: 0 });
  expect(await moving.exportOf(database)).toBe(moving.whole);
});

/** Whether somebody holds the lock that an import holds from its beginning to its end. */
async function isBeingWritten(kind: StoreKind, database: string): Promise<boolean> {
  try {
    if (kind === 'postgres') await runSql(database, 'SELECT placer_id FROM placer FOR UPDATE NOWAIT');
    else {
      using db = new DatabaseSync(database, { timeout: 0 });
      db.exec('BEGIN IMMEDIATE; ROLLBACK');
    }
    return false;
  } catch (error) {
    expect(String(error)).toMatch(/database is locked|could not obtain lock/);
    return true;
  }
}
