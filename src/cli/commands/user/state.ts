import type { UserState } from '../../../domain/user.ts';
import type { UserAction } from '../../../domain/user-state.ts';
import { type Command, type CommandContext, changeOptions, userOptions } from '../../command.ts';
import { withStateHint } from '../state-hint.ts';
import { type Done, eachUser, severalUsers } from './several.ts';

/** Locking and unlocking have more to say: see user-lock.ts. */
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
    options: { ...userOptions, ...changeOptions },
    json: 'lines',
    examples: [
      `latchkey user ${action} 69629023906488334 --reason "${wordings[action].reason}"`,
      `latchkey user ${action} --login ada@acme.example --json`,
      `latchkey user ${action} 69629023906488334 --db latchkey-data/latchkey.db`,
    ],
    run: (context) => eachUser(context, (userId) => change(context, action, userId)),
  }),
);

async function change(context: CommandContext, action: PlainAction, userId: string): Promise<Done> {
  const backend = await context.backend();
  const changed = await withStateHint(context, { userId, action }, () =>
    backend.changeUserState(userId, action),
  );
  const { done, state } = wordings[action];
  return {
    row: { ...changed, state },
    line: `User ${userId} ${done} at ${changed.changeDate}: now ${state} (event ${changed.sequence})`,
  };
}
