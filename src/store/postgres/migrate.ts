import { readFileSync } from 'node:fs';
import {
  type MigrateMode,
  migrationFiles,
  requireUsableVersion,
  schemaVersion,
  schemaWent,
} from '../sql/schema-version.ts';
import type { Connection } from './connection.ts';
import { sqlState } from './error.ts';
import { transaction } from './pool.ts';

const folder = new URL('./migrations/', import.meta.url);
/** An index on many rows takes its time. */
const migrationTimeoutMs = 3_600_000;

/**
 * Brings the schema to this code's version, or only checks it. The migration's own row goes in first, so that servers
 * which start at once collide on it: one works, the others wait for its commit and find it done. Throws StoreUnusable
 * where the database is newer than the code. Answers what was done, from which version to which.
 */
export async function migrate(connection: Connection, mode: MigrateMode): Promise<string | undefined> {
  const files = migrationFiles(folder);
  if (mode.only === 'apply' && !(await hasTable(connection))) await createTable(connection);
  const applied = await appliedVersion(connection);
  requireUsableVersion(applied, mode);
  for (let version = applied + 1; version <= files.length; version += 1) {
    await apply(connection, version, files[version - 1] ?? '');
  }
  return applied === 0 || applied === schemaVersion ? undefined : schemaWent(applied, undefined);
}

// Looked up first: a database whose owner lets Latchkey make no tables must still be able to serve.
async function hasTable(connection: Connection): Promise<boolean> {
  const rows = await connection.query({
    text: "SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'migrations'",
  });
  return rows.length > 0;
}

async function createTable(connection: Connection): Promise<void> {
  try {
    await connection.query({
      text: 'CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)',
    });
  } catch (error) {
    // IF NOT EXISTS looks before it makes: two at once may both find nothing, and the second then meets the first's.
    if (!/^(23505|42710|42P07|XX000)$/.test(sqlState(error) ?? '') || !(await hasTable(connection)))
      throw error;
  }
}

async function appliedVersion(connection: Connection): Promise<number> {
  if (!(await hasTable(connection))) return 0;
  const rows = await connection.query({
    text: 'SELECT coalesce(max(version), 0) AS version FROM migrations',
  });
  return rows[0]?.version as number;
}

async function apply(connection: Connection, version: number, name: string): Promise<void> {
  const text = readFileSync(new URL(name, folder), 'utf8');
  await transaction(connection, 'BEGIN', async () => {
    await connection.query({ text: `SET LOCAL statement_timeout = ${migrationTimeoutMs}` });
    await connection.query({ text: `SET LOCAL lock_timeout = ${migrationTimeoutMs}` });
    await connection.query({ text: `SET LOCAL idle_in_transaction_session_timeout = ${migrationTimeoutMs}` });
    const claimed = await connection.query(
      { text: 'INSERT INTO migrations VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING version' },
      [version, name, Date.now()],
      migrationTimeoutMs,
    );
    // Whoever writes holds a lock on these until it is done, and asks for the version when it has it: see fence. So what is
    // read here to be converted is all there is, and nobody adds to it as an older version would.
    if (version > 1) {
      await connection.query(
        { text: 'LOCK TABLE users, events IN SHARE ROW EXCLUSIVE MODE' },
        [],
        migrationTimeoutMs,
      );
    }
    // Without values it goes by the simple protocol, which takes several statements in one text.
    if (claimed.length === 1) await connection.query({ text }, [], migrationTimeoutMs);
  });
}
