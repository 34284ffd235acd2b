import { UsageError } from '../../../app/usage.ts';
import type { UserQuery, UserRow } from '../../backend.ts';
import type { CommandContext } from '../../command.ts';
import { certainId } from '../../eyes/names.ts';
import { CliError, invalid, toFailure } from '../../failure.ts';

/** The id of the user who is named as an operand or by --login. Throws UsageError where neither or both are given. */
export async function userIdOf(context: CommandContext, operandAt = 0): Promise<string> {
  const userId = await givenId(context, operandAt, idNamedBy);
  if (userId === undefined) throw new UsageError('no user: give the user id, or --login NAME');
  return userId;
}

/** The same where naming a user is optional, for a list: it would say of nobody what it says of who has nothing. */
export const userIdIfGiven = (context: CommandContext): Promise<string | undefined> =>
  givenId(context, 0, async (_, typed) => {
    const userId = await findId(context, typed);
    if (userId === undefined) throw nobodyNamed(typed);
    return userId;
  });

async function givenId(
  context: CommandContext,
  operandAt: number,
  idOf: (context: CommandContext, typed: string) => Promise<string>,
): Promise<string | undefined> {
  const { args } = context;
  const operand = args.operands[operandAt];
  const login = args.text('login');
  if (login === undefined) return operand === undefined ? undefined : idOf(context, operand);
  if (operand !== undefined) throw new UsageError('give the user id or --login NAME, not both');
  return (await findByName(context, login)).userId;
}

/**
 * The id of the user whom somebody typed: an id, else a name as --login takes it. What is neither is taken for an id, so
 * that the command itself says that there is none. Throws where a name is several users'.
 */
export const idNamedBy = async (context: CommandContext, typed: string): Promise<string> =>
  (await findId(context, typed)) ?? typed;

async function findId(context: CommandContext, typed: string): Promise<string | undefined> {
  // As a variable of the shell that was never set.
  if (typed.trim() === '') throw invalid('the name of a user is empty: give an id or a name');
  // No question is asked about one.
  if (certainId(typed) !== undefined) return typed;
  try {
    return (await (await context.backend()).getUser(typed)).userId;
  } catch (error) {
    if (toFailure(error).code !== 'not_found') throw error;
  }
  return (await findIfThere(context, typed))?.userId;
}

async function findByName(context: CommandContext, name: string): Promise<UserRow> {
  const found = await findIfThere(context, name);
  if (found !== undefined) return found;
  throw nobodyNamed(name);
}

const nobodyNamed = (name: string) =>
  new CliError({
    code: 'not_found',
    message: `No user has the name "${name}"; latchkey user find TEXT finds people`,
  });

/**
 * A login name is one user's alone. A user name, an e-mail address or what an application calls somebody may be several
 * users': then nobody is picked, because the wrong one would be locked or unlocked.
 */
async function findIfThere(context: CommandContext, name: string): Promise<UserRow | undefined> {
  const byLoginName = await search(context, { loginName: name });
  const found = byLoginName.length > 0 ? byLoginName : await usersNamed(context, name);
  const [only, ...others] = found;
  if (only === undefined) return undefined;
  if (others.length === 0) return only;
  const candidates = found
    .map(({ userId, loginName, state, displayName }) =>
      `\n  ${userId}  ${loginName}  ${state}  ${displayName}`.trimEnd(),
    )
    .join('');
  throw invalid(`Several users have the name "${name}"; give the id of one:${candidates}`);
}

// None of them goes before another: anybody's manager may call somebody what an application calls somebody else.
async function usersNamed(context: CommandContext, name: string): Promise<readonly UserRow[]> {
  const found = await Promise.all([search(context, { name }), search(context, { externalId: name })]);
  return [...new Map(found.flat().map((user) => [user.userId, user])).values()];
}

const candidatesMax = 10;

async function search(
  context: CommandContext,
  query: Pick<UserQuery, 'loginName' | 'name' | 'externalId'>,
): Promise<readonly UserRow[]> {
  const backend = await context.backend();
  return (await backend.listUsers({ ...query, offset: 0, limit: candidatesMax })).rows;
}
