import { UsageError } from '../../app/usage.ts';
import type { TokenRow } from '../backend.ts';
import {
  type Command,
  type CommandContext,
  changeOptions,
  connectionOptions,
  userOptions,
} from '../command.ts';
import { parseExpiry } from '../expiry.ts';
import { type IdsSeen, Names } from '../eyes/names.ts';
import { CliError } from '../failure.ts';
import type { Column } from '../output.ts';
import { pageOptions, printList } from '../paging.ts';
import { withStateHint } from './state-hint.ts';
import { userIdIfGiven, userIdOf } from './user/name.ts';

/** How long a new token lives. */
export const expiresDefault = '90d';
/** The option that says otherwise. */
export const expiresOption = {
  value: 'WHEN',
  help: 'a time from now such as 12h, 90d or 8w, or a date such as 2031-01-31',
  fallback: expiresDefault,
} as const;

/** `latchkey token create`, `revoke`, `list`. */
export const tokenCommands: readonly Command[] = [
  {
    path: 'token create',
    operands: '(USER_ID | --login NAME)',
    operandsMax: 1,
    summary: 'Make a personal access token for a machine user',
    notes: ['stdout gets the token alone; it is shown this once.'],
    options: {
      expires: expiresOption,
      ...userOptions,
      ...changeOptions,
    },
    json: 'document',
    examples: [
      'latchkey token create 69629023906488334 --expires 30d > deploy-token',
      'latchkey token create --login deploy@acme.example --json',
    ],
    run: create,
  },
  {
    path: 'token revoke',
    operands: 'TOKEN_ID',
    operandsMax: 1,
    summary: 'Revoke a token, from the next call on',
    notes: ['The token id is what stands before the dot of a token.'],
    options: { ...changeOptions },
    json: 'document',
    examples: ['latchkey token revoke 1766499000123456789 --reason "laptop lost"'],
    run: revoke,
  },
  {
    path: 'token list',
    operands: '[USER_ID | --login NAME]',
    operandsMax: 1,
    summary: 'List tokens; never their secrets',
    options: { ...userOptions, ...pageOptions, ...connectionOptions },
    json: 'lines',
    examples: ['latchkey token list', 'latchkey token list --login deploy@acme.example'],
    run: list,
  },
];

const columnsOf = (names: Names): readonly Column<TokenRow>[] => [
  { title: 'ID', of: ({ tokenId }) => tokenId },
  { title: 'USER', of: ({ userId }) => userId },
  { title: 'LOGIN NAME', of: ({ userId }) => names.loginName(userId) },
  { title: 'ORGANIZATION', of: ({ organizationId }) => names.organization(organizationId) },
  { title: 'CREATED', isTime: true, of: ({ creationDate }) => creationDate },
  { title: 'EXPIRES', isTime: true, of: ({ expirationDate }) => expirationDate },
];

const idsOf = (rows: readonly TokenRow[]): IdsSeen => ({
  users: rows.map(({ userId }) => userId),
  organizations: rows.map(({ organizationId }) => organizationId),
});

async function create(context: CommandContext): Promise<void> {
  const { args, output } = context;
  const expiresAt = parseExpiry(args.text('expires') ?? expiresDefault, Date.now());
  const userId = await userIdOf(context);
  const backend = await context.backend();
  const made = await withStateHint(context, { userId, action: 'token' }, () =>
    backend.createToken({ userId, expiresAt }),
  );
  const expirationDate = new Date(expiresAt).toISOString();
  await output.document({ ...made, userId, expirationDate }, [made.token]);
  await output.note(
    `token ${made.tokenId} of user ${userId}, until ${output.time(expirationDate)}; shown this once`,
  );
}

async function revoke(context: CommandContext): Promise<void> {
  const { output } = context;
  const { tokenId, userId } = await findToken(context, 'revoke');
  const backend = await context.backend();
  const { deletionDate } = await backend.revokeToken({ userId, tokenId });
  await output.document({ tokenId, userId, deletionDate }, [
    `Token ${tokenId} of user ${userId} revoked at ${deletionDate}`,
  ]);
}

/** The token that the operand names. Throws UsageError without one, CliError where there is no such token. */
export async function findToken({ args, backend }: CommandContext, verb: string): Promise<TokenRow> {
  const [typed] = args.operands;
  if (typed === undefined) throw new UsageError(`no token: latchkey token ${verb} TOKEN_ID`);
  // Whoever pastes the whole token means its id; the secret stays out of messages and events.
  const tokenId = typed.split('.', 1)[0] ?? typed;
  const { rows } = await (await backend()).listTokens({ tokenId, offset: 0, limit: 1 });
  const [token] = rows;
  if (token !== undefined) return token;
  throw new CliError({
    code: 'not_found',
    message: `Token ${tokenId} could not be found; an id is wanted, and latchkey token list tells it`,
  });
}

async function list(context: CommandContext): Promise<void> {
  const userId = await userIdIfGiven(context);
  const backend = await context.backend();
  const names = new Names(context);
  await printList(context, {
    key: ({ tokenId }) => tokenId,
    columns: columnsOf(names),
    fetch: (page) =>
      names.listed(backend.listTokens({ ...page, ...(userId !== undefined && { userId }) }), idsOf),
  });
}
