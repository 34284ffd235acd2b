import { howMany } from '../../domain/words/how-many.ts';
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
  const counts = [
    howMany(users, 'user'),
    howMany(organizations, 'organization'),
    howMany(events, 'event'),
    howMany(problemsTotal, 'problem'),
  ];
  const { links, leftovers = 0 } = mended ?? {};
  const total = mended && { mended: (links ?? 0) + leftovers };
  await output.document({ database: name, ...found, ...total }, [
    ...(links === undefined ? [] : [`${name}: ${howMany(links, 'link')} mended`]),
    ...(leftovers > 0 || (mended && links === undefined)
      ? [
          `${name}: ${howMany(leftovers, 'row')} taken away that ${leftovers === 1 ? 'was' : 'were'} left of deleted users`,
        ]
      : []),
    ...problems.map(({ userId, text }) => (userId === '' ? text : `user ${userId}: ${text}`)),
    `${name}: ${counts.join(', ')}`,
  ]);
  if (problemsTotal === 0) return;
  const message = `${name}: rows and events contradict one another, ${howMany(problemsTotal, 'time')}`;
  throw new CliError({ code: 'failed_precondition', message });
}
