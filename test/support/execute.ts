import { DatabaseSync } from 'node:sqlite';
import { Client } from 'pg';

/** Runs one statement on the database behind the store's back: what an older version or a hand may have left there. */
export async function execute(database: string, sql: string): Promise<void> {
  if (!database.startsWith('postgres')) {
    using db = new DatabaseSync(database);
    db.exec(sql);
    return;
  }
  await runSql(database, sql);
}

/** The same on PostgreSQL, and what comes of it. */
export async function runSql(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}
