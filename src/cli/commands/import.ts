import { UsageError } from '../../app/usage.ts';
import type { Arguments } from '../arguments.ts';
import { type Command, type CommandContext, changeOptions } from '../command.ts';
import { peopleOptions } from '../people/options.ts';

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
  if (from !== undefined) {
    const { importPeople } = await import('../people/import-people.ts');
    return importPeople(context, { file, from });
  }
  requireNone(context.args);
  const { restoreExport } = await import('../local/restore.ts');
  await restoreExport(context, file);
}

// What a restored database is like is in the file alone.
function requireNone(args: Arguments): void {
  const odd = Object.keys(importCommand.options).find((name) => name !== 'db' && args.flag(name));
  if (odd === undefined || odd === 'json') return;
  throw new UsageError(
    `--${odd} goes with --from; without it FILE is an export, into the empty database of --db`,
  );
}
