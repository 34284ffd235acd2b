import type { ExplanationRow, FailureRow, LockRow } from '../backend-lock.ts';
import { type Command, type CommandContext, connectionOptions, userOptions } from '../command.ts';
import { type IdsSeen, Names } from '../eyes/names.ts';
import { readable } from '../eyes/sentence.ts';
import { type Column, type Output, pairs, tableLines } from '../output.ts';
import type { PageQuery } from '../page.ts';
import { pageOptions, printList } from '../paging.ts';
import { lockFilterOf, lockFilterOptions } from './lock-filter.ts';
import { userIdOf } from './user/name.ts';

const oneUser = { operands: '(USER_ID | --login NAME)', operandsMax: 1, json: 'document' } as const;

/** `latchkey lock show`, `list`, `explain`. */
export const lockCommands: readonly Command[] = [
  {
    path: 'lock show',
    ...oneUser,
    summary: 'Show a lock: why, by whom, since when, until when, and the newest failed sign-ins',
    options: { ...userOptions, ...connectionOptions },
    examples: ['latchkey lock show 69629023906488334', 'latchkey lock show --login ada@acme.example --json'],
    run: show,
  },
  {
    path: 'lock list',
    operands: '',
    operandsMax: 0,
    summary: 'List who is locked, the oldest lock first',
    options: {
      ...lockFilterOptions,
      ...pageOptions,
      ...connectionOptions,
    },
    json: 'lines',
    examples: ['latchkey lock list --cause policy', 'latchkey lock list --all --json'],
    run: list,
  },
  {
    path: 'lock explain',
    ...oneUser,
    summary: 'Tell why a user cannot sign in now, and what would change it',
    options: { ...userOptions, ...connectionOptions },
    examples: ['latchkey lock explain --login ada@acme.example'],
    run: explain,
  },
];

const columnsOf = (names: Names): readonly Column<LockRow>[] => [
  { title: 'ID', of: ({ userId }) => userId },
  { title: 'LOGIN NAME', of: ({ loginName }) => loginName },
  { title: 'ORGANIZATION', of: ({ organizationId }) => names.organization(organizationId) },
  { title: 'CAUSE', of: ({ cause }) => cause },
  { title: 'SINCE', isTime: true, of: ({ since }) => since },
  { title: 'UNTIL', isTime: true, of: ({ until }) => until },
  { title: 'BY', of: ({ lockedBy, since }) => lockedBy && names.user(lockedBy, since) },
  { title: 'GENERATION', of: ({ generation }) => generation },
  { title: 'REASON', of: ({ reason }) => reason },
];

const failureColumns: readonly Column<FailureRow>[] = [
  { title: 'FAILED SIGN-IN', isTime: true, of: ({ time }) => time },
  { title: 'FROM', of: ({ ip }) => ip },
  { title: 'WITH', of: ({ userAgent }) => userAgent },
];

function idsOf(locks: readonly LockRow[]): IdsSeen {
  // On the command line itself it is the operating system's user, who is none of ours.
  const users = locks.map(({ cause, lockedBy }) => (cause === 'command_line' ? undefined : lockedBy));
  return { users, organizations: locks.map(({ organizationId }) => organizationId) };
}

async function show(context: CommandContext): Promise<void> {
  const { output } = context;
  const userId = await userIdOf(context);
  const lock = await (await context.backend()).getLock(userId);
  const names = new Names(context);
  await names.learn(idsOf([lock]));
  const { failedSignIns = [] } = lock;
  await output.document(lock, [
    ...lockLines(lock, names, output),
    ...(failedSignIns.length === 0 ? [] : ['', ...tableLines(failureColumns, failedSignIns, output)]),
  ]);
}

function lockLines(lock: LockRow, names: Names, { time }: Output): readonly string[] {
  return pairs({
    id: lock.userId,
    'login name': lock.loginName,
    organization: names.organization(lock.organizationId),
    cause: lock.cause,
    by: lock.lockedBy && names.userAndId(lock.lockedBy, lock.since),
    reason: lock.reason,
    since: time(lock.since),
    until: time(lock.until) ?? 'somebody unlocks',
    'failed sign-ins': lock.failedAttempts,
    generation: lock.generation,
  });
}

async function list(context: CommandContext): Promise<void> {
  const filter = lockFilterOf(context.args);
  const backend = await context.backend();
  const key = ({ userId }: LockRow) => userId;
  const names = new Names(context);
  const fetch = async (page: PageQuery) => {
    const found = await backend.listLocks({ ...page, ...filter });
    await names.learn(idsOf(found.rows));
    return found;
  };
  await printList(context, { columns: columnsOf(names), key, fetch });
}

async function explain(context: CommandContext): Promise<void> {
  const userId = await userIdOf(context);
  const found = await (await context.backend()).explainUser(userId);
  const { summary, lock } = found;
  const names = new Names(context);
  if (lock !== undefined) await names.learn(idsOf([lock]));
  const { time } = context.output;
  const by = lock?.lockedBy;
  const read = (text: string) =>
    readable(text, { time, by: by ? { id: by, name: names.user(by, lock?.since) } : undefined });
  const obstacles = found.obstacles.map((obstacle) => ({ ...obstacle, text: read(obstacle.text) }));
  await context.output.document(found, [
    read(summary),
    ...(lock === undefined ? [] : whoLines(lock, names, context.output)),
    ...explanationLines({ ...found, obstacles }, context.output),
  ]);
}

function whoLines(lock: LockRow, names: Names, { time }: Output): readonly string[] {
  return [
    '',
    ...pairs({
      'login name': lock.loginName,
      organization: names.organization(lock.organizationId),
      'locked by': lock.lockedBy && names.userAndId(lock.lockedBy, lock.since),
      'locked since': time(lock.since),
    }),
  ];
}

function explanationLines(
  { state, obstacles, attemptsLeft, devices }: ExplanationRow,
  { time }: Output,
): readonly string[] {
  const lines = obstacles.flatMap(({ code, text, remedy, ends, blocks, sparesKnownDevices }) => [
    '',
    `${code}${blocks ? '' : ' (no obstacle, but good to know)'}`,
    `  ${text}`,
    `  what helps: ${remedy}`,
    ...(ends === undefined ? [] : [`  ends by itself: ${time(ends)}`]),
    ...(sparesKnownDevices ? ['  devices known from an earlier sign-in get through'] : []),
  ]);
  // Of one who is locked, "0 left" would read as a cause.
  const isCounting = attemptsLeft !== undefined && state !== 'locked';
  const attempts = isCounting ? ['', `attempts left before the lock: ${attemptsLeft}`] : [];
  const known = devices.map(
    ({ deviceId, failedAttempts, attemptsLeft: left = 'all' }) =>
      `known device ${deviceId}: ${failedAttempts} failed, ${left} left`,
  );
  return [...lines, ...attempts, ...known];
}
