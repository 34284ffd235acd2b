import { randomUUID } from 'node:crypto';
import { UsageError } from '../../app/config.ts';
import type { LockRow } from '../backend-lock.ts';
import { type Command, type CommandContext, changeOptions } from '../command.ts';
import { CliError } from '../failure.ts';
import type { Column } from '../output.ts';
import { pagesOf } from '../paging.ts';
import { startProgress } from '../progress.ts';
import { lockFilterOf, lockFilterOptions } from './lock-filter.ts';
import { type Item, type Outcome, unlockEach } from './unlock-each.ts';

/** `latchkey lock unlock-all`. */
export const unlockAllCommand: Command = {
  path: 'lock unlock-all',
  operands: '',
  operandsMax: 0,
  summary: 'Unlock a wave of locks, and nothing but it: who is locked again meanwhile stays locked',
  notes: [
    'What is to be unlocked is listed first, and is all that will be: each user and which lock of theirs.',
    'Each is an unlock like any other, under the same permission, and the name of the run is its request id.',
    'After a cut, the same line again goes on: what is unlocked is no longer listed.',
  ],
  options: {
    ...lockFilterOptions,
    'dry-run': { help: 'only list what would be unlocked' },
    yes: {
      value: 'COUNT',
      help: 'as many as --dry-run told; needed above 100, and refused where it is another count',
    },
    ticket: { value: 'TEXT', help: 'number of the ticket; kept in each event' },
    rate: { value: 'N', help: 'unlocks a second at most', fallback: 'as many as the server takes' },
    run: { value: 'NAME', help: 'what the run is called in the events', fallback: 'a new random name' },
    ...changeOptions,
  },
  json: 'lines',
  examples: [
    'latchkey lock unlock-all --cause policy --since 2h --dry-run',
    'latchkey lock unlock-all --cause policy --since 2h --reason alarm --ticket 4711 --yes 3000',
  ],
  run: unlockAll,
};

/** Without a word above it: a slip of the keyboard, and not a wave. */
const unaskedMax = 100;

async function unlockAll(context: CommandContext): Promise<void> {
  const { args, output } = context;
  const filter = lockFilterOf(args);
  if (Object.keys(filter).length === 0) {
    throw new UsageError('which locks? give at least one of --cause, --org, --since, --before');
  }
  const isDry = args.flag('dry-run');
  if (!isDry && args.text('reason') === undefined)
    throw new UsageError('no --reason: it is kept in each event');
  const locks = await listAll(context, filter);
  await tellSummary(context, locks);
  if (isDry) return output.rows(lockColumns, inOnePage(locks));
  requireConfirmed(args.count('yes'), locks.length);
  const counts = await carryOut(context, locks);
  const refused = locks.length - counts.unlocked;
  if (refused === 0) return;
  const told = Object.entries(counts)
    .filter(([outcome, count]) => outcome !== 'unlocked' && count > 0)
    .map(([outcome, count]) => `${count} ${outcome}`);
  throw new CliError({
    code: 'failed_precondition',
    message: `${refused} of ${locks.length} were not unlocked: ${told.join(', ')}`,
  });
}

async function listAll(context: CommandContext, filter: ReturnType<typeof lockFilterOf>) {
  const backend = await context.backend();
  const key = ({ userId }: LockRow) => userId;
  const fetch = (page: { readonly offset: number; readonly limit: number }) =>
    backend.listLocks({ ...page, ...filter });
  const locks: LockRow[] = [];
  const everything = { start: 0, wanted: Number.POSITIVE_INFINITY };
  for await (const { rows } of pagesOf({ fetch, key }, everything)) locks.push(...rows);
  return locks;
}

async function tellSummary({ output }: CommandContext, locks: readonly LockRow[]): Promise<void> {
  await output.note(`${locks.length} locks`);
  if (locks.length === 0) return;
  await output.note(`  by cause: ${countsOf(locks.map(({ cause }) => cause))}`);
  await output.note(`  by organization: ${countsOf(locks.map(({ organizationId }) => organizationId))}`);
  const times = locks.map(({ since }) => since).sort();
  await output.note(`  from ${times[0]} to ${times.at(-1)}`);
}

const groupsMax = 20;

function countsOf(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const sorted = [...counts].sort(([, one], [, other]) => other - one);
  const shown = sorted.slice(0, groupsMax).map(([name, count]) => `${name} ${count}`);
  const rest = sorted.length - shown.length;
  return shown.join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

function requireConfirmed(confirmed: number | undefined, count: number): void {
  if (confirmed === count || (confirmed === undefined && count <= unaskedMax)) return;
  const again = 'look with --dry-run, then say --yes and the count';
  const message =
    confirmed === undefined
      ? `${count} locks would end: ${again}`
      : `There are ${count} locks, not ${confirmed}: ${again}`;
  throw new CliError({ code: 'failed_precondition', message });
}

async function carryOut(
  context: CommandContext,
  locks: readonly LockRow[],
): Promise<Readonly<Record<Outcome, number>>> {
  const { args, output } = context;
  const run = args.text('run') ?? randomUUID();
  const ticket = args.text('ticket');
  const order = { requestId: run, ...(ticket !== undefined && { ticket: ticket.toWellFormed() }) };
  const counts: Record<Outcome, number> = {
    unlocked: 0,
    newer_lock: 0,
    not_locked: 0,
    not_found: 0,
    not_permitted: 0,
    failed: 0,
  };
  const progress = startProgress(context, 'locks');
  let done = 0;
  async function* items() {
    const rate = args.count('rate') ?? 0;
    for await (const item of unlockEach(await context.backend(), { locks, order, rate })) {
      counts[item.outcome] += 1;
      done += 1;
      progress.report(done, locks.length);
      yield [{ ...item, run }];
    }
  }
  await output.rows(itemColumns, items());
  await output.note(`${counts.unlocked} unlocked in ${progress.end().toFixed(1)} s, run ${run}`);
  return counts;
}

const lockColumns: readonly Column<LockRow>[] = [
  { title: 'ID', of: ({ userId }) => userId },
  { title: 'LOGIN NAME', of: ({ loginName }) => loginName },
  { title: 'ORGANIZATION', of: ({ organizationId }) => organizationId },
  { title: 'CAUSE', of: ({ cause }) => cause },
  { title: 'SINCE', of: ({ since }) => since },
  { title: 'GENERATION', of: ({ generation }) => generation },
  { title: 'REASON', of: ({ reason }) => reason },
];

const itemColumns: readonly Column<Item>[] = [
  { title: 'ID', width: 19, of: ({ userId }) => userId },
  { title: 'OUTCOME', width: 13, of: ({ outcome }) => outcome },
  { title: 'LOGIN NAME', of: ({ loginName }) => loginName },
];

async function* inOnePage<Row>(rows: readonly Row[]): AsyncGenerator<readonly Row[]> {
  yield rows;
}
