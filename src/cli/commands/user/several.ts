import { UsageError } from '../../../app/usage.ts';
import { visible } from '../../../domain/visible.ts';
import type { CommandContext } from '../../command.ts';
import { CliError, type FailureCode, toFailure } from '../../failure.ts';
import { jsonLine, write } from '../../output.ts';
import { idNamedBy, userIdOf } from './name.ts';

/** Operands and their number, of a command that takes several users. */
export const severalUsers = { operands: '(USER... | - | --login NAME)', operandsMax: 100_000 } as const;

/** What a command has done to one user. */
export interface Done {
  readonly row: unknown;
  readonly line: string;
}

/**
 * Does it to each user who is named, by id or name, and tells each at once; "-" reads one name a line from stdin. Who
 * is refused is told on stderr, the others go on, and the exit code is 5 at the end. What would refuse everybody (no
 * server, no token) ends it at once.
 */
export async function eachUser(
  context: CommandContext,
  act: (userId: string) => Promise<Done>,
): Promise<void> {
  const { args, output } = context;
  const [first] = args.operands;
  if (args.operands.length <= 1 && first !== '-') {
    const { row, line } = await act(await userIdOf(context));
    return output.document(row, [line]);
  }
  if (args.text('login') !== undefined) throw new UsageError('give user ids or --login NAME, not both');
  const count = { asked: 0, refused: 0 };
  for await (const typed of namesOf(context)) {
    count.asked += 1;
    try {
      const { row, line } = await act(await idNamedBy(context, typed));
      await output.document(row, [line]);
    } catch (error) {
      await tellRefusal(context, typed, error);
      count.refused += 1;
    }
  }
  if (count.asked === 0) throw new UsageError('no user: stdin was empty');
  if (count.refused === 0) return;
  const message = `${count.refused} of ${count.asked} were refused`;
  throw new CliError({ code: 'failed_precondition', message });
}

/** Refusals of one user that say nothing of the next. */
const ofOne: ReadonlySet<FailureCode> = new Set([
  'not_found',
  'already_exists',
  'failed_precondition',
  'permission_denied',
  'invalid_argument',
  'aborted',
]);

async function tellRefusal({ args, terminal }: CommandContext, typed: string, error: unknown): Promise<void> {
  const failure = toFailure(error);
  if (error instanceof UsageError || !ofOne.has(failure.code)) throw error;
  const text = failure.message.split('\n').map(visible).join('\n');
  const line = args.flag('json')
    ? jsonLine({ error: { ...failure, user: typed } })
    : `latchkey: ${visible(typed)}: ${text}\n`;
  // Where nobody reads stderr, the exit code has to do.
  await write(terminal.errors, line).catch(() => undefined);
}

async function* namesOf({ args, terminal }: CommandContext): AsyncGenerator<string> {
  const { createInterface } = await import('node:readline');
  for (const operand of args.operands) {
    if (operand !== '-') {
      yield operand;
      continue;
    }
    for await (const line of createInterface({ input: terminal.input })) {
      const name = line.trim();
      if (name !== '') yield name;
    }
  }
}
