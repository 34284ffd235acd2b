import { suggestion } from '../../app/suggestion.ts';
import { UsageError } from '../../app/usage.ts';
import { errors } from '../../domain/errors.ts';
import { roles } from '../../domain/roles.ts';
import type { OptionSpecs } from '../arguments.ts';
import type { GrantRow } from '../backend.ts';
import {
  type Command,
  type CommandContext,
  changeOptions,
  connectionOptions,
  userOptions,
} from '../command.ts';
import { type IdsSeen, Names } from '../eyes/names.ts';
import { CliError } from '../failure.ts';
import type { Column } from '../output.ts';
import { pageOptions, printList } from '../paging.ts';
import { userIdIfGiven, userIdOf } from './user/name.ts';

const organizationOption = {
  org: { value: 'ORG_ID', help: 'the organization on which the role is held; absent: on the instance' },
} as const satisfies OptionSpecs;

const rolesNote = `Roles: ${roles.join(', ')}. IAM_ roles are held on the instance, ORG_ roles on an organization.`;

/** `latchkey grant add`, `remove`, `list`. */
export const grantCommands: readonly Command[] = [
  {
    path: 'grant add',
    operands: '(USER_ID | --login NAME) ROLE',
    operandsMax: 2,
    summary: 'Give a user a role, from the next call on',
    notes: [rolesNote],
    options: { ...organizationOption, ...userOptions, ...changeOptions },
    json: 'document',
    examples: [
      'latchkey grant add 69629023906488334 ORG_USER_UNLOCKER --org 69629012906488334',
      'latchkey grant add --login desk@acme.example IAM_USER_UNLOCKER',
    ],
    run: (context) => change(context, 'add'),
  },
  {
    path: 'grant remove',
    operands: '(USER_ID | --login NAME) ROLE',
    operandsMax: 2,
    summary: 'Take a role from a user, from the next call on',
    notes: [rolesNote],
    options: { ...organizationOption, ...userOptions, ...changeOptions },
    json: 'document',
    examples: ['latchkey grant remove 69629023906488334 ORG_USER_UNLOCKER --org 69629012906488334'],
    run: (context) => change(context, 'remove'),
  },
  {
    path: 'grant list',
    operands: '[USER_ID | --login NAME]',
    operandsMax: 1,
    summary: 'List who holds which role where',
    options: {
      org: { value: 'ORG_ID', help: 'only roles on this organization' },
      ...userOptions,
      ...pageOptions,
      ...connectionOptions,
    },
    json: 'lines',
    examples: ['latchkey grant list', 'latchkey grant list --org 69629012906488334 --json'],
    run: list,
  },
];

const columnsOf = (names: Names): readonly Column<GrantRow>[] => [
  { title: 'USER', of: ({ userId }) => userId },
  { title: 'LOGIN NAME', of: ({ userId }) => names.loginName(userId) },
  { title: 'ROLE', of: ({ role }) => role },
  { title: 'ORGANIZATION', of: ({ organizationId: id }) => (id ? names.organization(id) : '(instance)') },
];

const idsOf = (rows: readonly GrantRow[]): IdsSeen => ({
  users: rows.map(({ userId }) => userId),
  organizations: rows.map(({ organizationId }) => organizationId || undefined),
});

async function change(context: CommandContext, action: 'add' | 'remove'): Promise<void> {
  const { args, output } = context;
  // With --login the first operand is the role already.
  const roleAt = args.text('login') === undefined ? 1 : 0;
  const role = args.operands[roleAt];
  if (role === undefined) throw new UsageError(`no role: one of ${roles.join(', ')}`);
  requireRole(role, args.text('org'));
  const userId = await userIdOf(context, 1 - roleAt);
  const organizationId = args.text('org');
  const grant = { userId, role, ...(organizationId !== undefined && { organizationId }) };
  const backend = await context.backend();
  const changed = action === 'add' ? await backend.addGrant(grant) : await backend.removeGrant(grant);
  const place = organizationId === undefined ? 'the instance' : `organization ${organizationId}`;
  const verb = action === 'add' ? 'now holds' : 'no longer holds';
  await output.document({ ...grant, sequence: changed.sequence, changeDate: changed.changeDate }, [
    `User ${userId} ${verb} ${role} on ${place} (event ${changed.sequence})`,
  ]);
}

function requireRole(role: string, organizationId: string | undefined): void {
  const message = roles.some((known) => known === role)
    ? wrongPlace(role, organizationId)
    : `The role must be one of ${roles.join(', ')}${suggestion(role, roles)}`;
  if (message === undefined) return;
  const { kind, id, reason } = errors.roleUnknown;
  throw new CliError({ code: kind, id, reason, message });
}

function wrongPlace(role: string, organizationId: string | undefined): string | undefined {
  const isOfOrganization = role.startsWith('ORG_');
  if (isOfOrganization === (organizationId !== undefined)) return undefined;
  return isOfOrganization
    ? `${role} is held on an organization: say which with --org ORG_ID, as latchkey org list tells it`
    : `${role} is held on the instance: leave out --org`;
}

async function list(context: CommandContext): Promise<void> {
  const userId = await userIdIfGiven(context);
  const organizationId = context.args.text('org');
  const backend = await context.backend();
  const query = {
    ...(userId !== undefined && { userId }),
    ...(organizationId !== undefined && { organizationId }),
  };
  const names = new Names(context);
  await printList(context, {
    key: (grant) => JSON.stringify(grant),
    columns: columnsOf(names),
    fetch: (page) => names.listed(backend.listGrants({ ...page, ...query }), idsOf),
  });
}
