import type { UserState } from '../domain/user.ts';
import { transitions, type UserAction } from '../domain/user-state.ts';
import { type Command, type CommandContext, changeOptions, userOptions } from './command.ts';
import { userIdOf } from './user-name.ts';

interface Wording {
  readonly summary: string;
  readonly done: string;
  readonly state: UserState;
  readonly reason: string;
}

const wordings = {
  lock: {
    summary: 'Lock a user: no sign-in, and all tokens end for good',
    done: 'locked',
    state: 'locked',
    reason: 'phone stolen',
  },
  unlock: {
    summary: 'Unlock a locked user and forget the failed sign-ins',
    done: 'unlocked',
    state: 'active',
    reason: 'ticket 4711, called back',
  },
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
} as const satisfies Record<UserAction, Wording>;

/** `latchkey user lock`, `unlock`, `deactivate`, `reactivate`, `delete`: one function, five names. */
export const userStateCommands: readonly Command[] = (Object.keys(transitions) as UserAction[]).map(
  (action) => ({
    path: `user ${action}`,
    operands: '(USER_ID | --login NAME)',
    operandsMax: 1,
    summary: wordings[action].summary,
    options: { ...userOptions, ...changeOptions },
    json: 'document',
    examples: [
      `latchkey user ${action} 69629023906488334 --reason "${wordings[action].reason}"`,
      `latchkey user ${action} --login ada@acme.example --json`,
      `latchkey user ${action} 69629023906488334 --db latchkey-data/latchkey.db`,
    ],
    run: (context) => change(context, action),
  }),
);

async function change(context: CommandContext, action: UserAction): Promise<void> {
  const userId = await userIdOf(context);
  const backend = await context.backend();
  const changed = await backend.changeUserState(userId, action);
  const { done, state } = wordings[action];
  await context.output.document({ ...changed, state }, [
    `User ${userId} ${done} at ${changed.changeDate}: now ${state} (event ${changed.sequence})`,
  ]);
}
