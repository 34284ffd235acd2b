import { type Command, type CommandContext, databaseOptions } from '../command.ts';
import { CliError } from '../failure.ts';

/** `latchkey verify`. */
export const verifyCommand: Command = {
  path: 'verify',
  operands: '',
  operandsMax: 0,
  summary: 'Hold every row against the events that made it',
  options: {
    ...databaseOptions,
    repair: {
      help: 'first mend what an older version wrote; nobody may serve a file meanwhile',
    },
  },
  json: 'document',
  notes: [
    'Exit code 0 where every row is what its events make of it and no event is missing, 5 where not; the problems are',
    'printed, the first 100 of them. Servers may go on meanwhile.',
  ],
  examples: ['latchkey verify --db latchkey-data/latchkey.db', 'latchkey verify --json'],
  run: runVerify,
};

async function runVerify({ args, output }: CommandContext): Promise<void> {
  const { existingDatabaseOf } = await import('../database.ts');
  const database = existingDatabaseOf(args);
  const { verify } = await import('../../queries/verify/verify.ts');
  const { databaseNameOf, openArchive, repair } = await import('../../app/app.ts');
  const mended = args.flag('repair') ? await repair(database) : undefined;
  await using archive = await openArchive(database);
  const found = await verify(archive);
  const name = databaseNameOf(database);
  const { users, organizations, events, problems, problemsTotal } = found;
  const { links, leftovers = 0 } = mended ?? {};
  const total = mended && { mended: (links ?? 0) + leftovers };
  await output.document({ database: name, ...found, ...total }, [
    ...(links === undefined ? [] : [`${name}: ${links} links mended`]),
    ...(leftovers > 0 || (mended && links === undefined)
      ? [`${name}: ${leftovers} rows taken away that were left of deleted users`]
      : []),
    ...problems.map(({ userId, text }) => (userId === '' ? text : `user ${userId}: ${text}`)),
    `${name}: ${users} users, ${organizations} organizations, ${events} events, ${problemsTotal} problems`,
  ]);
  if (problemsTotal === 0) return;
  const message = `${name}: rows and events contradict one another, ${problemsTotal} times`;
  throw new CliError({ code: 'failed_precondition', message });
}
