import type { OrganizationId, UserId } from '../../domain/ids.ts';
import {
  digestModulus,
  type RunItem,
  type RunResult,
  type RunSlice,
  type UnlockRun,
} from '../../domain/unlock-run.ts';
import type { SelectLocks } from '../unlock-run-store.ts';
import type { Row } from './rows.ts';
import type { SqlDialect } from './sql-filter.ts';

/** A SELECT and its parameters. */
export interface LockQuery {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/** Where a database has its locks, and how it is asked for what one of them says. */
export interface LockSource {
  readonly dialect: SqlDialect;
  /** The users, as `users`, and what `lockOf` needs. */
  readonly from: string;
  readonly lockOf: (key: string, type: 'text' | 'number') => string;
  /** A condition that always holds, by which the database notices that it is to stop. */
  readonly endable?: string;
  /** What keeps the database from asking for the same of a lock in every place that names it. */
  readonly once?: string;
}

/** Of one lock, by its row: another lock has another. Sums of it are taken modulo digestModulus. */
export const lockDigest = `(since * 31 + generation) % ${digestModulus}`;

/**
 * The locks that the query asks for, each once: user_id, organization_id, lock_until, cause, since, generation. No profile is
 * looked at: who is locked has one. `isPaged`: those alone whose user id is greater than the first of the values.
 */
export function locksQuery(
  source: LockSource,
  { scope, filter }: SelectLocks,
  { isPaged = false } = {},
): LockQuery {
  const { dialect, from, lockOf, endable, once = '' } = source;
  const { organizationId, causes, userIds, exceptUserIds, lockedBy, reasonContains, hasEnd } = filter;
  const values: (string | number)[] = [];
  const bind = (value: string | number) => dialect.placeholder(values.push(value), value);
  const list = (text: string, of: readonly string[]) => dialect.inList(text, bind(JSON.stringify(of)));
  // What a row itself says comes before what stands in its JSON.
  const users = ["users.state = 'locked'", ...(endable === undefined ? [] : [endable])];
  if (isPaged) users.push(`users.user_id > ${bind('')}`);
  if (scope !== 'all') users.push(list('users.organization_id', scope));
  if (organizationId !== undefined) users.push(`users.organization_id = ${bind(organizationId)}`);
  if (userIds.length > 0) users.push(list('users.user_id', userIds));
  if (exceptUserIds.length > 0) users.push(`NOT (${list('users.user_id', exceptUserIds)})`);
  if (hasEnd !== undefined) users.push(`users.lock_until IS ${hasEnd ? 'NOT ' : ''}NULL`);
  const locks: string[] = [];
  const [onlyCause, ...otherCauses] = causes;
  if (otherCauses.length > 0) locks.push(list('cause', causes));
  else if (onlyCause !== undefined) locks.push(`cause = ${bind(onlyCause)}`);
  if (filter.since !== undefined) locks.push(`since >= ${bind(filter.since)}`);
  if (filter.before !== undefined) locks.push(`since < ${bind(filter.before)}`);
  if (lockedBy !== undefined) locks.push(`locked_by = ${bind(lockedBy)}`);
  if (reasonContains !== undefined) locks.push(dialect.contains('reason', bind(reasonContains)));
  const columns = [
    'users.user_id, users.organization_id, users.lock_until',
    `${lockOf('cause', 'text')} AS cause`,
    `coalesce(${lockOf('since', 'number')}, 0) AS since`,
    `coalesce(${lockOf('generation', 'number')}, 0) AS generation`,
    ...(lockedBy === undefined ? [] : [`${lockOf('lockedBy', 'text')} AS locked_by`]),
    ...(reasonContains === undefined ? [] : [`${lockOf('reason', 'text')} AS reason`]),
  ];
  const sql =
    'SELECT user_id, organization_id, lock_until, cause, since, generation FROM ' +
    `(SELECT ${columns.join(', ')} FROM ${from} WHERE ${users.join(' AND ')} ${once}) AS held ` +
    `WHERE ${locks.length === 0 ? 'TRUE' : locks.join(' AND ')}`;
  return { sql, values };
}

type ItemRow = readonly [userId: string, organizationId: string, generation: number, until: number | null];
type ResultRow = readonly [outcome: RunResult['outcome'], sequence: number, why: string] | null;

/** Items as a row of the slices holds them. */
export function itemsText(items: string | readonly RunItem[]): string {
  if (typeof items === 'string') return items;
  const rows = items.map(
    ({ userId, organizationId, generation, until }): ItemRow => [
      userId,
      organizationId,
      generation,
      until ?? null,
    ],
  );
  return JSON.stringify(rows);
}

/** A row of the slices. */
export function parseSlice(row: Row): RunSlice {
  const items = JSON.parse(row.items as string) as readonly ItemRow[];
  const results = JSON.parse(row.results as string) as readonly ResultRow[];
  return {
    slice: row.slice as number,
    items: items.map(([userId, organizationId, generation, until]) => ({
      userId: userId as UserId,
      organizationId: organizationId as OrganizationId,
      generation,
      until: until ?? undefined,
    })),
    results: results.map((result) => {
      if (result === null) return undefined;
      const [outcome, sequence, why] = result;
      return { outcome, ...(sequence > 0 && { sequence }), ...(why !== '' && { why }) };
    }),
  };
}

/** What changes of a slice's row: results, and the outcomes among them, which it is found by. */
export function sliceValues({ results }: RunSlice): readonly [results: string, outcomes: string] {
  const rows = results.map((result): ResultRow => {
    if (result === undefined) return null;
    return [result.outcome, result.sequence ?? 0, result.why ?? ''];
  });
  const outcomes = new Set(results.flatMap((result) => result?.outcome ?? []));
  return [JSON.stringify(rows), [...outcomes].map((outcome) => `<${outcome}>`).join('')];
}

/** What a run's row is found by; beside it stands the whole run as JSON. */
export function runValues(
  run: UnlockRun,
): readonly [version: number, state: string, leaseUntil: number, run: string] {
  return [run.version, run.state, run.leaseUntil, JSON.stringify(run)];
}

/** A row of the runs. */
export function parseRun(row: Row): UnlockRun {
  return JSON.parse(row.run as string) as UnlockRun;
}

/** Slices from one on, and those alone that hold an outcome where one is named. */
export function slicesSql(
  placeholder: (index: number) => string,
  contains: SqlDialect['contains'],
  hasOutcome: boolean,
): string {
  const outcome = hasOutcome ? ` AND ${contains('outcomes', placeholder(4))}` : '';
  return (
    `SELECT slice, items, results FROM unlock_run_slices WHERE run_id = ${placeholder(1)} AND slice >= ${placeholder(2)}` +
    `${outcome} ORDER BY slice LIMIT ${placeholder(3)}`
  );
}
