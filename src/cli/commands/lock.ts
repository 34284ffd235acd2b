import type { ExplanationRow, FailureRow, LockRow } from '../backend-lock.ts';
import { type Command, type CommandContext, connectionOptions, userOptions } from '../command.ts';
import { type Column, pairs, tableLines } from '../output.ts';
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

const columns: readonly Column<LockRow>[] = [
  { title: 'ID', of: ({ userId }) => userId },
  { title: 'LOGIN NAME', of: ({ loginName }) => loginName },
  { title: 'CAUSE', of: ({ cause }) => cause },
  { title: 'SINCE', of: ({ since }) => since },
  { title: 'UNTIL', of: ({ until }) => until },
  { title: 'BY', of: ({ lockedBy }) => lockedBy },
  { title: 'GENERATION', of: ({ generation }) => generation },
  { title: 'REASON', of: ({ reason }) => reason },
];

const failureColumns: readonly Column<FailureRow>[] = [
  { title: 'FAILED SIGN-IN', of: ({ time }) => time },
  { title: 'FROM', of: ({ ip }) => ip },
  { title: 'WITH', of: ({ userAgent }) => userAgent },
];

async function show(context: CommandContext): Promise<void> {
  const userId = await userIdOf(context);
  const lock = await (await context.backend()).getLock(userId);
  const { failedSignIns = [] } = lock;
  await context.output.document(lock, [
    ...lockLines(lock),
    ...(failedSignIns.length === 0 ? [] : ['', ...tableLines(failureColumns, failedSignIns)]),
  ]);
}

function lockLines(lock: LockRow): readonly string[] {
  return pairs({
    id: lock.userId,
    'login name': lock.loginName,
    organization: lock.organizationId,
    cause: lock.cause,
    by: lock.lockedBy,
    reason: lock.reason,
    since: lock.since,
    until: lock.until ?? 'somebody unlocks',
    'failed sign-ins': lock.failedAttempts,
    generation: lock.generation,
  });
}

async function list(context: CommandContext): Promise<void> {
  const filter = lockFilterOf(context.args);
  const backend = await context.backend();
  const key = ({ userId }: LockRow) => userId;
  await printList(context, { columns, key, fetch: (page) => backend.listLocks({ ...page, ...filter }) });
}

async function explain(context: CommandContext): Promise<void> {
  const userId = await userIdOf(context);
  const found = await (await context.backend()).explainUser(userId);
  await context.output.document(found, [found.summary, ...explanationLines(found)]);
}

function explanationLines({ state, obstacles, attemptsLeft, devices }: ExplanationRow): readonly string[] {
  const lines = obstacles.flatMap(({ code, text, remedy, ends, blocks, sparesKnownDevices }) => [
    '',
    `${code}${blocks ? '' : ' (no obstacle, but good to know)'}`,
    `  ${text}`,
    `  what helps: ${remedy}`,
    ...(ends === undefined ? [] : [`  ends by itself: ${ends}`]),
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
