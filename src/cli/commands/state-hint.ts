import type { ErrorKind } from '../../domain/error-entry.ts';
import type { UserState } from '../../domain/user.ts';
import type { UserAction } from '../../domain/user-state.ts';
import type { CommandContext } from '../command.ts';
import { CliError, toFailure } from '../failure.ts';

/** `token`: to make one. */
type Refusable = Exclude<UserAction, 'delete'> | 'token';
type Hint = (userId: string) => string;

const explain: Hint = (userId) => `if they cannot sign in, see latchkey lock explain ${userId}`;
const unlock: Hint = (userId) => `latchkey user unlock ${userId} lets them in again`;
const reactivate: Hint = (userId) => `latchkey user reactivate ${userId} lets them in again`;
const show: Hint = (userId) => `latchkey lock show ${userId} tells since when and why`;
const initial: Hint = () => 'they have never set a password';

/** What helps whoever meant the action, by the state that refused it. */
const hints = {
  lock: { locked: show, inactive: () => 'nobody who is deactivated can sign in anyway' },
  unlock: { inactive: reactivate, active: explain, initial },
  deactivate: { inactive: reactivate, initial },
  reactivate: { locked: unlock, active: explain, initial },
  token: { locked: unlock, inactive: reactivate },
} as const satisfies Record<Refusable, Partial<Record<UserState, Hint>>>;

const words: Readonly<Record<UserState, string>> = {
  initial: 'new',
  active: 'active',
  inactive: 'deactivated',
  locked: 'locked',
  deleted: 'deleted',
};

const refusal: ErrorKind = 'failed_precondition';

/** The change, or its refusal with what the user is and what would help. The error and its exit code stay what they are. */
export async function withStateHint<Changed>(
  context: CommandContext,
  { userId, action }: { readonly userId: string; readonly action: UserAction | 'token' },
  change: () => Promise<Changed>,
): Promise<Changed> {
  try {
    return await change();
  } catch (error) {
    if (action === 'delete') throw error;
    const failure = toFailure(error);
    if (failure.code !== refusal) throw error;
    const state = await stateOf(context, userId);
    const hint: Hint | undefined = state && (hints[action] as Partial<Record<UserState, Hint>>)[state];
    if (state === undefined || hint === undefined) throw error;
    const message = `${failure.message}: they are ${words[state]}; ${hint(userId)}`;
    throw new CliError({ ...failure, message }, error);
  }
}

/** Undefined where the caller may not look. */
async function stateOf(context: CommandContext, userId: string): Promise<UserState | undefined> {
  try {
    return (await (await context.backend()).getUser(userId)).state;
  } catch {
    // The refusal is the answer; a hint is not worth another one.
    return undefined;
  }
}
