import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { openStore } from '../../src/store/open.ts';
import { migrationFiles } from '../../src/store/sql/schema-version.ts';
import { registerFold } from '../../src/store/sqlite/dialect.ts';
import { noDisks, runOnDisk } from '../support/own-mounts.ts';
import { openEmptyDatabase } from '../support/stores.ts';

const folder = new URL('../../src/store/sqlite/migrations/', import.meta.url);
const marker = 'Qzlong-gone';
const peopleCount = 2_000;

/** A file of a version that left in it whatever was deleted. */
function writeOld(path: string, version: number, people = peopleCount): void {
  using db = new DatabaseSync(path);
  registerFold(db);
  db.exec('PRAGMA page_size = 2048; PRAGMA journal_mode = WAL; PRAGMA secure_delete = OFF');
  db.exec(
    'CREATE TABLE migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT',
  );
  for (const [at, name] of migrationFiles(folder).slice(0, version).entries()) {
    db.prepare('INSERT INTO migrations VALUES (?, ?, 1)').run(at + 1, name);
    db.exec(readFileSync(new URL(name, folder), 'utf8'));
  }
  db.exec('BEGIN');
  const add = db.prepare('INSERT INTO organizations VALUES (?, ?, ?, 1)');
  for (let nth = 0; nth < people; nth += 1) {
    const isGone = nth % 3 > 0;
    add.run(`o${nth}`, `${isGone ? marker : 'Stays'} ${nth}`, `o${nth}.example`);
  }
  db.exec('COMMIT');
  db.prepare('DELETE FROM organizations WHERE name LIKE ?').run(`${marker}%`);
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
}

const textOf = (path: string) => readFileSync(path, 'latin1');

test.each([
  1, 9,
])('what was deleted under version %d is in no free page once the schema is raised', async (version) => {
  await using empty = await openEmptyDatabase('sqlite');
  writeOld(empty.database, version);
  expect(textOf(empty.database)).toContain(marker);
  {
    await using store = await openStore({ database: empty.database });
    const page = { offset: 0, limit: 1, ascending: true };
    expect((await store.listOrganizations('all', page)).total).toBe(Math.ceil(peopleCount / 3));
  }
  expect(textOf(empty.database)).not.toContain(marker);
});

const why = noDisks === undefined ? '' : `: ${noDisks}`;
(noDisks === undefined ? test : test.skip)(
  `where the disk has no room for that, the schema is raised, and it is told what may still be read${why}`,
  async () => {
    await using empty = await openEmptyDatabase('sqlite');
    writeOld(empty.database, 9, 10 * peopleCount);
    const folder = join(dirname(empty.database), 'disk');
    mkdirSync(folder);
    const onDisk = {
      folder,
      source: empty.database,
      furnish: 'cat < "$SOURCE" > a.db && export LATCHKEY_MIGRATE_BACKUP=nowhere',
      argv: ['migrate', '--db', join(folder, 'a.db')],
    };
    const { length } = textOf(empty.database);
    const told = /went from version 9 to \d+/;
    expect(await runOnDisk({ ...onDisk, bytes: 8 * length })).toMatchObject({
      code: 0,
      stdout: expect.not.stringContaining('VACUUM'),
    });
    const full = await runOnDisk({ ...onDisk, bytes: Math.floor(1.2 * length) });
    expect(full).toMatchObject({ code: 0, stdout: expect.stringMatching(told) });
    expect(full.stdout).toMatch(/deleted before may still be read in free pages .*VACUUM/);
  },
);
