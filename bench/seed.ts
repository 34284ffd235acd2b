/**
 * Fills a SQLite file with users of whom every second is locked: `node bench/seed.ts --db FILE --users 1000000`.
 * Prints the token of a caller who may unlock them all. The rows are what the same events would have left.
 */
import { rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { formatToken, hashTokenSecret, newTokenSecret } from '../src/auth/token.ts';
import { parseOrganizationId, parseUserId } from '../src/domain/ids.ts';
import { openSqlite } from '../src/store/sqlite/sqlite.ts';
import { userIdOf } from './load/request.ts';

/** A seeded database: who may call, and which users are locked (`first`, then every `step`th, `count` of them). */
export interface Seeded {
  readonly path: string;
  readonly token: string;
  /** Of the last seeded event; whatever is beyond it, a benchmark did. */
  readonly lastPosition: number;
  readonly locked: { readonly first: number; readonly step: number; readonly count: number };
}

const organizationId = parseOrganizationId('200000000000000001');
const callerId = parseUserId('200000000000000002');
const tokenId = '200000000000000003';
export const seededAt = Date.UTC(2026, 0, 1);
/** What the seeded locks leave in the users' rows: an event from before locks had records. */
export const seededLockout = `{"lock":{"cause":"administrator","generation":2,"since":${seededAt},"failedAttempts":0}}`;
const tokenExpiresAt = Date.UTC(2100, 0, 1);
const usersPerTransaction = 500_000;

if (import.meta.main) {
  const { values } = parseArgs({
    options: { db: { type: 'string' }, users: { type: 'string', default: '100000' } },
  });
  if (values.db === undefined) throw new Error('--db FILE is missing');
  console.log(JSON.stringify(await seed(values.db, Number(values.users))));
}

/** Writes a new file at `path`, over whatever stood there. */
export async function seed(path: string, users: number): Promise<Seeded> {
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
  const token = await addCaller(path);
  const db = new DatabaseSync(path);
  // A file that a crash spoils is made again: nothing here has to be durable before it is whole.
  db.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; PRAGMA temp_store = MEMORY');
  for (let first = 0; first < users; first += usersPerTransaction) {
    addUsers(db, first, Math.min(users, first + usersPerTransaction));
  }
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  const lastPosition = Number(db.prepare('SELECT max(position) AS position FROM events').get()?.position);
  db.close();
  return { path, token, lastPosition, locked: { first: 0, step: 2, count: Math.floor(users / 2) } };
}

/**
 * Undoes every unlock since the seeding, so that each round begins with the very same rows. The log keeps its length, as
 * that of a server which has run for a while: making a file longer is slower than writing over what is there.
 */
export function relock(seeded: Pick<Seeded, 'path' | 'lastPosition'>): void {
  const db = new DatabaseSync(seeded.path, { timeout: 10_000 });
  // What else happened stays: who signed in is not locked for it.
  const unlocks = `position > ${seeded.lastPosition} AND type = 'user.unlocked'`;
  try {
    db.exec(`
      BEGIN IMMEDIATE;
      UPDATE users SET state = 'locked', sequence = 2, changed_at = ${seededAt}, lockout = '${seededLockout}', newest_position = undone.before
        FROM (SELECT user_id, min(previous_position) AS before FROM events WHERE ${unlocks} GROUP BY 1) AS undone
        WHERE users.user_id = undone.user_id;
      DELETE FROM events WHERE ${unlocks};
      COMMIT;
      PRAGMA wal_checkpoint(RESTART);
    `);
  } finally {
    db.close();
  }
}

async function addCaller(path: string): Promise<string> {
  await using store = openSqlite({ path });
  const secret = newTokenSecret();
  const at = (eventId: string) => ({ createdAt: seededAt, eventId });
  const organization = { organizationId, name: 'Bench', domain: 'bench.example' };
  await store.addOrganization({ type: 'organization.added', payload: organization }, at('1'), {});
  const caller = { kind: 'machine', userName: 'bench', name: 'bench' } as const;
  const added = await store.append({
    before: undefined,
    userId: callerId,
    events: [
      { type: 'user.machine.added', payload: { organizationId, state: 'active', profile: caller } },
      { type: 'user.grant.added', payload: { role: 'IAM_OWNER' } },
      { type: 'user.pat.added', payload: { tokenId, expiresAt: tokenExpiresAt } },
    ],
    at: at('2'),
    meta: {},
    secrets: { tokenSecretHash: hashTokenSecret(secret) },
  });
  if (typeof added === 'string') throw new Error(`the caller could not be added: ${added}`);
  return formatToken({ tokenId, secret });
}

function addUsers(db: DatabaseSync, first: number, end: number): void {
  const idPrefix = userIdOf(0).slice(0, 9);
  const numbers = `WITH RECURSIVE numbers(n) AS (SELECT ${first} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ${end})`;
  const id = `'${idPrefix}' || printf('%09d', n)`;
  const profile = `json_object('kind', 'human', 'userName', 'user' || n, 'givenName', 'Ada', 'familyName', 'User' || n,
    'email', 'user' || n || '@bench.example', 'emailVerified', json('true'))`;
  db.exec(`
    BEGIN;
    CREATE TEMP TABLE base AS SELECT max(position) AS position FROM events;
    INSERT INTO users (user_id, organization_id, kind, state, sequence, created_at, changed_at,
        failed_password_attempts, tokens_ended_sequence, grants, lockout, newest_position) ${numbers}
      SELECT ${id}, '${organizationId}', 'human', iif(n % 2 = 0, 'locked', 'active'), 2 - n % 2,
        ${seededAt}, ${seededAt}, 0, 2 - n % 2, '[]', iif(n % 2 = 0, '${seededLockout}', '{}'),
        base.position + iif(n % 2 = 0, ${end - first} + (n - ${first}) / 2, n - ${first}) + 1 FROM numbers, base;
    INSERT INTO profiles (user_id, organization_id, user_name, user_name_folded, profile, email_folded) ${numbers}
      SELECT ${id}, '${organizationId}', 'user' || n, 'user' || n, ${profile}, 'user' || n || '@bench.example' FROM numbers;
    INSERT INTO events (position, user_id, sequence, event_id, type, created_at, payload) ${numbers}
      SELECT base.position + n - ${first} + 1, ${id}, 1, '3' || printf('%09d', n), 'user.human.added', ${seededAt},
        json_object('organizationId', '${organizationId}', 'state', 'active', 'profile', json(${profile})) FROM numbers, base;
    INSERT INTO events (position, previous_position, user_id, sequence, event_id, type, created_at, payload) ${numbers}
      SELECT base.position + ${end - first} + (n - ${first}) / 2 + 1, base.position + n - ${first} + 1, ${id}, 2,
        '4' || printf('%09d', n), 'user.locked', ${seededAt}, '{}' FROM numbers, base WHERE n % 2 = 0;
    DROP TABLE base;
    COMMIT;
  `);
}
