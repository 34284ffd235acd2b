import type { UserState } from '../../../domain/user.ts';
import type { UserAction } from '../../../domain/user-state.ts';
import { howMany } from '../../../domain/words/how-many.ts';
import { askYes, yesOption } from '../../ask.ts';
import { type Command, type CommandContext, changeOptions, userOptions } from '../../command.ts';
import { withStateHint } from '../state-hint.ts';
import { type Done, eachUser, severalUsers } from './several.ts';

/** Locking and unlocking have more to say: see lock.ts. */
type PlainAction = Exclude<UserAction, 'lock' | 'unlock'>;

interface Wording {
  readonly summary: string;
  readonly done: string;
  readonly state: UserState;
  readonly reason: string;
}

const wordings = {
  deactivate: {
    summary: 'Deactivate a user until reactivated; all tokens end for good',
    done: 'deactivated',
    state: 'inactive',
    reason: 'parental leave',
  },
  reactivate: {
    summary: 'Reactivate an inactive user',
    done: 'reactivated',
    state: 'active',
    reason: 'back from leave',
  },
  delete: {
    summary: 'Delete a user for good; the events stay',
    done: 'deleted',
    state: 'deleted',
    reason: 'left the company',
  },
} as const satisfies Record<PlainAction, Wording>;

/** `latchkey user deactivate`, `reactivate`, `delete`: one function, three names. */
export const userStateCommands: readonly Command[] = (Object.keys(wordings) as PlainAction[]).map(
  (action) => ({
    path: `user ${action}`,
    ...severalUsers,
    summary: wordings[action].summary,
    options: { ...(action === 'delete' && yesOption), ...userOptions, ...changeOptions },
    json: 'lines',
    examples: [
      `latchkey user ${action} 69629023906488334 --reason "${wordings[action].reason}"`,
      `latchkey user ${action} --login ada@acme.example --json${action === 'delete' ? ' --yes' : ''}`,
      `latchkey user ${action} 69629023906488334 --db latchkey-data/latchkey.db`,
    ],
    async run(context) {
      if (action === 'delete' && !context.args.flag('yes')) await askToDelete(context);
      await eachUser(context, (userId) => change(context, action, userId));
    },
  }),
);

// Once for all of them. A list on stdin leaves no terminal to ask at.
async function askToDelete({ args, terminal }: CommandContext): Promise<void> {
  const names = args.operands.length === 0 ? [args.text('login') ?? ''] : args.operands;
  const shown = names.length > 3 ? howMany(names.length, 'user') : names.join(', ');
  await askYes(terminal, { question: `Delete ${shown}?`, refused: 'Nobody was deleted' });
}

async function change(context: CommandContext, action: PlainAction, userId: string): Promise<Done> {
  const backend = await context.backend();
  const changed = await withStateHint(context, { userId, action }, () =>
    backend.changeUserState(userId, action),
  );
  const { done, state } = wordings[action];
  return {
    row: { ...changed, state },
    line: `User ${userId} ${done} at ${context.output.time(changed.changeDate)}: now ${state} (event ${changed.sequence})`,
  };
}
