import { UsageError } from '../../../app/usage.ts';
import type { UserKind, UserState } from '../../../domain/user.ts';
import type { Backend, GrantRow, UserQuery, UserRow } from '../../backend.ts';
import { type Command, type CommandContext, connectionOptions, userOptions } from '../../command.ts';
import { Names } from '../../eyes/names.ts';
import { type Column, type Output, pairs, tableLines } from '../../output.ts';
import type { PageQuery } from '../../page.ts';
import { pageRowsMax } from '../../page.ts';
import { pageOptions, printList } from '../../paging.ts';
import { eventColumnsOf, idsOfEvents } from '../events.ts';
import { readHistory, type UserHistory } from './history.ts';
import { userIdOf } from './name.ts';

const states = ['initial', 'active', 'inactive', 'locked'] as const satisfies readonly UserState[];

const types = ['human', 'machine', 'external'] as const satisfies readonly UserKind[];

/** `latchkey user list`, `show`. */
export const userCommands: readonly Command[] = [
  {
    path: 'user list',
    operands: '',
    operandsMax: 0,
    summary: 'List users, by user name',
    options: {
      state: { value: 'STATE', choices: states, help: 'only users in this state' },
      type: { value: 'TYPE', choices: types, help: 'only users of this type' },
      org: { value: 'ORG_ID', help: 'only users of this organization' },
      'external-id': { value: 'ID', help: 'only whom an application calls so' },
      search: {
        value: 'TEXT',
        help: 'only where user name, display name or e-mail address contain it, or the external id is it',
      },
      ...pageOptions,
      ...connectionOptions,
    },
    json: 'lines',
    examples: ['latchkey user list --state locked', 'latchkey user list --search ada --json'],
    run: list,
  },
  {
    path: 'user find',
    operands: 'TEXT',
    operandsMax: 1,
    summary:
      'Find users whose user name, display name or e-mail address contains the text, or whose external id it is',
    options: {
      state: { value: 'STATE', choices: states, help: 'only users in this state' },
      org: { value: 'ORG_ID', help: 'only users of this organization' },
      ...pageOptions,
      ...connectionOptions,
    },
    json: 'lines',
    examples: ['latchkey user find ada', 'latchkey user find ada@acme.example --json'],
    run: find,
  },
  {
    path: 'user show',
    operands: '(USER_ID | --login NAME)',
    operandsMax: 1,
    summary: 'Show a user: state, since when, roles, and what happened last',
    notes: ['Since when, failed sign-ins and events are shown to those who may read events.'],
    options: { ...userOptions, ...connectionOptions },
    json: 'document',
    examples: ['latchkey user show 69629023906488334', 'latchkey user show --login ada@acme.example --json'],
    run: show,
  },
];

const columnsOf = (names: Names): readonly Column<UserRow>[] => [
  { title: 'ID', of: ({ userId }) => userId },
  { title: 'STATE', of: ({ state }) => state },
  { title: 'TYPE', of: ({ type }) => type },
  { title: 'LOGIN NAME', of: ({ loginName }) => loginName },
  { title: 'NAME', of: ({ displayName }) => displayName },
  { title: 'EMAIL', of: ({ email }) => email },
  { title: 'ORGANIZATION', of: ({ organizationId }) => names.organization(organizationId) },
];

async function list(context: CommandContext): Promise<void> {
  const { args } = context;
  const state = states.find((one) => one === args.text('state'));
  const type = types.find((one) => one === args.text('type'));
  const externalId = args.text('external-id');
  const organizationId = args.text('org');
  const search = args.operands[0] ?? args.text('search');
  const query = (page: PageQuery): UserQuery => ({
    ...page,
    ...(state !== undefined && { state }),
    ...(type !== undefined && { type }),
    ...(externalId !== undefined && { externalId }),
    ...(organizationId !== undefined && { organizationId }),
    ...(search !== undefined && { search }),
  });
  const backend = await context.backend();
  const key = ({ userId }: UserRow) => userId;
  const names = new Names(context);
  const fetch = async (page: PageQuery) => {
    const found = await backend.listUsers(query(page));
    await names.learn({ organizations: found.rows.map(({ organizationId: id }) => id) });
    return found;
  };
  await printList(context, { columns: columnsOf(names), key, fetch });
}

async function find(context: CommandContext): Promise<void> {
  if (context.args.operands.length === 0) throw new UsageError('no text: latchkey user find TEXT');
  await list(context);
}

async function show(context: CommandContext): Promise<void> {
  const userId = await userIdOf(context);
  const backend = await context.backend();
  const user = await backend.getUser(userId);
  const grants = await grantsOf(backend, userId);
  const history = await readHistory(backend, userId);
  const names = new Names(context);
  await names.learn({
    ...idsOfEvents(history?.events ?? []),
    organizations: [user.organizationId, ...grants.map(({ organizationId }) => organizationId)],
  });
  const { output } = context;
  const events =
    history === undefined ? [] : ['', ...tableLines(eventColumnsOf(names), history.events, output)];
  await output.document({ ...user, grants, ...history }, [
    ...pairs(facts({ user, grants, history, names }, output)),
    ...events,
  ]);
}

async function grantsOf(backend: Backend, userId: string): Promise<readonly Omit<GrantRow, 'userId'>[]> {
  const { rows } = await backend.listGrants({ userId, offset: 0, limit: pageRowsMax });
  return rows.map(({ userId: _, ...grant }) => grant);
}

interface Shown {
  readonly user: UserRow;
  readonly grants: readonly Omit<GrantRow, 'userId'>[];
  readonly history: UserHistory | undefined;
  readonly names: Names;
}

function facts(
  { user, grants, history, names }: Shown,
  { time }: Output,
): Readonly<Record<string, string | number | undefined>> {
  const held = grants.map(
    ({ role, organizationId }) => role + (organizationId ? ` on ${names.organization(organizationId)}` : ''),
  );
  const since = time(history?.stateSince);
  return {
    id: user.userId,
    state: since === undefined ? user.state : `${user.state} since ${since}`,
    'failed sign-ins': history?.failedPasswordAttempts,
    type: user.type,
    'external id': user.externalId,
    'login name': user.loginName,
    name: user.displayName,
    email: user.email,
    phone: user.phone,
    organization: names.organization(user.organizationId),
    roles: held.length === 0 ? undefined : held.join(', '),
    created: time(user.creationDate),
    changed: time(user.changeDate),
  };
}
