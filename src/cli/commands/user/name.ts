import { UsageError } from '../../../app/config.ts';
import type { UserQuery, UserRow } from '../../backend.ts';
import type { CommandContext } from '../../command.ts';
import { CliError } from '../../failure.ts';

/** The id of the user who is named as an operand or by --login. Throws UsageError where neither or both are given. */
export async function userIdOf(context: CommandContext, operandAt = 0): Promise<string> {
  const userId = await userIdIfGiven(context, operandAt);
  if (userId === undefined) throw new UsageError('no user: give the user id, or --login NAME');
  return userId;
}

/** The same where naming a user is optional. */
export async function userIdIfGiven(context: CommandContext, operandAt = 0): Promise<string | undefined> {
  const { args } = context;
  const operand = args.operands[operandAt];
  const login = args.text('login');
  if (login === undefined) return operand;
  if (operand !== undefined) throw new UsageError('give the user id or --login NAME, not both');
  return (await findByName(context, login)).userId;
}

/**
 * A login name is one user's alone. A user name or an e-mail address may be several users': then nobody is picked,
 * because the wrong one would be locked or unlocked.
 */
async function findByName(context: CommandContext, name: string): Promise<UserRow> {
  const byLoginName = await search(context, { loginName: name });
  const found = byLoginName.length > 0 ? byLoginName : await search(context, { name });
  const [only, ...others] = found;
  if (only === undefined) {
    throw new CliError({ code: 'not_found', message: `No user has the name "${name}"` });
  }
  if (others.length === 0) return only;
  const candidates = found.map(({ userId, loginName }) => `\n  ${userId}  ${loginName}`).join('');
  throw new CliError({
    code: 'invalid_argument',
    message: `Several users have the name "${name}"; give the id of one:${candidates}`,
  });
}

const candidatesMax = 10;

async function search(
  context: CommandContext,
  query: Pick<UserQuery, 'loginName' | 'name'>,
): Promise<readonly UserRow[]> {
  const backend = await context.backend();
  return (await backend.listUsers({ ...query, offset: 0, limit: candidatesMax })).rows;
}
