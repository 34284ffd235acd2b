import { UsageError } from '../../../app/config.ts';
import type { Arguments } from '../../arguments.ts';
import type { LockToEnd } from '../../backend-lock.ts';
import { type Command, type CommandContext, changeOptions, userOptions } from '../../command.ts';
import { parseDuration } from '../../duration.ts';
import { parseTime } from '../../expiry.ts';
import { withStateHint } from '../state-hint.ts';
import { userIdOf } from './name.ts';

const common = { operands: '(USER_ID | --login NAME)', operandsMax: 1, json: 'document' } as const;

/** `latchkey user lock`, `unlock`. */
export const userLockCommands: readonly Command[] = [
  {
    path: 'user lock',
    ...common,
    summary: 'Lock a user: no sign-in, and all tokens end for good',
    options: {
      ...userOptions,
      for: { value: 'TIME', help: 'the lock ends by itself after it, such as 30m, 12h or 7d' },
      until: { value: 'TIME', help: 'the lock ends by itself then, such as 2031-01-31T12:00:00Z' },
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
    ...common,
    summary: 'Unlock a locked user and forget the failed sign-ins',
    options: {
      ...userOptions,
      ticket: { value: 'TEXT', help: 'number of the ticket; kept in the event' },
      'identified-by': { value: 'TEXT', help: 'how the person was identified; kept in the event' },
      generation: { value: 'N', help: 'only this lock, as "latchkey lock show" tells; never a newer one' },
      ...changeOptions,
    },
    examples: [
      'latchkey user unlock 69629023906488334 --ticket 4711 --identified-by "called back"',
      'latchkey user unlock --login ada@acme.example --generation 12 --json',
      'latchkey user unlock 69629023906488334 --db latchkey-data/latchkey.db',
    ],
    run: unlock,
  },
];

async function lock(context: CommandContext): Promise<void> {
  const until = endOf(context.args);
  const userId = await userIdOf(context);
  const order = { userId, ...(until !== undefined && { until }) };
  const backend = await context.backend();
  const locked = await withStateHint(context, { userId, action: 'lock' }, () => backend.lockUser(order));
  const end = locked.until === undefined ? '' : ` until ${locked.until}`;
  await context.output.document({ ...locked, state: 'locked' }, [
    `User ${userId} locked at ${locked.changeDate}: now locked${end} (event ${locked.sequence})`,
  ]);
}

function endOf(args: Arguments): number | undefined {
  const [span, time] = [args.text('for'), args.text('until')];
  if (span !== undefined && time !== undefined) throw new UsageError('give --for or --until, not both');
  if (span !== undefined) return Date.now() + parseDuration(span, 'for') * 1_000;
  return time === undefined ? undefined : parseTime(time, 'until');
}

async function unlock(context: CommandContext): Promise<void> {
  const said = orderOf(context.args);
  const userId = await userIdOf(context);
  const backend = await context.backend();
  const unlocked = await withStateHint(context, { userId, action: 'unlock' }, () =>
    backend.unlockUser({ userId, ...said }),
  );
  await context.output.document({ ...unlocked, state: 'active' }, [
    `User ${userId} unlocked at ${unlocked.changeDate}: now active (event ${unlocked.sequence})`,
  ]);
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
