import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openApp } from '../../src/app/app.ts';
import { firstRun } from '../../src/app/first-run.ts';
import { eventsPerBatchMax } from '../../src/store/postgres/batch-id.ts';
import { userIdOf } from '../load/request.ts';
import { type Seeded, seededAt, seededLockout } from '../seed.ts';
import { runSql } from './server.ts';

/** A seeded database on PostgreSQL; see Seeded. */
export type SeededPostgres = Omit<Seeded, 'path'> & { readonly url: string };

const tables = ['users', 'profiles', 'events', 'batches'];
/** What contenders that know no batches begin the ids of theirs with: behind every other. */
const withoutBatch = 'z';

/**
 * Fills an empty database with users of whom every second is locked, and an administrator who may unlock them. The rows
 * are what the same events would have left. The server writes them by itself, without indexes, which are made afterwards
 * in one go: no data travel, so this takes less than COPY would.
 */
export async function seedPostgres(url: string, users: number): Promise<SeededPostgres> {
  const { organizationId, token } = await addCaller(url);
  const [placer] = await runSql(url, 'SELECT last_position FROM placer');
  const before = Number(placer?.last_position);
  const lastPosition = before + users + Math.ceil(users / 2);
  const indexes = await takeIndexes(url);
  for (const text of insertions({ organizationId, users, before })) await runSql(url, text);
  for (const text of indexes) await runSql(url, text);
  await runSql(url, `UPDATE placer SET last_position = ${lastPosition}`);
  // Each by itself: neither may run in a transaction. Afterwards autovacuum has nothing left to do for the seeding.
  await runSql(url, 'VACUUM (ANALYZE)');
  await runSql(url, 'CHECKPOINT');
  return { url, token, lastPosition, locked: { first: 0, step: 2, count: Math.floor(users / 2) } };
}

/** Undoes every unlock since the seeding, and answers how many users had been unlocked. */
export async function relockPostgres(seeded: Pick<SeededPostgres, 'url' | 'lastPosition'>): Promise<number> {
  const { url, lastPosition } = seeded;
  // One transaction, as every text of several statements is. Under the placer's lock: no server gives a position to an event that is being taken away.
  const rows = await runSql(
    url,
    `SELECT 1 FROM placer FOR UPDATE;
    UPDATE placer SET last_position = ${lastPosition};
    WITH late AS (DELETE FROM batches WHERE first_position IS NULL OR first_position > ${lastPosition} RETURNING batch_id),
      gone AS (DELETE FROM events WHERE batch_id IN (SELECT batch_id FROM late) RETURNING user_id, type),
      plain AS (DELETE FROM events WHERE batch_id >= '${withoutBatch}' RETURNING user_id, type),
      locked AS (UPDATE users SET state = 'locked', sequence = 2, changed_at = ${seededAt}, lockout = '${seededLockout}'
        WHERE user_id IN (SELECT user_id FROM gone WHERE type = 'user.unlocked' UNION SELECT user_id FROM plain WHERE type = 'user.unlocked')
          AND state = 'active' AND sequence = 3 RETURNING user_id)
    SELECT count(*) AS undone FROM locked`,
  );
  return Number(rows[0]?.undone);
}

/** From here on, whoever has been unlocked stays so. */
export async function keepUnlocked(seeded: SeededPostgres): Promise<SeededPostgres> {
  for (let attempt = 0; attempt < placingAttemptsMax; attempt++) {
    const [row] = await runSql(
      seeded.url,
      'SELECT last_position, EXISTS (SELECT 1 FROM batches WHERE first_position IS NULL) AS is_placing FROM placer',
    );
    if (row?.is_placing === false) return { ...seeded, lastPosition: Number(row.last_position) };
    await sleep(placingPauseMs);
  }
  throw new Error('the events get no positions');
}

const placingAttemptsMax = 100;
const placingPauseMs = 200;

async function addCaller(url: string): Promise<{ organizationId: string; token: string }> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'latchkey-bench-token-'));
  try {
    await using app = await openApp({ database: url, passwordAttemptsMax: 5, logLevel: 'silent' });
    const first = await firstRun(app, { dataFolder, osUser: 'bench', demo: false });
    if (first === undefined) throw new Error('the database is not empty');
    // Whoever reads events gives them their positions first: the seeded ones come after these.
    await app.store.listEvents({ afterPosition: 0, limit: 1 });
    return first;
  } finally {
    rmSync(dataFolder, { recursive: true, force: true });
  }
}

/** Drops the indexes of the large tables; answers what makes them again. */
async function takeIndexes(url: string): Promise<string[]> {
  const of = `conrelid IN (${tables.map((name) => `'${name}'::regclass`).join(', ')})`;
  const constraints = await runSql(
    url,
    `SELECT conrelid::regclass::text AS name_of_table, conname, pg_get_constraintdef(oid) AS definition
     FROM pg_constraint WHERE contype IN ('p', 'u') AND ${of}`,
  );
  const indexes = await runSql(
    url,
    `SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
     WHERE ${of.replace('conrelid', 'indrelid')}
       AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)`,
  );
  const drops = [
    ...constraints.map((row) => `ALTER TABLE ${row.name_of_table} DROP CONSTRAINT ${row.conname}`),
    ...indexes.map(({ name }) => `DROP INDEX ${name}`),
  ];
  await runSql(url, drops.join(';\n'));
  return [
    ...constraints.map(
      (row) => `ALTER TABLE ${row.name_of_table} ADD CONSTRAINT ${row.conname} ${row.definition}`,
    ),
    ...indexes.map(({ definition }) => String(definition)),
  ];
}

interface Insertion {
  readonly organizationId: string;
  readonly users: number;
  /** Position of the newest event there is. */
  readonly before: number;
}

function insertions({ organizationId, users, before }: Insertion): string[] {
  const numbers = `generate_series(0, ${users - 1}) AS n`;
  const id = `'${userIdOf(0).slice(0, 9)}' || lpad(n::text, 9, '0')`;
  const profile = `format('{"kind":"human","userName":"user%1$s","givenName":"Ada","familyName":"User%1$s",'
    || '"email":"user%1$s@bench.example","emailVerified":true}', n)`;
  const folded = `format('{"givenName":"ada","familyName":"user%1$s","email":"user%1$s@bench.example"}', n)`;
  const columns = '(user_id, sequence, batch_id, place, created_at, event_id, type, payload)';
  const batch = (step: string, at: string) =>
    `'${step}' || lpad((${at} / ${eventsPerBatchMax})::text, 9, '0'), ${at} % ${eventsPerBatchMax}`;
  const batches = (step: string, [first, count]: readonly [number, number]) =>
    `INSERT INTO batches SELECT '${step}' || lpad(n::text, 9, '0'), least(${eventsPerBatchMax}, ${count} - n * ${eventsPerBatchMax}), ${seededAt},
       ${first} + n * ${eventsPerBatchMax} FROM generate_series(0, ${Math.ceil(count / eventsPerBatchMax) - 1}) AS n`;
  return [
    `INSERT INTO users SELECT ${id}, '${organizationId}', 'human', CASE n % 2 WHEN 0 THEN 'locked' ELSE 'active' END,
       2 - n % 2, ${seededAt}, ${seededAt}, 0, 2 - n % 2, '[]', CASE n % 2 WHEN 0 THEN '${seededLockout}' ELSE '{}' END FROM ${numbers}`,
    `INSERT INTO profiles SELECT ${id}, '${organizationId}', 'user' || n, 'user' || n, ${profile}, ${folded},
       NULL, NULL, NULL, 'user' || n || '@bench.example' FROM ${numbers}`,
    `INSERT INTO events ${columns} SELECT ${id}, 1, ${batch('added', 'n')}, ${seededAt}, '3' || lpad(n::text, 9, '0'),
       'user.human.added', '{"organizationId":"${organizationId}","state":"active","profile":' || ${profile} || '}'
     FROM ${numbers}`,
    `INSERT INTO events ${columns} SELECT ${id}, 2, ${batch('locked', 'n / 2')}, ${seededAt},
       '4' || lpad(n::text, 9, '0'), 'user.locked', '{}' FROM ${numbers} WHERE n % 2 = 0`,
    batches('added', [before + 1, users]),
    batches('locked', [before + users + 1, Math.ceil(users / 2)]),
  ];
}
