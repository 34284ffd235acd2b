import { type Archive, type ArchiveCounts, type ArchiveKind, archiveKinds } from '../store.ts';
import { createVerifiable } from './histories.ts';
import { readTable, type Snapshot } from './snapshot.ts';
import { archiveTables, toArchiveRow } from './tables.ts';

/** The archive of a snapshot, which it owns. */
export async function createArchive(snapshot: Snapshot): Promise<Archive> {
  return {
    ...createVerifiable(snapshot),
    counts: await count(snapshot),
    async *readPages() {
      for (const kind of archiveKinds) {
        const table = archiveTables[kind];
        for await (const rows of readTable(snapshot, table)) {
          yield { kind, rows: rows.map((row) => toArchiveRow(table, row)) };
        }
        const late = (await snapshot.late?.(table)) ?? [];
        if (late.length > 0) yield { kind, rows: late.map((row) => toArchiveRow(table, row)) };
      }
    },
    [Symbol.asyncDispose]: () => snapshot[Symbol.asyncDispose](),
  };
}

async function count(snapshot: Snapshot): Promise<ArchiveCounts> {
  const counts: Record<ArchiveKind, number> = {
    organization: 0,
    policy: 0,
    event: 0,
    user: 0,
    profile: 0,
    token: 0,
    metadata: 0,
  };
  for (const kind of archiveKinds) {
    const [row] = await snapshot.query(`SELECT count(*) AS count FROM ${archiveTables[kind].name}`, []);
    counts[kind] = row?.count as number;
  }
  return counts;
}
