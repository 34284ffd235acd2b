import { askYes, yesOption } from '../../ask.ts';
import { type Command, type CommandContext, changeOptions, userOptions } from '../../command.ts';
import { toFailure } from '../../failure.ts';
import { userIdOf } from './name.ts';

/** `latchkey user erase`. */
export const userEraseCommand: Command = {
  path: 'user erase',
  operands: '(USER_ID | --login NAME)',
  operandsMax: 1,
  summary: 'Delete a user and take the person out of the log, for good',
  notes: [
    'Names, addresses, numbers, metadata, IP addresses, user agents and free texts go; that something happened, when',
    'and by whom stays. A user who is deleted already is erased by id. The reason given here stays: name nobody in it.',
  ],
  options: {
    ...yesOption,
    ...userOptions,
    ...changeOptions,
  },
  json: 'document',
  examples: [
    'latchkey user erase --login ada@acme.example --reason "request 4711"',
    'latchkey user erase 69629023906488334 --yes',
  ],
  run: erase,
};

async function erase(context: CommandContext): Promise<void> {
  const { args, output } = context;
  const userId = await userIdOf(context);
  if (!args.flag('yes')) await ask(context, userId);
  const backend = await context.backend();
  const erased = await backend.eraseUser(userId);
  await output.document({ ...erased, state: 'deleted' }, [
    `User ${userId} erased at ${erased.changeDate} (event ${erased.sequence})`,
  ]);
}

async function ask(context: CommandContext, userId: string): Promise<void> {
  const { terminal } = context;
  // Nobody is looked up for a question that cannot be asked.
  const name = terminal.input.isTTY ? await nameOf(context, userId) : userId;
  await askYes(terminal, { question: `Erase ${name}?`, refused: `User ${userId} was not erased` });
}

async function nameOf(context: CommandContext, userId: string): Promise<string> {
  try {
    const { loginName } = await (await context.backend()).getUser(userId);
    return `user ${userId}, ${loginName}`;
  } catch (error) {
    // Deleted already, perhaps: whoever erases them is told otherwise.
    if (toFailure(error).code !== 'not_found') throw error;
    return `user ${userId}`;
  }
}
