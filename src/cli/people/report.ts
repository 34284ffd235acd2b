import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { CliError, invalid } from '../failure.ts';
import { isFileError } from '../secret-file.ts';
import type { SentRow } from './send.ts';

/** A file of its own that says which rows were refused, and why: one JSON document a line. */
export interface Report extends AsyncDisposable {
  /** Throws CliError where it cannot be written. */
  add(rows: readonly SentRow[]): Promise<void>;
}

/**
 * It names people: nobody but its owner reads it. One that is there is written anew, since the same line is run again; but
 * never the file that is imported. Without a path it says nothing. Throws CliError.
 */
export async function openReport(path: string | undefined, imported: string): Promise<Report> {
  const handle = path === undefined ? undefined : await openFile(path, imported);
  return {
    async add(rows) {
      const lines = rows.filter(({ result }) => result.outcome === 'refused').map(reportLine);
      if (handle === undefined || lines.length === 0) return;
      await handle.appendFile(lines.join('')).catch((error) => {
        throw cannotWrite(path, error);
      });
    },
    [Symbol.asyncDispose]: async () => handle?.close(),
  };
}

const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;

async function openFile(path: string, imported: string): Promise<FileHandle> {
  const there = await stat(path).catch(() => undefined);
  const source = await stat(imported);
  if (there?.dev === source.dev && there.ino === source.ino) {
    throw invalid(`--report ${path} is the file that is imported`);
  }
  try {
    const handle = await open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
    await handle.chmod(0o600);
    return handle;
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

function cannotWrite(path: string | undefined, error: unknown): unknown {
  if (!isFileError(error)) return error;
  return new CliError(
    { code: 'unavailable', message: `Cannot write --report ${path}: ${error.message}` },
    error,
  );
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
