import type { Connection, Statement } from './connection.ts';
import { unfenced } from './fence.ts';
import { type Pool, transaction, withRetries } from './pool.ts';
import { orderUnplaced, type UnplacedBatch } from './unplaced.ts';

/** Gives committed events their positions. */
export interface Placer extends AsyncDisposable {
  /** Every event that was committed before the call has its position after it. Throws what the database throws. */
  place(): Promise<void>;
}

/** How many batches of events one transaction places. */
const batchesMax = 5_000;
/** A reader goes on so often at most; what is left the next one does, or the background. */
const turnsMax = 100;
const intervalMs = 250;

/**
 * The one order of all events. A position that an event took when it was written, from a sequence or a counter, would
 * show in the order of commits: a reader could see 8, remember it, and never see the 7 that commits later. So events
 * are written without one, and get it afterwards, in here: whoever places holds the one row of `placer` until the new
 * positions are committed, so that each position is visible before the next one is given. Nobody who writes waits for it.
 * What one commit wrote gets its positions all at once, in one small row: the events themselves are never rewritten.
 */
export function createPlacer(pool: Pool, patienceMs: number): Placer {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const run = async () => {
    try {
      for (let turn = 0, placed = batchesMax; placed >= batchesMax && turn < turnsMax; turn += 1) {
        placed = await withRetries(pool, patienceMs, placeBatches);
      }
    } finally {
      running = undefined;
    }
  };
  // One at a time; whoever asks while one is under way waits for the next, which all who ask meanwhile share.
  const place = (): Promise<void> => {
    if (running === undefined) {
      running = run();
      return running;
    }
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return place();
      });
    return next;
  };
  const tick = async () => {
    // Whatever fails now is tried again; a database that is gone is for the callers to report.
    await place().catch(() => undefined);
    if (!closed) timer = setTimeout(tick, intervalMs).unref();
  };
  timer = setTimeout(tick, intervalMs).unref();

  return {
    place,
    async [Symbol.asyncDispose]() {
      closed = true;
      clearTimeout(timer);
      await (next ?? running)?.catch(() => undefined);
    },
  };
}

/** Answers how many batches it placed. */
async function placeBatches(connection: Connection): Promise<number> {
  if ((await connection.query(anyWithout)).length === 0) return 0;
  return transaction(connection, 'BEGIN ISOLATION LEVEL READ COMMITTED', async () => {
    // A statement of its own: the next one's snapshot must be taken when the lock is held, not before.
    const [placer] = await connection.query(lockPlacer);
    const last = placer?.last_position as number;
    const batches = (await orderUnplaced(connection)).slice(0, batchesMax);
    if (batches.length === 0) return 0;
    const positions = positionsAfter(last, batches);
    await connection.query(placeAll, [batches.map(({ batchId }) => batchId), positions]);
    const events = batches.reduce((sum, batch) => sum + batch.events, 0);
    await connection.query(movePlacer, [last + events]);
    return batches.length;
  });
}

/** The first position of each, one after the other. */
export function positionsAfter(last: number, batches: readonly UnplacedBatch[]): readonly number[] {
  let next = last + 1;
  return batches.map(({ events }) => {
    const first = next;
    next += events;
    return first;
  });
}

// Positions that another placer has not yet committed look like none here: then the lock is waited for.
const anyWithout: Statement = {
  name: 'any_without_position',
  text: 'SELECT 1 FROM batches WHERE first_position IS NULL LIMIT 1',
};
const lockPlacer: Statement = {
  name: 'lock_placer',
  text: `SELECT last_position FROM placer WHERE placer_id = 1 AND ${unfenced} = 1 FOR UPDATE`,
};
const movePlacer: Statement = {
  name: 'move_placer',
  text: 'UPDATE placer SET last_position = $1 WHERE placer_id = 1',
};
const placeAll: Statement = {
  name: 'place_all',
  text:
    'UPDATE batches SET first_position = placed.position FROM unnest($1::text[], $2::bigint[]) AS placed(batch_id, position) ' +
    'WHERE batches.batch_id = placed.batch_id',
};
