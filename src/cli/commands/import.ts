import { createReadStream } from 'node:fs';
import { UsageError } from '../../app/config.ts';
import { ArchiveInvalid } from '../../commands/archive-lines.ts';
import { importLines } from '../../commands/import.ts';
import { type Verification, verify } from '../../queries/verify/verify.ts';
import { type ArchiveCounts, StoreNotEmpty } from '../../store/store.ts';
import type { Arguments } from '../arguments.ts';
import { type Command, type CommandContext, changeOptions } from '../command.ts';
import { databaseOf } from '../database.ts';
import { CliError } from '../failure.ts';
import { importPeople, peopleOptions } from '../people/import-people.ts';
import { type Progress, rate, startProgress } from '../progress.ts';
import { isFileError } from '../secret-file.ts';

/** `latchkey import`. */
export const importCommand: Command = {
  path: 'import',
  operands: '[--from FORM] FILE',
  operandsMax: 1,
  summary: 'Bring people from another system, or fill an empty database with what export wrote',
  options: { ...peopleOptions, ...changeOptions },
  json: 'document',
  notes: [
    'With --from: into a database in use, through its server or with --db. What the file holds is counted before anything is',
    'written; a row that is refused keeps no other out; the same line again goes on, and changes nobody who is there.',
    'Without: an export into an empty --db (LATCHKEY_DB, or latchkey.db in the data folder), all or nothing, in one',
    'transaction, every row held against its events before the end. FILE may then be - for stdin.',
  ],
  examples: [
    'latchkey import --from csv people.csv --dry-run --report refused.jsonl',
    'latchkey import --from csv people.csv --org 69629023906488334 --report refused.jsonl',
    'latchkey import export.jsonl --db postgres://latchkey@db.example/latchkey',
  ],
  run: runImport,
};

async function runImport(context: CommandContext): Promise<void> {
  const [file] = context.args.operands;
  if (file === undefined) throw new UsageError('no file: latchkey import [--from FORM] FILE');
  const from = context.args.text('from');
  if (from !== undefined) return importPeople(context, { file, from });
  requireNone(context.args);
  const database = databaseOf(context.args);
  const { databaseNameOf } = await import('../../app/app.ts');
  try {
    const progress = startProgress(context, 'rows');
    const counts = await restore(context, { file, database, progress });
    const seconds = progress.end();
    const rows = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const name = databaseNameOf(database);
    const rowsPerSecond = rate(rows, seconds);
    await context.output.document({ database: name, file, rows, counts, seconds, rowsPerSecond }, [
      `${rows} rows (${counts.user} users) into ${name} in ${seconds.toFixed(1)} s, ${rowsPerSecond} a second`,
      'Every row is what its events make of it.',
    ]);
  } catch (error) {
    throw toCliError(error, file);
  }
}

// What a restored database is like is in the file alone.
function requireNone(args: Arguments): void {
  const odd = Object.keys(importCommand.options).find((name) => name !== 'db' && args.flag(name));
  if (odd === undefined || odd === 'json') return;
  throw new UsageError(
    `--${odd} goes with --from; without it FILE is an export, into the empty database of --db`,
  );
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
  const { openRestoration } = await import('../../app/app.ts');
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
    `rows and events contradict one another, ${problemsTotal} times:${shown.join('')}`,
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
  const message = `Nothing was imported from ${file}: ${error.message}`;
  return new CliError({ code: 'invalid_argument', message }, error);
}
