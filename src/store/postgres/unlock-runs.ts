import { leaseAheadMs, type UnlockRun } from '../../domain/unlock-run.ts';
import type { ListGate } from '../sql/list-gate.ts';
import type { Row } from '../sql/rows.ts';
import {
  itemsText,
  type LockQuery,
  parseRun,
  parseSlice,
  runValues,
  slicesSql,
  sliceValues,
} from '../sql/unlock-runs.ts';
import type { RunMove, SelectLocks, UnlockRunReads, UnlockRunStore } from '../unlock-run-store.ts';
import { createBatchIds } from './batch-id.ts';
import { cancellable } from './cancel.ts';
import type { Connection, Statement } from './connection.ts';
import { postgresDialect } from './dialect.ts';
import { asStoreError } from './error.ts';
import { unfenced } from './fence.ts';
import { isInstanceEventLogged, writeInstanceEvent } from './instance.ts';
import { type Pool, transaction, withRetries } from './pool.ts';
import { type Ask, askOf, rowsOf } from './rows/ask.ts';
import { countQuery, freezeQuery, parseFound, sumQuery } from './rows/lock-sets.ts';

export interface RunsOptions {
  readonly hot: Pool;
  /** For what looks at everybody. */
  readonly slow: Pool;
  readonly gate: ListGate;
  readonly patienceMs: number;
  readonly listTimeoutMs: number;
}

const slicesMax = 100;

/** Runs in PostgreSQL. */
export function createRuns(options: RunsOptions): UnlockRunStore {
  const ask = askOf(options.hot, options.patienceMs);
  const nextBatchId = createBatchIds();
  return {
    ...readRuns(ask),
    countLocks: async (query) => parseFound(await look(options, query, countQuery(query))),
    async sumLocks(query) {
      const [found] = await look(options, query, sumQuery(query));
      return { locks: found?.locks as number, digest: found?.digest as number };
    },
    async freezeLocks({ runId, onPart: _, ...query }) {
      const [found] = await look(options, query, freezeQuery(query, runId), runId);
      if (found === undefined || found.runs === 0) return undefined;
      return { locks: found.locks as number, digest: found.digest as number };
    },
    addRun: (run, requestKey) =>
      ask(async (connection, mayBeDone) => {
        const added = await connection.query(insert, [run.runId, ...runValues(run), requestKey]);
        return added.length === 1 || (mayBeDone && (await isStored(connection, run)));
      }),
    async addRunSlices(runId, slices) {
      for (let from = 0; from < slices.length; from += slicesMax) {
        const added = slices.slice(from, from + slicesMax);
        const values = [runId, added.map(({ slice }) => slice), added.map(({ items }) => itemsText(items))];
        const [run] = await ask((connection) => connection.query(insertSlices, values));
        if (run === undefined) return false;
      }
      return true;
    },
    moveRun: (change) =>
      ask(async (connection, mayBeDone) => {
        const isMoved = await move(connection, change, nextBatchId);
        return isMoved || (mayBeDone && (await isMade(connection, change)));
      }),
    // Two statements: the second one sees the slices that came before the first had the run.
    removeRun: ({ runId, version }) =>
      ask((connection) =>
        transaction(connection, 'BEGIN', async () => {
          const removed = await connection.query(remove, [runId, version]);
          if (removed.length > 0) await connection.query(removeSlices, [runId]);
        }),
      ),
    removeRunSlices: async (runId) =>
      (await ask((connection) => connection.query(removeSomeSlices, [runId, slicesMax]))).length > 0,
  };
}

function readRuns(ask: Ask): UnlockRunReads {
  const rows = rowsOf(ask);
  const one = async (statement: Statement, value: string): Promise<UnlockRun | undefined> => {
    const [row] = await rows(statement, [value]);
    return row && parseRun(row);
  };
  return {
    loadRun: (runId) => one(byId, runId),
    loadRunOfRequest: (requestKey) => one(byRequest, requestKey),
    listRuns: async ({ before, limit }) => (await rows(list, [before, limit])).map(parseRun),
    listRunsOldest: async ({ after, limit }) => (await rows(oldest, [after, limit])).map(parseRun),
    listRunsLeft: async (nowMs, limit) => (await rows(left, [nowMs, limit])).map(parseRun),
    async listRunSlices({ runId, from, outcome, limit }) {
      const found = await (outcome === undefined
        ? rows(slicesFrom, [runId, from, limit])
        : rows(slicesWith, [runId, from, limit, `<${outcome}>`]));
      return found.map(parseSlice);
    },
  };
}

/** `writes`: the run whose slices it writes, which an attempt before may have written. */
async function look(
  { slow, hot, gate, patienceMs, listTimeoutMs }: RunsOptions,
  { asker }: SelectLocks,
  { sql, values }: LockQuery,
  writes?: string,
): Promise<readonly Row[]> {
  using _place = await gate.enter(asker);
  const begin = `BEGIN${writes === undefined ? ' READ ONLY' : ''}; SET LOCAL statement_timeout = ${listTimeoutMs}`;
  try {
    return await withRetries(slow, patienceMs, (connection, mayBeDone) =>
      transaction(connection, begin, () =>
        cancellable(connection, { pool: hot, signal: asker?.signal }, async () => {
          if (mayBeDone && writes !== undefined) await connection.query(removeSlices, [writes]);
          return connection.query({ text: sql }, values, listTimeoutMs);
        }),
      ),
    );
  } catch (error) {
    throw asStoreError(error);
  }
}

// Where an answer was lost, the row that stands there as it was to be is the one that was written.
async function isStored(connection: Connection, run: UnlockRun): Promise<boolean> {
  const [row] = await connection.query(byId, [run.runId]);
  return row?.run === JSON.stringify(run);
}

// And somebody else may have moved the row since, such as the server that carries what was started, or whoever cancels it:
// then the move's own event tells, or its slices, which nobody writes but who holds the run.
async function isMade(connection: Connection, { after, slices = [], event }: RunMove): Promise<boolean> {
  if (await isStored(connection, after)) return true;
  if (event !== undefined) return isInstanceEventLogged(connection, event.at);
  const results = slices.map(sliceValues).map(([texts]) => texts);
  const values = [after.runId, after.version, slices.map(({ slice }) => slice), results];
  return slices.length > 0 && (await connection.query(written, values)).length === slices.length;
}

async function move(
  connection: Connection,
  { before, after, slices = [], event }: RunMove,
  nextBatchId: () => string,
): Promise<boolean> {
  const results = slices.map(sliceValues);
  const values = [
    after.runId,
    before.version,
    ...runValues(after),
    slices.map(({ slice }) => slice),
    results.map(([texts]) => texts),
    results.map(([, outcomes]) => outcomes),
  ];
  if (event === undefined) return (await connection.query(moveRun, values)).length === 1;
  return transaction(connection, 'BEGIN', async () => {
    if ((await connection.query(moveRun, values)).length === 0) return false;
    const { at, meta } = event;
    await writeInstanceEvent(connection, { events: [event.event], at, meta }, nextBatchId);
    return true;
  });
}

const placeholder = (index: number) => `$${index}`;

const insert: Statement = {
  text:
    `INSERT INTO unlock_runs (run_id, version, state, lease_until, run, request_key) VALUES ($1,$2::bigint * ${unfenced},$3,$4,$5,$6) ` +
    'ON CONFLICT DO NOTHING RETURNING run_id',
};
const insertSlices: Statement = {
  name: 'insert_run_slices',
  text:
    // Nobody removes the run meanwhile; what is gone gets none.
    'WITH run AS (SELECT run_id FROM unlock_runs WHERE run_id = $1::text FOR SHARE), added AS (' +
    `INSERT INTO unlock_run_slices (run_id, slice, items) SELECT run.run_id, input.slice * ${unfenced}, input.items ` +
    'FROM run, unnest($2::bigint[], $3::text[]) AS input(slice, items) ON CONFLICT DO NOTHING) SELECT run_id FROM run',
};
const moveRun: Statement = {
  name: 'move_run',
  text:
    'WITH moved AS (UPDATE unlock_runs SET version = $3, state = $4, lease_until = $5, run = $6 ' +
    `WHERE run_id = $1 AND version = $2 AND ${unfenced} = 1 RETURNING run_id), ` +
    'told AS (UPDATE unlock_run_slices SET results = input.results, outcomes = input.outcomes ' +
    'FROM moved, unnest($7::bigint[], $8::text[], $9::text[]) AS input(slice, results, outcomes) ' +
    'WHERE unlock_run_slices.run_id = moved.run_id AND unlock_run_slices.slice = input.slice) SELECT run_id FROM moved',
};
const written: Statement = {
  text:
    'SELECT slice FROM unlock_runs JOIN unlock_run_slices USING (run_id) ' +
    'JOIN unnest($3::bigint[], $4::text[]) AS input(slice, results) USING (slice, results) WHERE run_id = $1 AND version > $2',
};
const remove: Statement = {
  text: `DELETE FROM unlock_runs WHERE run_id = $1 AND version = $2 AND ${unfenced} = 1 RETURNING run_id`,
};
const removeSomeSlices: Statement = {
  text:
    'DELETE FROM unlock_run_slices WHERE run_id = $1 AND slice IN ' +
    `(SELECT slice FROM unlock_run_slices WHERE run_id = $1 AND ${unfenced} = 1 LIMIT $2) RETURNING slice`,
};
const oldest: Statement = { text: 'SELECT run FROM unlock_runs WHERE run_id > $1 ORDER BY run_id LIMIT $2' };
const removeSlices: Statement = { text: 'DELETE FROM unlock_run_slices WHERE run_id = $1' };
const byId: Statement = { name: 'run_by_id', text: 'SELECT run FROM unlock_runs WHERE run_id = $1' };
const byRequest: Statement = { text: 'SELECT run FROM unlock_runs WHERE request_key = $1' };
const list: Statement = {
  text:
    "SELECT run FROM unlock_runs WHERE ($1::text = '' OR run_id < $1::text) AND state <> 'preparing' " +
    'ORDER BY run_id DESC LIMIT $2',
};
const left: Statement = {
  name: 'runs_left',
  text:
    "SELECT run FROM unlock_runs WHERE state IN ('preparing', 'running') " +
    `AND lease_until NOT BETWEEN $1::bigint + 1 AND $1::bigint + ${leaseAheadMs} ORDER BY run_id LIMIT $2`,
};
const slicesFrom: Statement = {
  name: 'run_slices',
  text: slicesSql(placeholder, postgresDialect.contains, false),
};
const slicesWith: Statement = {
  name: 'run_slices_with',
  text: slicesSql(placeholder, postgresDialect.contains, true),
};
