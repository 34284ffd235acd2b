import { suggestion } from '../../app/suggestion.ts';
import { UsageError } from '../../app/usage.ts';
import { eventTypes } from '../../domain/event-types.ts';
import type { Arguments } from '../arguments.ts';
import { type Command, type CommandContext, changeOptions, connectionOptions } from '../command.ts';
import { parseDuration } from '../duration.ts';
import { Names } from '../eyes/names.ts';
import { CliError } from '../failure.ts';
import type { AttemptRow, HookRow, HookToUpdate } from '../hook-backend.ts';
import { type Column, pairs } from '../output.ts';
import { pageOptions, printList } from '../paging.ts';

const one = { operands: 'SUBSCRIPTION_ID', operandsMax: 1, json: 'document' } as const;
const content = {
  types: { value: 'TYPES', help: 'only these types of events, comma-separated; all: every type' },
  description: { value: 'TEXT', help: 'what it is for; 200 characters at most' },
} as const;
const keepPreviousDefault = '24h';

/** `latchkey hook create`, `list`, `show`, `update`, `delete`, `pause`, `resume`, `test`, `attempts`. */
export const hookCommands: readonly Command[] = [
  {
    path: 'hook create',
    operands: 'URL',
    operandsMax: 1,
    json: 'document',
    summary: 'Have events sent to a URL, from now on',
    notes: [
      'stdout gets the secret that they are signed with, alone; it is shown this once.',
      'What is sent is what you may read, looked at for each event. Not with --db: it belongs to the user of a token.',
    ],
    options: {
      org: { value: 'ORG_ID', help: "only this organization's events; absent: all that you may read" },
      ...content,
      ...changeOptions,
    },
    examples: [
      'latchkey hook create https://chat.example/hooks/locks --types user.locked,user.unlocked > hook-secret',
      'latchkey hook create https://siem.example/in --description "audit" --json',
    ],
    run: create,
  },
  {
    path: 'hook list',
    operands: '',
    operandsMax: 0,
    json: 'lines',
    summary: 'List subscriptions; never their secrets',
    options: { ...pageOptions, ...connectionOptions },
    examples: ['latchkey hook list', 'latchkey hook list --json'],
    run: list,
  },
  {
    path: 'hook show',
    ...one,
    summary: 'Show a subscription, and how its deliveries go',
    options: { ...connectionOptions },
    examples: ['latchkey hook show 1766499000123456789'],
    run: async (context) => print(context, await (await context.backend()).getHook(idOf(context, 'show'))),
  },
  {
    path: 'hook update',
    ...one,
    summary: 'Change a subscription; what is not named stays. It is yours from then on',
    notes: ['With --rotate stdout gets the new secret alone; it is shown this once.'],
    options: {
      to: { value: 'NEW_URL', help: 'where events are sent from now on' },
      ...content,
      rotate: { help: 'make a new secret' },
      'keep-previous-for': {
        value: 'TIME',
        help: 'how long the secret before it signs as well, 7d at most; 0 where it was given away',
        fallback: keepPreviousDefault,
      },
      ...changeOptions,
    },
    examples: [
      'latchkey hook update 1766499000123456789 --to https://chat.example/hooks/new',
      'latchkey hook update 1766499000123456789 --rotate --keep-previous-for 2d > hook-secret',
    ],
    run: update,
  },
  {
    path: 'hook delete',
    ...one,
    summary: 'Delete a subscription and its secrets',
    options: { ...changeOptions },
    examples: ['latchkey hook delete 1766499000123456789'],
    run: remove,
  },
  {
    path: 'hook pause',
    ...one,
    summary: 'Send nothing until it is resumed',
    options: { ...changeOptions },
    examples: ['latchkey hook pause 1766499000123456789'],
    run: async (context) => print(context, await (await context.backend()).pauseHook(idOf(context, 'pause'))),
  },
  {
    path: 'hook resume',
    ...one,
    summary: 'Go on with the event that it stopped at, now',
    options: { ...changeOptions },
    examples: ['latchkey hook resume 1766499000123456789'],
    run: async (context) =>
      print(context, await (await context.backend()).resumeHook(idOf(context, 'resume'))),
  },
  {
    path: 'hook test',
    ...one,
    summary: 'Send a message of type latchkey.test, and say what came of it',
    options: { ...connectionOptions },
    notes: ['Exit code 6 where it was not delivered.'],
    examples: ['latchkey hook test 1766499000123456789 --timeout 20'],
    run: test,
  },
  {
    path: 'hook attempts',
    ...one,
    json: 'lines',
    summary: 'List its last tries, the newest first',
    options: { ...connectionOptions },
    examples: ['latchkey hook attempts 1766499000123456789'],
    run: attempts,
  },
];

const columnsOf = (names: Names): readonly Column<HookRow>[] => [
  { title: 'ID', of: ({ subscriptionId }) => subscriptionId },
  { title: 'STATE', of: ({ state, pauseCause }) => (pauseCause ? `${state} (${pauseCause})` : state) },
  { title: 'FAILED', of: ({ failedTries }) => failedTries },
  { title: 'ORGANIZATION', of: ({ organizationId: id }) => id && names.organization(id) },
  { title: 'URL', of: ({ url }) => url },
];

const attemptColumns: readonly Column<AttemptRow>[] = [
  { title: 'TIME', isTime: true, of: ({ time }) => time },
  { title: 'TRY', of: ({ nth }) => nth },
  { title: 'OUTCOME', of: ({ outcome }) => outcome },
  { title: 'STATUS', of: ({ status }) => status },
  { title: 'MS', of: ({ durationMs }) => durationMs },
  { title: 'TYPE', of: ({ eventType }) => eventType },
  { title: 'MESSAGE', of: ({ messageId }) => messageId },
];

async function create(context: CommandContext): Promise<void> {
  const { args, output } = context;
  const [url] = args.operands;
  if (url === undefined) throw new UsageError('no URL: latchkey hook create URL');
  const organizationId = args.text('org');
  const eventTypesWanted = typesOf(args) ?? [];
  const backend = await context.backend();
  const made = await backend.createHook({
    ...(organizationId !== undefined && { organizationId }),
    url,
    description: args.text('description') ?? '',
    eventTypes: eventTypesWanted,
  });
  await output.document(made, [made.secret]);
  await output.note(`subscription ${made.subscriptionId}; the secret is shown this once`);
  await warn(context, made);
}

async function list(context: CommandContext): Promise<void> {
  const backend = await context.backend();
  const names = new Names(context);
  await printList(context, {
    key: ({ subscriptionId }) => subscriptionId,
    columns: columnsOf(names),
    fetch: (page) => names.listed(backend.listHooks(page), organizationsOf),
  });
}

async function update(context: CommandContext): Promise<void> {
  const { args, output } = context;
  const change = changeOf(args, idOf(context, 'update'));
  if (Object.keys(change).length === 1)
    throw new UsageError('nothing to change: see latchkey hook update --help');
  const { secret, ...row } = await (await context.backend()).updateHook(change);
  if (secret === undefined) {
    await print(context, row);
  } else {
    await output.document({ ...row, secret }, [secret]);
    await output.note(
      `the secret before it signs as well until ${output.time(row.previousSecretUntil) ?? 'now'}`,
    );
  }
  if (change.url !== undefined) await warn(context, row);
}

/** What the first event would tell is said at once. What the server was started with is not known here. */
async function warn({ output }: CommandContext, { url, subscriptionId }: HookRow): Promise<void> {
  const { outOfReach } = await import('../../app/out-of-reach.ts');
  const why = outOfReach(url);
  if (why !== undefined) await output.note(`${why}; "latchkey hook test ${subscriptionId}" tells`);
}

function changeOf(args: Arguments, subscriptionId: string): HookToUpdate {
  const [url, description, eventTypes] = [args.text('to'), args.text('description'), typesOf(args)];
  const keep = args.text('keep-previous-for');
  if (keep !== undefined && !args.flag('rotate'))
    throw new UsageError('--keep-previous-for goes with --rotate');
  const keepPreviousForSeconds = parseDuration(keep ?? keepPreviousDefault, 'keep-previous-for');
  return {
    subscriptionId,
    ...(url !== undefined && { url }),
    ...(description !== undefined && { description }),
    ...(eventTypes !== undefined && { eventTypes }),
    ...(args.flag('rotate') && { rotate: { keepPreviousForSeconds } }),
  };
}

async function remove(context: CommandContext): Promise<void> {
  const subscriptionId = idOf(context, 'delete');
  const deletionDate = await (await context.backend()).deleteHook(subscriptionId);
  await context.output.document({ subscriptionId, deletionDate }, [
    `Subscription ${subscriptionId} deleted at ${deletionDate}`,
  ]);
}

const notAllowed =
  'the server connects to public addresses over https, and to what it was started with: --outbound-allow HOST';

async function test(context: CommandContext): Promise<void> {
  const attempt = await (await context.backend()).testHook(idOf(context, 'test'));
  const { outcome, status, durationMs } = attempt;
  const answered = status === undefined ? '' : `, HTTP ${status}`;
  await context.output.document(attempt, [`${outcome}${answered}, ${durationMs} ms`]);
  if (outcome === 'delivered') return;
  const next = outcome === 'not_allowed' ? `: ${notAllowed}` : '';
  throw new CliError({ code: 'unavailable', message: `The message was not delivered${next}` });
}

async function attempts(context: CommandContext): Promise<void> {
  const rows = await (await context.backend()).listAttempts(idOf(context, 'attempts'));
  async function* pages() {
    yield rows;
  }
  await context.output.rows(attemptColumns, pages());
  if (rows.length === 0) await context.output.note('none');
}

function typesOf(args: Arguments): readonly string[] | undefined {
  const text = args.text('types');
  if (text === undefined || text === 'all') return text && [];
  const types = text
    .split(',')
    .map((type) => type.trim())
    .filter((type) => type !== '');
  const unknown = types.find((type) => !eventTypes.includes(type));
  if (unknown === undefined) return types;
  const near = suggestion(unknown, eventTypes);
  throw new UsageError(`--types: there are no events "${unknown}"${near} (latchkey events --help lists all)`);
}

function idOf({ args }: CommandContext, verb: string): string {
  const [subscriptionId] = args.operands;
  if (subscriptionId !== undefined) return subscriptionId;
  throw new UsageError(`no subscription: latchkey hook ${verb} SUBSCRIPTION_ID`);
}

const organizationsOf = (rows: readonly HookRow[]) => ({
  organizations: rows.map(({ organizationId }) => organizationId),
});

async function print(context: CommandContext, row: HookRow): Promise<void> {
  const { output } = context;
  const { eventTypes, pauseCause, organizationId } = row;
  const names = new Names(context);
  await names.learn({ organizations: [organizationId], users: [row.ownerUserId] });
  await output.document(
    row,
    pairs({
      subscription: row.subscriptionId,
      url: row.url,
      description: row.description,
      state: pauseCause === undefined ? row.state : `${row.state} (${pauseCause})`,
      types: eventTypes.length === 0 ? 'all' : eventTypes.join(', '),
      organization: organizationId ? names.organization(organizationId) : 'all that the owner may read',
      owner: names.userAndId(row.ownerUserId),
      created: output.time(row.creationDate),
      'last delivered': output.time(row.lastDelivered),
      'failed tries': row.failedTries,
      'next try': output.time(row.nextTry),
      'previous secret until': output.time(row.previousSecretUntil),
    }),
  );
}
