import { type FileHandle, open } from 'node:fs/promises';
import type { SentRow } from './send.ts';

/** A file of its own that says which rows were refused, and why: one JSON document a line. */
export interface Report extends AsyncDisposable {
  add(rows: readonly SentRow[]): Promise<void>;
}

/** It names people: nobody but its owner reads it. Without a file it says nothing. */
export async function openReport(file: string | undefined): Promise<Report> {
  const handle: FileHandle | undefined = file === undefined ? undefined : await open(file, 'w', 0o600);
  return {
    async add(rows) {
      if (handle === undefined) return;
      const lines = rows.filter(({ result }) => result.outcome === 'refused').map(reportLine);
      if (lines.length > 0) await handle.write(lines.join(''));
    },
    [Symbol.asyncDispose]: async () => handle?.close(),
  };
}

function reportLine({ row: { line, place, name, user }, result }: SentRow): string {
  const { reason, errorId, message } = result;
  return `${JSON.stringify({
    line,
    row: place,
    ...(name !== '' && { name }),
    ...(user?.userId !== undefined && { id: user.userId }),
    message,
    ...(reason !== undefined && { reason }),
    ...(errorId !== undefined && { error_id: errorId }),
  })}\n`;
}
