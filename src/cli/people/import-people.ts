import { UsageError } from '../../app/usage.ts';
import { howMany } from '../../domain/words/how-many.ts';
import type { Arguments } from '../arguments.ts';
import type { Backend, UsersToImport } from '../backend.ts';
import type { CommandContext } from '../command.ts';
import { onlyOrganization } from '../commands/user/create.ts';
import { CliError, invalid, toFailure } from '../failure.ts';
import { pairs } from '../output.ts';
import { rate, startProgress } from '../progress.ts';
import { isFileError } from '../secret-file.ts';
import { byColumn } from './columns.ts';
import { isSourceName, type SourceName, sourceNames } from './options.ts';
import { FileUnreadable, type PersonRow } from './person.ts';
import { requireReadable } from './readable.ts';
import { openReport } from './report.ts';
import { type SentRow, send } from './send.ts';
import { sources } from './sources.ts';
import { type Survey, survey, withoutTwice } from './survey.ts';
import { versionOf, whileSame } from './version.ts';
import { readStates, type States, statesSourceOf } from './zitadel-states.ts';

interface Import {
  readonly file: string;
  readonly from: SourceName;
}

/** Reads the file twice: to say what it holds, and to bring the people in. Throws CliError where some were refused. */
export async function importPeople(
  context: CommandContext,
  { file, from }: { readonly file: string; readonly from: string },
): Promise<void> {
  if (!isSourceName(from)) throw new UsageError(`--from must be one of ${sourceNames.join(', ')}`);
  if (file === '-') throw new UsageError('with --from the file is read twice: it cannot be stdin');
  try {
    await carryOut(context, { file, from });
  } catch (error) {
    if (!(error instanceof FileUnreadable) && !isFileError(error)) throw error;
    throw invalid(`${file} cannot be read: ${error.message}`, error);
  }
}

async function carryOut(context: CommandContext, { file, from }: Import): Promise<void> {
  const { args, output } = context;
  const states = await statesOf(args, from);
  const options = { withoutPasswords: args.flag('without-passwords'), ...(states && { states }) };
  const reading = startProgress(context, 'row read', 'rows read');
  const version = await versionOf(file);
  await requireReadable(file);
  const read = () => withoutTwice(sources[from](file, options));
  const found = await survey(read(), (count) => reading.report(count, count));
  reading.end();
  await tellSurvey(context, found);
  const backend = await context.backend();
  const sending = { backend, order: orderOf(args), organizationOf: await placeOf(args, backend, found) };
  const counts = { created: 0, updated: 0, unchanged: 0, refused: 0 };
  let passwordsLeftOut = 0;
  const progress = startProgress(context, 'user');
  await using report = await openReport(args.text('report'), file);
  const shown: string[] = [];
  const isDry = args.flag('dry-run');
  const soFar = isDry ? 'nothing was written' : 'who was brought in before that stays as they are';
  for await (const answered of send(whileSame(read(), { version, soFar }), sending)) {
    const sent = from === 'csv' || from === 'jsonl' ? answered.map(inTheWordsOfTheFile) : answered;
    for (const { row, result } of sent) {
      counts[result.outcome] += 1;
      if (result.passwordLeftOut) passwordsLeftOut += 1;
      if (result.outcome === 'refused' && shown.length < shownMax) shown.push(shortly({ row, result }));
    }
    await report.add(sent);
    progress.report(counts.created + counts.updated + counts.unchanged + counts.refused, found.rows);
  }
  const seconds = progress.end();
  const { rows, passwords } = found;
  const usersPerSecond = rate(rows, seconds);
  await output.document(
    {
      ...{ file, from, dryRun: isDry, rows, ...counts, passwordsLeftOut },
      ...{ states: found.states, passwords, seconds, usersPerSecond },
    },
    [
      `${isDry ? 'Nothing was written. It would have been: ' : ''}${toldCounts(counts)}`,
      ...(passwordsLeftOut > 0 ? [`${passwordsLeftOut} came without their password`] : []),
      `${howMany(rows, 'row')} in ${seconds.toFixed(1)} s, ${usersPerSecond} a second`,
    ],
  );
  if (counts.refused > 0) throw refused(counts.refused, { rows, shown, report: args.text('report') });
}

function inTheWordsOfTheFile({ row, result }: SentRow): SentRow {
  const { message } = result;
  return message === undefined ? { row, result } : { row, result: { ...result, message: byColumn(message) } };
}

async function statesOf(args: Arguments, from: SourceName): Promise<States | undefined> {
  const url = args.text('states-url');
  const tokenFile = args.text('states-token-file');
  if (url === undefined && tokenFile === undefined) return undefined;
  if (from !== 'zitadel') throw new UsageError('--states-url goes with --from zitadel');
  if (url === undefined) throw new UsageError('--states-token-file goes with --states-url');
  return readStates(statesSourceOf(url, tokenFile));
}

/** Of refused rows on stderr; the report has them all. */
const shownMax = 5;

function orderOf(args: Arguments) {
  return {
    validateOnly: args.flag('dry-run'),
    updateExisting: args.flag('update'),
    existingOnly: false,
    withoutPasswords: args.flag('without-passwords'),
  };
}

/** Into which organization a row goes. Throws where one is not there, before anything is written. */
async function placeOf(
  args: Arguments,
  backend: Backend,
  { organizations }: Survey,
): Promise<(row: PersonRow) => string> {
  const org = args.text('org');
  const fallback = org ?? (organizations.has(undefined) ? await onlyOrganization(backend) : '');
  const named = [...organizations].filter((one) => one !== undefined);
  for (const organizationId of org === undefined ? named : [org]) {
    await requireThere(backend, { ...orderOf(args), organizationId, users: [] });
  }
  return (row) => org ?? row.organizationId ?? fallback;
}

async function requireThere(backend: Backend, nobody: UsersToImport): Promise<void> {
  try {
    await backend.importUsers(nobody);
  } catch (error) {
    const failure = toFailure(error);
    if (failure.code !== 'not_found') throw error;
    const { organizationId } = nobody;
    const help = `make it by org create --id ${organizationId}, or name another with --org`;
    const message = `There is no organization ${organizationId} that you may read: ${help}. Nothing was written`;
    throw new CliError({ ...failure, message }, error);
  }
}

async function tellSurvey({ output }: CommandContext, found: Survey): Promise<void> {
  const { rows, faults, states, passwords } = found;
  const told = { rows, 'to be refused': faults, states: countsOf(states), passwords: countsOf(passwords) };
  for (const line of pairs(told)) await output.note(line);
}

function countsOf(counts: Readonly<Record<string, number>>): string | undefined {
  const told = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  return told.length === 0 ? undefined : told.join(', ');
}

function toldCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(', ');
}

function shortly({ row: { line, name }, result }: SentRow): string {
  return `\n  line ${line}${name === '' ? '' : ` (${name})`}: ${result.message ?? ''}`;
}

function refused(
  count: number,
  { rows, shown, report }: { rows: number; shown: readonly string[]; report: string | undefined },
): CliError {
  const rest = count - shown.length;
  const where = report === undefined ? '--report FILE writes them all' : `all of them are in ${report}`;
  const more = rest > 0 ? `\n  and ${rest} more: ${where}` : '';
  const message = `${count} of ${howMany(rows, 'row')} ${count === 1 ? 'was' : 'were'} refused:${shown.join('')}${more}`;
  return new CliError({ code: 'failed_precondition', message });
}
