import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { openSqlite } from '../../src/store/sqlite/sqlite.ts';
import { type WriteName, writeStatements } from '../../src/store/sqlite/write-statements.ts';

/** Whose every run makes a table in memory, for a list or a look-up within: not in the way of an unlock or a sign-in. */
const withTable: ReadonlySet<WriteName> = new Set(['deleteSomeSlices', 'nameTaken']);

test('no statement makes a table of its own for each write', async () => {
  await using resources = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-write-'));
  resources.defer(() => rm(folder, { recursive: true }));
  const path = join(folder, 'latchkey.db');
  await openSqlite({ path })[Symbol.asyncDispose]();
  using db = new DatabaseSync(path);
  const makesTable = (sql: string) =>
    db
      .prepare(`EXPLAIN ${sql}`)
      .all()
      .some(({ opcode }) => opcode === 'OpenEphemeral');
  expect(makesTable("SELECT 1 WHERE 'd' IN ('a', 'b', 'c')")).toBe(true);
  const found = Object.entries(writeStatements).filter(([, sql]) => makesTable(sql));
  expect(new Set(found.map(([name]) => name))).toEqual(withTable);
});
