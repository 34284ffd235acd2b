import type { OrganizationId, UserId } from '../../domain/ids.ts';
import type { LockCause } from '../../domain/lock.ts';
import {
  type RunItem,
  type RunResult,
  type RunSlice,
  sliceSize,
  type UnlockRun,
} from '../../domain/unlock-run.ts';
import type { FrozenSlice, LockGroup, LocksFound, SelectLocks } from '../unlock-run-store.ts';
import type { Row } from './rows.ts';
import type { SqlDialect } from './sql-filter.ts';

/** What an array of arrays is made with: of rows, and of the columns of one. */
export interface ArraySql {
  readonly ofRows: string;
  readonly ofColumns: string;
  /** As countQuery's. */
  readonly endable?: string;
}

/** A SELECT and its parameters. */
export interface LockQuery {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/** Differs where one lock of a set is another one, and stays a number that is exact. */
const digest = 'CAST(sum((since * 31 + generation) % 1000000007) AS BIGINT)';

/**
 * One look at every user; what is counted and shown is of the same moment. `endable`: a condition that always holds, by
 * which the database notices that it is to stop.
 */
export function countQuery(
  dialect: SqlDialect,
  { sampleSize, ...query }: SelectLocks & { readonly sampleSize: number },
  endable?: string,
): LockQuery {
  const sink = new LockSink(dialect, endable);
  const found = sink.found(query);
  const [oldest, newest] = [Math.ceil(sampleSize / 2), Math.floor(sampleSize / 2)];
  const one = (way: 'ASC' | 'DESC', limit: number) =>
    `SELECT * FROM (SELECT user_id, organization_id, cause, 0 AS locks, since AS earliest, since AS latest, 0 AS digest ` +
    `FROM found ORDER BY since ${way}, user_id ${way} LIMIT ${limit}) AS ${way === 'ASC' ? 'oldest' : 'newest'}`;
  const sql =
    `WITH found AS MATERIALIZED (${found}) ` +
    `SELECT NULL AS user_id, organization_id, cause, count(*) AS locks, min(since) AS earliest, max(since) AS latest, ${digest} AS digest ` +
    `FROM found GROUP BY organization_id, cause ` +
    `UNION ALL ${one('ASC', oldest)} UNION ALL ${one('DESC', newest)}`;
  return { sql, values: sink.values };
}

/** What countQuery answered. */
export function parseFound(rows: readonly Row[]): LocksFound {
  const groups = rows.filter(({ user_id }) => user_id === null).map(parseGroup);
  const sample = rows.filter(({ user_id }) => user_id !== null).map(({ user_id }) => user_id as UserId);
  return { groups, sample: [...new Set(sample)] };
}

function parseGroup(row: Row): LockGroup {
  return {
    organizationId: row.organization_id as OrganizationId,
    cause: (row.cause as LockCause | null) ?? undefined,
    locks: row.locks as number,
    earliest: row.earliest as number,
    latest: row.latest as number,
    digest: row.digest as number,
  };
}

/** The set in slices; the array's elements are those of parseItems. */
export function sliceQuery(dialect: SqlDialect, query: SelectLocks, array: ArraySql): LockQuery {
  const sink = new LockSink(dialect, array.endable);
  const item = `${array.ofColumns}(user_id, organization_id, generation, lock_until)`;
  const sql =
    `SELECT slice, CAST(${array.ofRows}(${item}) AS TEXT) AS items, count(*) AS locks, ${digest} AS digest ` +
    `FROM (SELECT found.*, (row_number() OVER (ORDER BY user_id) - 1) / ${sliceSize} AS slice ` +
    `FROM (${sink.found(query)}) AS found) AS numbered GROUP BY slice ORDER BY slice`;
  return { sql, values: sink.values };
}

/** A row of sliceQuery. */
export function parseFrozen(row: Row): FrozenSlice {
  return { items: row.items as string, locks: row.locks as number, digest: row.digest as number };
}

class LockSink {
  readonly #dialect: SqlDialect;
  readonly #endable: readonly string[];
  readonly values: (string | number)[] = [];

  constructor(dialect: SqlDialect, endable: string | undefined) {
    this.#dialect = dialect;
    this.#endable = endable === undefined ? [] : [endable];
  }

  /** The locks that the query asks for, each once. No profile is looked at: who is locked has one. */
  found({ scope, filter }: SelectLocks): string {
    const {
      organizationId,
      causes,
      since,
      before,
      userIds,
      exceptUserIds,
      lockedBy,
      reasonContains,
      hasEnd,
    } = filter;
    const where = ["users.state = 'locked'", ...this.#endable];
    const list = (text: string, of: readonly string[]) =>
      this.#dialect.inList(text, this.#bind(JSON.stringify(of)));
    if (scope !== 'all') where.push(list('users.organization_id', scope));
    if (organizationId !== undefined) where.push(`users.organization_id = ${this.#bind(organizationId)}`);
    if (causes.length > 0) where.push(list(this.#lock('cause'), causes));
    if (since !== undefined) where.push(`${this.#since()} >= ${this.#bind(since)}`);
    if (before !== undefined) where.push(`${this.#since()} < ${this.#bind(before)}`);
    if (userIds.length > 0) where.push(list('users.user_id', userIds));
    if (exceptUserIds.length > 0) where.push(`NOT (${list('users.user_id', exceptUserIds)})`);
    if (lockedBy !== undefined) where.push(`${this.#lock('lockedBy')} = ${this.#bind(lockedBy)}`);
    if (reasonContains !== undefined) {
      where.push(this.#dialect.contains(this.#lock('reason'), this.#bind(reasonContains)));
    }
    if (hasEnd !== undefined) where.push(`users.lock_until IS ${hasEnd ? 'NOT ' : ''}NULL`);
    const generation = this.#dialect.inner('users.lockout', ['lock', 'generation'], 'number');
    return (
      `SELECT users.user_id, users.organization_id, users.lock_until, ${this.#lock('cause')} AS cause, ` +
      `${this.#since()} AS since, coalesce(${generation}, 0) AS generation FROM users WHERE ${where.join(' AND ')}`
    );
  }

  #bind(value: string | number): string {
    return this.#dialect.placeholder(this.values.push(value), value);
  }

  #lock(key: 'cause' | 'lockedBy' | 'reason'): string {
    return this.#dialect.inner('users.lockout', ['lock', key], 'text');
  }

  #since(): string {
    return `coalesce(${this.#dialect.inner('users.lockout', ['lock', 'since'], 'number')}, 0)`;
  }
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
