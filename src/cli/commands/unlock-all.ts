import { UsageError } from '../../app/usage.ts';
import { withoutBulkMax } from '../../domain/unlock-run.ts';
import { howMany } from '../../domain/words/how-many.ts';
import type { LockRow } from '../backend-lock.ts';
import { type Command, type CommandContext, changeOptions } from '../command.ts';
import { Names } from '../eyes/names.ts';
import type { Column, Output } from '../output.ts';
import { pagesOf } from '../paging.ts';
import type { PreviewRow } from '../run-backend.ts';
import { lockFilterOf, lockFilterOptions } from './lock-filter.ts';
import { finish, paceOptions, requireConfirmed } from './runs.ts';

/** `latchkey lock unlock-all`. */
export const unlockAllCommand: Command = {
  path: 'lock unlock-all',
  operands: '',
  operandsMax: 0,
  summary: 'Unlock a wave of locks, and nothing but it: who is locked again meanwhile stays locked',
  notes: [
    'The server does it, as one run: what is counted first is all that will be unlocked, each user and which lock of theirs.',
    'Each is an unlock like any other, under the same permission. More than 100 take user.unlock.bulk as well.',
    'A run goes on when this command is cut, and when the server is: "latchkey lock run RUN_ID" shows how far it is.',
  ],
  options: {
    ...lockFilterOptions,
    preview: { help: 'only count what would be unlocked' },
    'dry-run': { help: 'only count and list what would be unlocked' },
    yes: {
      value: 'COUNT',
      help: 'as many as --dry-run told; needed above 100, and refused where it is another count',
    },
    ...paceOptions,
    run: { value: 'NAME', help: 'the same name again starts nothing, and waits for the run that has it' },
    ...changeOptions,
  },
  json: 'lines',
  examples: [
    'latchkey lock unlock-all --cause policy --since 2h --dry-run',
    'latchkey lock unlock-all --cause policy --since 2h --reason alarm --ticket 4711 --yes 3000',
  ],
  run: unlockAll,
};

async function unlockAll(context: CommandContext): Promise<void> {
  const { args, output } = context;
  const filter = lockFilterOf(args);
  if (Object.keys(filter).length === 0) {
    throw new UsageError('which locks? give at least one of --cause, --org, --since, --before');
  }
  const backend = await context.backend();
  const isDry = args.flag('dry-run');
  const isLook = isDry || args.flag('preview');
  if (!isLook && args.text('reason') === undefined)
    throw new UsageError('no --reason: it is kept in each event');
  const preview = await backend.previewRun(filter);
  const { runToken, ...counts } = preview;
  const names = new Names(context);
  await names.learn({ organizations: preview.organizations.map(({ organizationId }) => organizationId) });
  const summary = summaryOf(preview, names, output);
  if (isLook && !isDry) return output.document(counts, summary);
  for (const line of summary) await output.note(line);
  if (isDry) return void (await output.rows(lockColumnsOf(names), locksOf(context, filter)));
  requireConfirmed(args.count('yes'), preview.count, ['lock', 'would end']);
  if (runToken === undefined) return;
  const ticket = args.text('ticket')?.toWellFormed();
  const requestId = args.text('run');
  const run = await backend.startRun({
    ...{ runToken, count: preview.count, rate: args.count('rate') ?? 0 },
    ...(ticket !== undefined && { ticket }),
    ...(requestId !== undefined && { requestId }),
  });
  await finish(context, run);
}

async function* locksOf(
  context: CommandContext,
  filter: ReturnType<typeof lockFilterOf>,
): AsyncGenerator<readonly LockRow[]> {
  const backend = await context.backend();
  const key = ({ userId }: LockRow) => userId;
  const fetch = (page: { readonly offset: number; readonly limit: number }) =>
    backend.listLocks({ ...page, ...filter });
  const everything = { start: 0, wanted: Number.POSITIVE_INFINITY };
  for await (const { rows } of pagesOf({ fetch, key }, everything)) yield rows;
}

const groupsMax = 20;

function summaryOf(preview: PreviewRow, names: Names, { time }: Output): string[] {
  const { count, causes, organizations, earliest, latest, notPermitted } = preview;
  if (count === 0) return [howMany(0, 'lock')];
  const rest = organizations.length - groupsMax;
  const named = organizations
    .slice(0, groupsMax)
    .map((one) => `${names.organization(one.organizationId)} ${one.count}`);
  return [
    howMany(count, 'lock'),
    `  by cause: ${causes.map((one) => `${one.cause} ${one.count}`).join(', ')}`,
    `  by organization: ${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`,
    `  from ${time(earliest)} to ${time(latest)}`,
    ...(notPermitted > 0 ? [`  not permitted: ${notPermitted}, who will stay locked${bulkHint(count)}`] : []),
  ];
}

const bulkHint = (count: number): string =>
  count > withoutBulkMax ? `; more than ${withoutBulkMax} take user.unlock.bulk` : '';

const lockColumnsOf = (names: Names): readonly Column<LockRow>[] => [
  { title: 'ID', of: ({ userId }) => userId },
  { title: 'LOGIN NAME', of: ({ loginName }) => loginName },
  { title: 'ORGANIZATION', of: ({ organizationId }) => names.organization(organizationId) },
  { title: 'CAUSE', of: ({ cause }) => cause },
  { title: 'SINCE', isTime: true, of: ({ since }) => since },
  { title: 'GENERATION', of: ({ generation }) => generation },
  { title: 'REASON', of: ({ reason }) => reason },
];
