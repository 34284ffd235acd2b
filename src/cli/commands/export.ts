import { howMany } from '../../domain/words/how-many.ts';
import type { Archive } from '../../store/store.ts';
import { type Command, type CommandContext, databaseOptions } from '../command.ts';
import { jsonLine, write } from '../output.ts';
import { rate, startProgress } from '../progress.ts';
import { makeSecretFile } from '../secret-file.ts';

/** `latchkey export`. */
export const exportCommand: Command = {
  path: 'export',
  operands: '[FILE]',
  operandsMax: 1,
  summary: 'Write all events and rows as JSON Lines, for import into either store',
  options: databaseOptions,
  json: 'document',
  notes: [
    'The file is the database at one moment; servers may go on. Without FILE, or with -, it goes to stdout.',
    'It holds the hashes of passwords and tokens: FILE is made with mode 0600 and never overwritten. Keep it as safe as',
    'the database. The same data makes the same bytes, whatever store it comes from.',
  ],
  examples: [
    'latchkey export people.jsonl --db latchkey-data/latchkey.db',
    'latchkey export --db postgres://latchkey@db.example/latchkey > people.jsonl',
  ],
  run: runExport,
};

async function runExport(context: CommandContext): Promise<void> {
  const [file = '-'] = context.args.operands;
  const { existingDatabaseOf } = await import('../database.ts');
  const database = existingDatabaseOf(context.args);
  const { databaseNameOf, openArchive } = await import('../../app/app.ts');
  await using archive = await openArchive(database);
  const { output, errors } = context.terminal;
  if (file === '-') {
    const done = await writeLines(context, archive, (text) => write(output, text));
    // stdout is the file.
    const said = { database: databaseNameOf(database), file, ...done };
    if (context.args.flag('json')) return write(errors, jsonLine(said)).catch(() => undefined);
    return context.output.note(sentence(done, 'stdout'));
  }
  const done = await makeSecretFile(file, (handle) =>
    writeLines(context, archive, (text) => handle.appendFile(text)),
  );
  await context.output.document({ database: databaseNameOf(database), file, ...done }, [
    sentence(done, file),
    'It holds password and token hashes: keep it as safe as the database.',
  ]);
}

interface Done extends Record<string, unknown> {
  readonly rows: number;
  readonly seconds: number;
  readonly rowsPerSecond: number;
}

async function writeLines(
  context: CommandContext,
  archive: Archive,
  writeText: (text: string) => Promise<void>,
): Promise<Done> {
  const progress = startProgress(context, 'row');
  const total = Object.values(archive.counts).reduce((sum, count) => sum + count, 0);
  let rows = 0;
  const { exportLines } = await import('../../queries/export.ts');
  for await (const page of exportLines(archive)) {
    await writeText(page.text);
    rows += page.rows;
    progress.report(rows, total);
  }
  const seconds = progress.end();
  return { rows, counts: archive.counts, seconds, rowsPerSecond: rate(rows, seconds) };
}

const sentence = ({ rows, seconds, rowsPerSecond }: Done, file: string): string =>
  `${howMany(rows, 'row')} to ${file} in ${seconds.toFixed(1)} s, ${rowsPerSecond} a second`;
