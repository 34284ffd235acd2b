import type { OrganizationId, UserId } from '../../../domain/ids.ts';
import type { LockCause } from '../../../domain/lock.ts';
import { digestModulus, digestOfAll, sliceSize } from '../../../domain/unlock-run.ts';
import type { Row } from '../../sql/rows.ts';
import { type LockQuery, type LockSource, lockDigest, locksQuery } from '../../sql/unlock-runs.ts';
import type { LockGroup, LocksFound, SelectLocks } from '../../unlock-run-store.ts';
import { postgresDialect } from '../dialect.ts';
import { unfenced } from '../fence.ts';

// The text becomes JSON once a row: OFFSET 0 keeps the planner from doing so once for each of its fields.
const source: LockSource = {
  dialect: postgresDialect,
  from: "users CROSS JOIN LATERAL (SELECT users.lockout::jsonb -> 'lock' AS lock OFFSET 0) AS held",
  lockOf: (key, type) => `(held.lock ->> '${key}')${type === 'number' ? '::bigint' : ''}`,
};

const digest = `(sum(${lockDigest}) % ${digestModulus})::bigint`;

/** One look at every user; what is counted and shown is of the same moment. */
export function countQuery({
  sampleSize,
  ...query
}: SelectLocks & { readonly sampleSize: number }): LockQuery {
  const { sql: found, values } = locksQuery(source, query);
  const [oldest, newest] = [Math.ceil(sampleSize / 2), Math.floor(sampleSize / 2)];
  const one = (way: 'ASC' | 'DESC', limit: number) =>
    `SELECT * FROM (SELECT user_id, organization_id, cause, 0 AS locks, since AS earliest, since AS latest, 0 AS digest ` +
    `FROM found ORDER BY since ${way}, user_id ${way} LIMIT ${limit}) AS ${way === 'ASC' ? 'oldest' : 'newest'}`;
  const groups =
    'SELECT NULL AS user_id, organization_id, cause, count(*) AS locks, min(since) AS earliest, max(since) AS latest, ' +
    `${digest} AS digest FROM found GROUP BY organization_id, cause`;
  const samples = [...(oldest > 0 ? [one('ASC', oldest)] : []), ...(newest > 0 ? [one('DESC', newest)] : [])];
  // What is asked for once is not written down in between.
  const kept = samples.length > 0 ? 'MATERIALIZED' : 'NOT MATERIALIZED';
  return { sql: `WITH found AS ${kept} (${found}) ${[groups, ...samples].join(' UNION ALL ')}`, values };
}

/** How many there are, and which ones: locks, digest. */
export function sumQuery(query: SelectLocks): LockQuery {
  const { sql: found, values } = locksQuery(source, query);
  return {
    sql: `SELECT count(*) AS locks, coalesce(${digest}, 0) AS digest FROM (${found}) AS found`,
    values,
  };
}

/** What countQuery answered. */
export function parseFound(rows: readonly Row[]): LocksFound {
  const groups = rows.filter(({ user_id }) => user_id === null);
  const sample = rows.filter(({ user_id }) => user_id !== null).map(({ user_id }) => user_id as UserId);
  return {
    groups: groups.map(parseGroup),
    digest: digestOfAll(groups.map(({ digest }) => digest as number)),
    times: timesOf(groups),
    sample: [...new Set(sample)],
  };
}

/** Without spreading: there may be more groups than a call can have arguments. */
function timesOf(groups: readonly Row[]): LocksFound['times'] {
  if (groups.length === 0) return undefined;
  let [earliest, latest] = [Number.POSITIVE_INFINITY, 0];
  for (const group of groups) {
    earliest = Math.min(earliest, group.earliest as number);
    latest = Math.max(latest, group.latest as number);
  }
  return { earliest, latest };
}

function parseGroup(row: Row): LockGroup {
  return {
    organizationId: row.organization_id as OrganizationId,
    cause: (row.cause as LockCause | null) ?? undefined,
    locks: row.locks as number,
  };
}

/** Writes the set down where the run is, in the database itself: none of it comes by here. Answers runs, locks, digest. */
export function freezeQuery(query: SelectLocks, runId: string): LockQuery {
  const { sql: found, values } = locksQuery(source, query);
  const run = `$${values.length + 1}::text`;
  const item = 'json_build_array(user_id, organization_id, generation, lock_until)';
  const sql =
    `WITH run AS (SELECT run_id FROM unlock_runs WHERE run_id = ${run} FOR SHARE), ` +
    `slices AS MATERIALIZED (SELECT slice, CAST(json_agg(${item}) AS TEXT) AS items, count(*) AS locks, ${digest} AS digest ` +
    `FROM (SELECT found.*, (row_number() OVER (ORDER BY user_id) - 1) / ${sliceSize} AS slice ` +
    `FROM (${found}) AS found) AS numbered GROUP BY slice), ` +
    'added AS (INSERT INTO unlock_run_slices (run_id, slice, items) ' +
    `SELECT run.run_id, slices.slice * ${unfenced}, slices.items FROM run, slices) ` +
    'SELECT (SELECT count(*) FROM run) AS runs, coalesce(sum(locks), 0)::bigint AS locks, ' +
    `(coalesce(sum(digest), 0) % ${digestModulus})::bigint AS digest FROM slices`;
  return { sql, values: [...values, runId] };
}
