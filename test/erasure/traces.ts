import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFolder, runHere } from '../cli/run-cli.ts';
import { runSql } from '../support/execute.ts';
import type { StoreKind } from '../support/stores.ts';

/** Names by which somebody is found again: each stands in one place of what is known of them, and nowhere else. */
export const values = {
  userName: 'Qzuser-name',
  nextUserName: 'Qznext-name',
  givenName: 'Qzgiven',
  familyName: 'Qzfamily',
  nextGivenName: 'Qznextgiven',
  nickName: 'Qznick',
  displayName: 'Qzdisplay',
  email: 'qzfirst@mail.example',
  nextEmail: 'qznext@mail.example',
  phone: '+41 44 771 17 71',
  nextPhone: '+41 44 772 27 72',
  metadataKey: 'qzmetadata-key',
  metadataValue: 'Qzmetadata-value',
  ip: '203.0.113.77',
  client: 'Qzclient/1.0',
  browser: 'Qzbrowser',
  requestId: 'qzrequest-id',
  traceId: '71717171717171717171717171717171',
  reason: 'Qzreason',
  ticket: 'Qzticket',
  identification: 'Qzidentified',
  writtenReason: 'Qzwritten-reason',
  writtenTicket: 'Qzwritten-ticket',
  writtenIdentification: 'Qzwritten-identified',
} as const;

/** What in the text still tells of the person, in any letter case. */
export function tracesIn(text: string): readonly string[] {
  const folded = text.toLowerCase();
  const forms = (value: string) => [
    value.toLowerCase(),
    Buffer.from(value).toString('base64').replace(/=+$/, '').toLowerCase(),
    Buffer.from(value).toString('hex'),
  ];
  return Object.values(values).filter((value) => forms(value).some((form) => folded.includes(form)));
}

/** All that lies in the files of the database, or in the tables where they are the database's own business. */
export async function writtenIn(kind: StoreKind, database: string): Promise<string> {
  if (kind === 'sqlite') {
    const files = ['', '-wal', '-shm', '-journal'].map((end) => `${database}${end}`).filter(existsSync);
    return files.map((file) => readFileSync(file, 'latin1')).join('\n');
  }
  const tables = await runSql(
    database,
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'",
  );
  const texts = [];
  for (const { name } of tables) {
    const rows = await runSql(database, `SELECT each::text AS text FROM ${name} AS each`);
    texts.push(...rows.map(({ text }) => String(text)));
  }
  return texts.join('\n');
}

/** What an export holds, and a backup where there is one. */
export async function takenFrom(kind: StoreKind, database: string): Promise<string> {
  const { code, stdout, stderr } = await runHere(['export', '-', '--db', database]);
  if (code !== 0) throw new Error(stderr);
  if (kind !== 'sqlite') return stdout;
  await using folder = await openFolder();
  const file = join(folder.path, 'copy.db');
  const copied = await runHere(['backup', file, '--db', database]);
  if (copied.code !== 0) throw new Error(copied.stderr);
  return stdout + readFileSync(file, 'latin1');
}
