import { UsageError } from '../../app/usage.ts';
import type { OrganizationRow } from '../backend.ts';
import { type Command, type CommandContext, changeOptions, connectionOptions } from '../command.ts';
import { type Column, pairs } from '../output.ts';
import { pageOptions, printList } from '../paging.ts';

/** `latchkey org create`, `list`. */
export const orgCommands: readonly Command[] = [
  {
    path: 'org create',
    operands: 'NAME',
    operandsMax: 1,
    summary: 'Make an organization',
    options: {
      id: { value: 'ORG_ID', help: 'its id', fallback: 'made up' },
      domain: {
        value: 'DOMAIN',
        help: 'what stands behind the @ of its login names',
        fallback: 'from the name',
      },
      ...changeOptions,
    },
    json: 'document',
    examples: ['latchkey org create "Acme Ltd" --domain acme.example'],
    run: create,
  },
  {
    path: 'org list',
    operands: '',
    operandsMax: 0,
    summary: 'List the organizations',
    options: { ...pageOptions, ...connectionOptions },
    json: 'lines',
    examples: ['latchkey org list', 'latchkey org list --all --json'],
    run: list,
  },
];

const columns: readonly Column<OrganizationRow>[] = [
  { title: 'ID', of: ({ organizationId }) => organizationId },
  { title: 'NAME', of: ({ name }) => name },
  { title: 'DOMAIN', of: ({ domain }) => domain },
  { title: 'CREATED', isTime: true, of: ({ creationDate }) => creationDate },
];

async function create(context: CommandContext): Promise<void> {
  const { args, output } = context;
  const [name] = args.operands;
  if (name === undefined) throw new UsageError('no name: latchkey org create NAME');
  const organizationId = args.text('id');
  const domain = args.text('domain');
  const backend = await context.backend();
  const made = await backend.createOrganization({
    name,
    ...(organizationId !== undefined && { organizationId }),
    ...(domain !== undefined && { domain }),
  });
  await output.document(
    made,
    pairs({
      id: made.organizationId,
      name: made.name,
      domain: made.domain,
      created: output.time(made.creationDate),
    }),
  );
}

async function list(context: CommandContext): Promise<void> {
  const backend = await context.backend();
  const key = ({ organizationId }: OrganizationRow) => organizationId;
  await printList(context, { columns, key, fetch: (page) => backend.listOrganizations(page) });
}
