import { createReadStream } from 'node:fs';
import { databaseNameOf, openRestoration } from '../../app/app.ts';
import { ArchiveInvalid } from '../../commands/archive-lines.ts';
import { importLines } from '../../commands/import.ts';
import { howMany } from '../../domain/words/how-many.ts';
import { type Verification, verify } from '../../queries/verify/verify.ts';
import { type ArchiveCounts, StoreNotEmpty } from '../../store/store.ts';
import type { CommandContext } from '../command.ts';
import { databaseOf } from '../database.ts';
import { CliError, invalid } from '../failure.ts';
import { type Progress, rate, startProgress } from '../progress.ts';
import { isFileError } from '../secret-file.ts';

/** Fills the empty database that the options name with what export wrote. Throws CliError where nothing was imported. */
export async function restoreExport(context: CommandContext, file: string): Promise<void> {
  const database = databaseOf(context.args);
  try {
    const progress = startProgress(context, 'row');
    const counts = await restore(context, { file, database, progress });
    const seconds = progress.end();
    const rows = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const name = databaseNameOf(database);
    const rowsPerSecond = rate(rows, seconds);
    await context.output.document({ database: name, file, rows, counts, seconds, rowsPerSecond }, [
      `${howMany(rows, 'row')} (${howMany(counts.user, 'user')}) into ${name} in ${seconds.toFixed(1)} s, ${rowsPerSecond} a second`,
      'Every row is what its events make of it.',
    ]);
  } catch (error) {
    throw toCliError(error, file);
  }
}

interface Restoring {
  readonly file: string;
  readonly database: string;
  readonly progress: Progress;
}

async function restore(
  context: CommandContext,
  { file, database, progress }: Restoring,
): Promise<ArchiveCounts> {
  const chunks = readChunks(context, file);
  await using restoration = await openRestoration(database);
  const counts = await importLines(restoration, {
    chunks,
    onProgress: (rows, total) => progress.report(rows, total),
  });
  await context.output.note('All rows are in; holding them against their events.');
  requireSound(await verify(restoration));
  await restoration.commit();
  return counts;
}

const chunkBytes = 1024 * 1024;

async function* readChunks({ terminal }: CommandContext, file: string): AsyncGenerator<Uint8Array> {
  yield* file === '-' ? terminal.input : createReadStream(file, { highWaterMark: chunkBytes });
}

const problemsShownMax = 5;

function requireSound({ problems, problemsTotal }: Verification): void {
  if (problemsTotal === 0) return;
  const shown = problems.slice(0, problemsShownMax).map(({ userId, text }) => `\n  ${userId} ${text}`);
  throw new ArchiveInvalid(
    `rows and events contradict one another, ${howMany(problemsTotal, 'time')}:${shown.join('')}`,
  );
}

function toCliError(error: unknown, file: string): unknown {
  if (error instanceof StoreNotEmpty) {
    return new CliError(
      {
        code: 'failed_precondition',
        message: `Nothing was imported: ${error.message}; people come into this one with --from FORM`,
      },
      error,
    );
  }
  if (!(error instanceof ArchiveInvalid) && !isFileError(error)) return error;
  return invalid(`Nothing was imported from ${file}: ${error.message}`, error);
}
