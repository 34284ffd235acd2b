import { UsageError } from '../../../app/usage.ts';
import type { Arguments } from '../../arguments.ts';
import type { LockToEnd, LockToSet } from '../../backend-lock.ts';
import { type Command, type CommandContext, changeOptions, userOptions } from '../../command.ts';
import { parseDuration } from '../../duration.ts';
import { parseTime } from '../../expiry.ts';
import { withStateHint } from '../state-hint.ts';
import { type Done, eachUser, severalUsers } from './several.ts';

const common = { ...severalUsers, json: 'lines' } as const;

const unlockCommand: Omit<Command, 'path' | 'examples'> = {
  ...common,
  summary: 'Unlock locked users and forget their failed sign-ins',
  options: {
    ...userOptions,
    ticket: { value: 'TEXT', help: 'number of the ticket; kept in the event; 200 characters at most' },
    'identified-by': {
      value: 'TEXT',
      help: 'how the person was identified; kept in the event; 500 characters at most',
    },
    generation: { value: 'N', help: 'only this lock, as "latchkey lock show" tells; never a newer one' },
    ...changeOptions,
  },
  run: unlock,
};

/** `latchkey user lock`, `unlock`, and `latchkey unlock`, which is what is typed first. */
export const userLockCommands: readonly Command[] = [
  {
    path: 'user lock',
    ...common,
    summary: 'Lock users: no sign-in, and all tokens end for good',
    options: {
      ...userOptions,
      for: { value: 'TIME', help: 'the lock ends by itself after it, such as 30m, 12h or 7d; 366d at most' },
      until: {
        value: 'TIME',
        help: 'the lock ends by itself then, such as 2031-01-31T12:00:00Z; 366 days ahead at most',
      },
      ...changeOptions,
    },
    examples: [
      'latchkey user lock 69629023906488334 --reason "phone stolen"',
      'latchkey user lock --login ada@acme.example --for 30m --json',
      'latchkey user lock 69629023906488334 --db latchkey-data/latchkey.db',
    ],
    run: lock,
  },
  {
    path: 'user unlock',
    ...unlockCommand,
    examples: [
      'latchkey user unlock 69629023906488334 --ticket 4711 --identified-by "called back"',
      'latchkey user unlock --login ada@acme.example --generation 12 --json',
      'latchkey user unlock 69629023906488334 --db latchkey-data/latchkey.db',
      'latchkey user unlock - --reason "false alarm"',
    ],
  },
  { ...unlockCommand, path: 'unlock', examples: ['latchkey unlock ada@acme.example --ticket 4711'] },
];

async function lock(context: CommandContext): Promise<void> {
  const until = endOf(context.args);
  await eachUser(context, (userId) => lockOne(context, { userId, ...(until !== undefined && { until }) }));
}

async function lockOne(context: CommandContext, order: LockToSet): Promise<Done> {
  const { userId } = order;
  const backend = await context.backend();
  const locked = await withStateHint(context, { userId, action: 'lock' }, () => backend.lockUser(order));
  const { time } = context.output;
  const end = locked.until === undefined ? '' : ` until ${time(locked.until)}`;
  return {
    row: { ...locked, state: 'locked' },
    line: `User ${userId} locked at ${time(locked.changeDate)}: now locked${end} (event ${locked.sequence})`,
  };
}

function endOf(args: Arguments): number | undefined {
  const [span, time] = [args.text('for'), args.text('until')];
  if (span !== undefined && time !== undefined) throw new UsageError('give --for or --until, not both');
  if (span !== undefined) return Date.now() + parseDuration(span, 'for') * 1_000;
  return time === undefined ? undefined : parseTime(time, 'until');
}

async function unlock(context: CommandContext): Promise<void> {
  const said = orderOf(context.args);
  if (said.expectedGeneration !== undefined && context.args.operands.length > 1)
    throw new UsageError('--generation is about the lock of one user');
  await eachUser(context, (userId) => unlockOne(context, { userId, ...said }));
}

async function unlockOne(context: CommandContext, order: LockToEnd): Promise<Done> {
  const { userId } = order;
  const backend = await context.backend();
  const unlocked = await withStateHint(context, { userId, action: 'unlock' }, () =>
    backend.unlockUser(order),
  );
  return {
    row: { ...unlocked, state: 'active' },
    line: `User ${userId} unlocked at ${context.output.time(unlocked.changeDate)}: now active (event ${unlocked.sequence})`,
  };
}

function orderOf(args: Arguments): Omit<LockToEnd, 'userId'> {
  const [ticket, identification] = [args.text('ticket'), args.text('identified-by')];
  const generation = args.count('generation');
  return {
    ...(ticket !== undefined && { ticket: ticket.toWellFormed() }),
    ...(identification !== undefined && { identification: identification.toWellFormed() }),
    ...(generation !== undefined && { expectedGeneration: BigInt(generation) }),
  };
}
