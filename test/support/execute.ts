import { DatabaseSync } from 'node:sqlite';
import { Client } from 'pg';

/** Runs one statement on the database behind the store's back: what an older version or a hand may have left there. */
export async function execute(database: string, sql: string): Promise<void> {
  if (!database.startsWith('postgres')) {
    using db = new DatabaseSync(database);
    db.exec(sql);
    return;
  }
  const client = new Client(database);
  await client.connect();
  await client.query(sql);
  await client.end();
}
