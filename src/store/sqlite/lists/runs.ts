import type { DatabaseSync } from 'node:sqlite';
import { digestOfAll, leaseAheadMs, type UnlockRun } from '../../../domain/unlock-run.ts';
import type { Row } from '../../sql/rows.ts';
import { itemsText, parseRun, parseSlice, runValues, slicesSql, sliceValues } from '../../sql/unlock-runs.ts';
import type { RunMove, UnlockRunReads, UnlockRunStore } from '../../unlock-run-store.ts';
import { eventValues } from '../append.ts';
import { sqliteDialect } from '../dialect.ts';
import { reading } from '../error.ts';
import type { Write, WriteOne, WriteRequest } from '../write-statements.ts';
import type { ListQueue } from './queue.ts';

/** What looks at every user, in a thread of its own. */
type Looks = Pick<ListQueue, 'countLocks' | 'sumLocks' | 'sliceLocks'>;

/** In one commit, which what is unlocked meanwhile waits for: a hundred kilobytes. */
const slicesMax = 16;

/** Runs in the embedded store. What is written goes the way of every change: through the writer's thread. */
export function createRuns(db: DatabaseSync, write: WriteOne, looks: Looks): UnlockRunStore {
  const only = async (row: Write, rest: readonly Write[] = [], guard: Write | null = null) =>
    await write([row, '', 0, [], rest, guard]);
  const addRunSlices: UnlockRunStore['addRunSlices'] = async (runId, added) => {
    for (let from = 0; from < added.length; from += slicesMax) {
      const writes = added
        .slice(from, from + slicesMax)
        .map(({ slice, items }): Write => ['insertRunSlice', [runId, slice, itemsText(items)]]);
      const [first, ...rest] = writes;
      const gone: Write = ['runGone', [runId]];
      if (first !== undefined && (await only(first, rest, gone)) === 'guarded') return false;
    }
    return true;
  };
  return {
    ...readRuns(db),
    countLocks: (query) => looks.countLocks(query),
    sumLocks: (query) => looks.sumLocks(query),
    async freezeLocks({ runId, onPart, ...query }) {
      let [written, locks, digest] = [0, 0, 0];
      for await (const part of looks.sliceLocks(query)) {
        if (written > 0) await onPart();
        const added = part.map(({ items }, index) => ({ slice: written + index, items }));
        if (!(await addRunSlices(runId, added))) return undefined;
        written += part.length;
        locks += part.reduce((all, one) => all + one.locks, 0);
        digest = digestOfAll([digest, ...part.map((one) => one.digest)]);
      }
      return { locks, digest };
    },
    addRun: async (run, requestKey) =>
      (await only(['insertRun', [run.runId, ...runValues(run), requestKey ?? null]])) === 'written',
    addRunSlices,
    moveRun: async (move) => (await write(planMove(move))) === 'written',
    async removeRun({ runId, version }: UnlockRun) {
      await only(['deleteRun', [runId, version]], [['deleteRunSlices', [runId]]]);
    },
    // One row says whether there are any; the others go with it.
    removeRunSlices: async (runId) =>
      (await only(['deleteSomeSlices', [runId, 1]], [['deleteSomeSlices', [runId, slicesMax]]])) ===
      'written',
  };
}

function readRuns(db: DatabaseSync): UnlockRunReads {
  const byId = db.prepare('SELECT run FROM unlock_runs WHERE run_id = ?');
  const byRequest = db.prepare('SELECT run FROM unlock_runs WHERE request_key = ?');
  const list = db.prepare(
    "SELECT run FROM unlock_runs WHERE (?1 = '' OR run_id < ?1) AND state <> 'preparing' ORDER BY run_id DESC LIMIT ?2",
  );
  const oldest = db.prepare('SELECT run FROM unlock_runs WHERE run_id > ?1 ORDER BY run_id LIMIT ?2');
  const left = db.prepare(
    "SELECT run FROM unlock_runs WHERE state IN ('preparing', 'running') " +
      `AND lease_until NOT BETWEEN ?1 + 1 AND ?1 + ${leaseAheadMs} ORDER BY run_id LIMIT ?2`,
  );
  const placeholder = (index: number) => `?${index}`;
  const slices = db.prepare(slicesSql(placeholder, sqliteDialect.contains, false));
  const slicesWith = db.prepare(slicesSql(placeholder, sqliteDialect.contains, true));
  const found = (row: Row | undefined) => row && parseRun(row);
  return {
    loadRun: reading((runId) => found(byId.get(runId))),
    loadRunOfRequest: reading((requestKey) => found(byRequest.get(requestKey))),
    listRuns: reading(({ before, limit }) => list.all(before, limit).map(parseRun)),
    listRunsOldest: reading(({ after, limit }) => oldest.all(after, limit).map(parseRun)),
    listRunsLeft: reading((nowMs, limit) => left.all(nowMs, limit).map(parseRun)),
    listRunSlices: reading(({ runId, from, outcome, limit }) => {
      const rows =
        outcome === undefined
          ? slices.all(runId, from, limit)
          : slicesWith.all(runId, from, limit, `<${outcome}>`);
      return rows.map(parseSlice);
    }),
  };
}

function planMove({ before, after, slices = [], event }: RunMove): WriteRequest {
  const { runId } = after;
  const row: Write = ['moveRun', [...runValues(after), runId, before.version]];
  const rest = slices.map((slice): Write => ['setRunResults', [...sliceValues(slice), runId, slice.slice]]);
  const events = event === undefined ? [] : [eventValues(0, event.event, event.at, event.meta)];
  return [row, '', 0, events, rest, null];
}
