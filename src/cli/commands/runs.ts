import { setTimeout as delay } from 'node:timers/promises';
import { UsageError } from '../../app/usage.ts';
import { outcomes } from '../../domain/unlock-run-events.ts';
import { howMany } from '../../domain/words/how-many.ts';
import { type Command, type CommandContext, changeOptions, connectionOptions } from '../command.ts';
import { certainId, Names } from '../eyes/names.ts';
import { CliError } from '../failure.ts';
import { type Column, pairs } from '../output.ts';
import { startProgress } from '../progress.ts';
import { type RunItemRow, type RunPage, type RunRow, runItemsMax, runsMax, triedOf } from '../run-backend.ts';

const oneRun = { operands: 'RUN_ID', operandsMax: 1 } as const;

/** How a run is told to go. */
export const paceOptions = {
  ticket: { value: 'TEXT', help: 'number of the ticket; kept in each event; 200 characters at most' },
  rate: { value: 'N', help: 'users a second at most', fallback: 'as many as the server takes' },
} as const;

/** `latchkey lock runs`, `run`, `cancel`, `revert`. */
export const runCommands: readonly Command[] = [
  {
    path: 'lock runs',
    operands: '',
    operandsMax: 0,
    summary: 'List the waves that were unlocked, the newest first',
    options: { limit: { value: 'N', help: 'how many at most', fallback: '20' }, ...connectionOptions },
    json: 'lines',
    examples: ['latchkey lock runs'],
    run: list,
  },
  {
    path: 'lock run',
    ...oneRun,
    summary: 'Show a run: how far it is, and with --items what became of each user',
    options: {
      items: { help: 'one line for each user instead' },
      outcome: { value: 'OUTCOME', choices: outcomes, help: 'only users of whom this became; with --items' },
      wait: { help: 'until it has ended' },
      ...connectionOptions,
    },
    json: 'lines',
    examples: [
      'latchkey lock run 1795671704371665964',
      'latchkey lock run 1795671704371665964 --items --json',
    ],
    run: show,
  },
  {
    path: 'lock cancel',
    ...oneRun,
    summary: 'Have a run end with what is done',
    options: changeOptions,
    json: 'document',
    examples: ['latchkey lock cancel 1795671704371665964'],
    run: async (context) => {
      const backend = await context.backend();
      await backend.cancelRun(runIdOf(context));
      await printRun(context, await ended(context, runIdOf(context)));
    },
  },
  {
    path: 'lock revert',
    ...oneRun,
    summary: 'Take a run back: lock again whom it unlocked and nothing has happened to since',
    notes: [
      'Each is locked until the time that the old lock had. Who signed in, was changed or locked since is left alone, and told.',
    ],
    options: {
      yes: { value: 'COUNT', help: 'as many as it unlocked; needed above 100' },
      ...paceOptions,
      ...changeOptions,
    },
    json: 'lines',
    examples: ['latchkey lock revert 1795671704371665964 --reason "it was real" --yes 3000'],
    run: revert,
  },
];

function runIdOf({ args }: CommandContext): string {
  const [runId] = args.operands;
  if (runId === undefined) throw new UsageError('which run? give its id: "latchkey lock runs" lists them');
  return runId;
}

const runColumnsOf = (names: Names): readonly Column<RunRow>[] => [
  { title: 'RUN', of: ({ runId }) => runId },
  { title: 'STATE', of: ({ state }) => state },
  { title: 'STARTED', isTime: true, of: ({ started }) => started },
  { title: 'TRIED', of: (run) => `${triedOf(run)} of ${run.total}` },
  { title: 'BY', of: ({ startedBy, started }) => names.user(startedBy, started) },
  { title: 'TICKET', of: ({ ticket }) => ticket },
  { title: 'REASON', of: ({ reason }) => reason },
];

const itemColumns: readonly Column<RunItemRow>[] = [
  { title: 'ID', width: 19, of: ({ userId }) => userId },
  { title: 'OUTCOME', width: 13, of: ({ outcome }) => outcome },
  { title: 'LOGIN NAME', of: ({ loginName }) => loginName },
  { title: 'WHY', of: ({ why }) => why },
];

async function list(context: CommandContext): Promise<void> {
  const backend = await context.backend();
  const limit = context.args.count('limit', 1) ?? 20;
  let shown = 0;
  async function* pages() {
    for (let pageToken = ''; shown < limit; ) {
      const pageSize = Math.max(1, Math.min(limit - shown, runsMax));
      const page = await backend.listRuns({ pageToken, pageSize });
      shown += page.rows.length;
      yield page.rows;
      pageToken = page.nextPageToken;
      if (pageToken === '') return;
    }
  }
  const names = new Names(context);
  const idsOf = (rows: readonly RunRow[]) => ({ users: rows.map(({ startedBy }) => certainId(startedBy)) });
  await context.output.rows(runColumnsOf(names), names.of(pages(), idsOf));
  if (shown === 0) await context.output.note('none');
}

async function show(context: CommandContext): Promise<void> {
  const runId = runIdOf(context);
  const run = context.args.flag('wait')
    ? await ended(context, runId)
    : await (await context.backend()).getRun(runId);
  if (!context.args.flag('items')) return printRun(context, run);
  await printItems(context, run);
}

async function revert(context: CommandContext): Promise<void> {
  const { args } = context;
  const backend = await context.backend();
  const runId = runIdOf(context);
  if (args.text('reason') === undefined) throw new UsageError('no --reason: it is kept in each event');
  const { outcomes: of } = await backend.getRun(runId);
  requireConfirmed(args.count('yes'), of.unlocked, ['user', 'would be locked again']);
  const ticket = args.text('ticket')?.toWellFormed();
  const rate = args.count('rate') ?? 0;
  const run = await backend.revertRun({ runId, rate, ...(ticket !== undefined && { ticket }) });
  await finish(context, run);
}

/** Without a word above it: a slip of the keyboard, and not a wave. */
const unaskedMax = 100;

/** Throws where more are meant than go without a word, and another count, or none, was confirmed. */
export function requireConfirmed(
  confirmed: number | undefined,
  count: number,
  [one, becomes]: readonly [one: string, becomes: string],
): void {
  if (confirmed === count || (confirmed === undefined && count <= unaskedMax)) return;
  const again = 'look first, then say --yes and the count';
  const isOrAre = count === 1 ? 'is' : 'are';
  const message =
    confirmed === undefined
      ? `${howMany(count, one)} ${becomes}: ${again}`
      : `There ${isOrAre} ${howMany(count, one)}, not ${confirmed}: ${again}`;
  throw new CliError({ code: 'failed_precondition', message });
}

/** Waits for the run, tells what became of each, and fails where some were left alone. */
export async function finish(context: CommandContext, started: RunRow): Promise<void> {
  const { output } = context;
  await output.note(`run ${started.runId}`);
  const run = await ended(context, started.runId);
  await printItems(context, run);
  const done = run.outcomes.unlocked + run.outcomes.locked_again;
  const word = run.revertsRunId === undefined ? 'unlocked' : 'locked again';
  await output.note(`${done} ${word}, run ${run.runId} ${run.state}`);
  const left = run.total - done;
  if (left === 0) return;
  const told = Object.entries(run.outcomes)
    .filter(([outcome, count]) => outcome !== 'unlocked' && outcome !== 'locked_again' && count > 0)
    .map(([outcome, count]) => `${count} ${outcome}`);
  const untried = run.total - triedOf(run);
  if (untried > 0) told.push(`${untried} not tried`);
  throw new CliError({
    code: 'failed_precondition',
    message: `${left} of ${run.total} ${left === 1 ? 'was' : 'were'} not ${word}: ${told.join(', ')}`,
  });
}

const pollMs = 200;

async function ended(context: CommandContext, runId: string): Promise<RunRow> {
  const backend = await context.backend();
  const progress = startProgress(context, 'user');
  for (;;) {
    const run = await backend.getRun(runId);
    if (run.ended !== undefined) {
      progress.end();
      return run;
    }
    progress.report(triedOf(run), run.total);
    await delay(pollMs);
  }
}

async function printRun(context: CommandContext, run: RunRow): Promise<void> {
  const { output } = context;
  const { outcomes: of, runId, state, total, started, startedBy } = run;
  const names = new Names(context);
  await names.learn({ users: [certainId(startedBy)] });
  await output.document(
    run,
    pairs({
      run: runId,
      state,
      users: total,
      ...Object.fromEntries(Object.entries(of).filter(([, count]) => count > 0)),
      started: output.time(started),
      ended: output.time(run.ended),
      by: names.userAndId(startedBy, started),
      reason: run.reason,
      ticket: run.ticket,
      'takes back': run.revertsRunId,
    }),
  );
}

async function printItems(context: CommandContext, { runId }: RunRow): Promise<void> {
  const backend = await context.backend();
  const outcome = outcomes.find((one) => one === context.args.text('outcome'));
  const only = outcome === undefined ? {} : { outcome };
  async function* pages() {
    for (let pageToken = ''; ; ) {
      const query = { runId, pageToken, pageSize: runItemsMax, ...only };
      const page: RunPage<RunItemRow> = await backend.listRunItems(query);
      yield page.rows.map((row) => ({ ...row, run: runId }));
      pageToken = page.nextPageToken;
      if (pageToken === '') return;
    }
  }
  await context.output.rows(itemColumns, pages());
}
