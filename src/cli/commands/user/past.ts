import type { HistoryRow } from '../../backend.ts';
import { historyRowsMax } from '../../backend.ts';
import { type Command, type CommandContext, connectionOptions, userOptions } from '../../command.ts';
import type { Column } from '../../output.ts';
import { actorName, reasonOf } from '../events.ts';
import { userIdOf } from './name.ts';

/** `latchkey user history`. */
export const userHistoryCommand: Command = {
  path: 'user history',
  operands: '(USER | --login NAME)',
  operandsMax: 1,
  summary: 'Tell what happened to a user, by whom, from where and why; newest first',
  notes: ['Whoever may read the user may see it; "latchkey events" takes a role that reads all events.'],
  options: {
    ...userOptions,
    limit: { value: 'N', help: 'how many rows at most', fallback: '20' },
    all: { help: 'all rows, however many' },
    ...connectionOptions,
  },
  json: 'lines',
  examples: [
    'latchkey user history ada@acme.example',
    'latchkey user history 69629023906488334 --all --json',
  ],
  run: async (context) => {
    const userId = await userIdOf(context);
    await context.output.rows(columns, pagesOf(context, userId));
  },
};

const columns: readonly Column<HistoryRow>[] = [
  { title: 'TIME', width: 24, isTime: true, of: ({ creationDate }) => creationDate },
  { title: 'TYPE', width: 18, of: ({ type }) => type },
  { title: 'BY', width: 19, of: nameOf },
  { title: 'FROM', width: 15, of: ({ actor }) => actor.ip },
  { title: 'REASON', of: reasonOf },
];

// What the policy did, it did: not the application whose call counted the last wrong password.
function nameOf({ actor, actorLoginName }: HistoryRow): string | undefined {
  return actor.policy === undefined && actorLoginName !== undefined ? actorLoginName : actorName(actor);
}

const limitDefault = 20;

async function* pagesOf({ args, backend }: CommandContext, userId: string) {
  const source = await backend();
  let beforeSequence = 0;
  let wanted = args.flag('all') ? Number.POSITIVE_INFINITY : (args.count('limit', 1) ?? limitDefault);
  while (wanted > 0) {
    const limit = Math.min(wanted, historyRowsMax);
    const { rows, nextBeforeSequence } = await source.listHistory({ userId, beforeSequence, limit });
    yield rows;
    if (nextBeforeSequence === 0) return;
    beforeSequence = nextBeforeSequence;
    wanted -= rows.length;
  }
}
