import { UsageError } from '../../app/usage.ts';
import { howMany } from '../../domain/words/how-many.ts';
import { type Command, type CommandContext, databaseOptions } from '../command.ts';
import { startProgress } from '../progress.ts';
import { makeSecretFile } from '../secret-file.ts';

/** `latchkey backup`. */
export const backupCommand: Command = {
  path: 'backup',
  operands: 'FILE',
  operandsMax: 1,
  summary: 'Copy the embedded database, as it stands now, while it is served',
  options: databaseOptions,
  json: 'document',
  notes: [
    'FILE is a database like the first, made with mode 0600 and never overwritten; "latchkey verify --db FILE" proves it.',
    'To restore, stop the server and put it in the place of the database, whose -wal and -shm files go away.',
  ],
  examples: ['latchkey backup /backup/latchkey-monday.db --db latchkey-data/latchkey.db'],
  run: runBackup,
};

async function runBackup(context: CommandContext): Promise<void> {
  const [file] = context.args.operands;
  if (file === undefined) throw new UsageError('no file: latchkey backup FILE');
  const { existingDatabaseOf } = await import('../database.ts');
  const database = existingDatabaseOf(context.args);
  // No code that says "try again": a job that does would go on for ever.
  if (database.includes('://'))
    throw new UsageError(
      'backup is for the embedded file: with PostgreSQL use pg_dump, or "latchkey export"',
    );
  const { backUp, databaseNameOf } = await import('../../app/app.ts');
  const progress = startProgress(context, 'page');
  const bytes = await makeSecretFile(file, async (handle) => {
    await backUp({ from: database, to: file, onProgress: (done, total) => progress.report(done, total) });
    return (await handle.stat()).size;
  });
  const seconds = progress.end();
  const name = databaseNameOf(database);
  await context.output.document({ database: name, file, bytes, seconds }, [
    `${name} to ${file}: ${howMany(bytes, 'byte')} in ${seconds.toFixed(1)} s`,
  ]);
}
