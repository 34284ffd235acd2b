import type { Connection, Statement } from './postgres-connection.ts';
import { type Pool, persist, transaction } from './postgres-pool.ts';

/** Gives committed events their positions. */
export interface Placer extends AsyncDisposable {
  /** Every event that was committed before the call has its position after it. Throws what the database throws. */
  place(): Promise<void>;
}

/** How many events one transaction places. */
const batchSize = 1_000;
/** A reader brings this many batches up to date at most; what is left the next one does, or the background. */
const batchesMax = 100;
const intervalMs = 250;

/**
 * The one order of all events. A position that an event took when it was written, from a sequence or a counter, would
 * show in the order of commits: a reader could see 8, remember it, and never see the 7 that commits later. So events
 * are written without one, and get it afterwards, in here: whoever places holds the one row of `placer` until the new
 * positions are committed, so that each batch of positions is visible before the next one is given. Nobody who writes
 * waits for it.
 */
export function createPlacer(pool: Pool, patienceMs: number): Placer {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const run = async () => {
    try {
      for (let batch = 0, placed = batchSize; placed >= batchSize && batch < batchesMax; batch += 1) {
        placed = await persist(pool, patienceMs, placeBatch);
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

/** Answers how many events it placed. */
async function placeBatch(connection: Connection): Promise<number> {
  if ((await connection.query(anyWithout)).length === 0) return 0;
  return transaction(connection, 'BEGIN ISOLATION LEVEL READ COMMITTED', async () => {
    // A statement of its own: the next one's snapshot must be taken when the lock is held, not before.
    const [placer] = await connection.query(lockPlacer);
    const last = placer?.last_position as number;
    await connection.query(walkIndexes);
    const placed = (await connection.query(placeOldest, [last, batchSize])).length;
    if (placed > 0) await connection.query(movePlacer, [last + placed]);
    return placed;
  });
}

// Positions that another placer has not yet committed look like none here: then the lock is waited for.
const anyWithout: Statement = {
  name: 'any_without_position',
  text: 'SELECT 1 FROM events WHERE position IS NULL LIMIT 1',
};
const lockPlacer: Statement = {
  name: 'lock_placer',
  text: 'SELECT last_position FROM placer WHERE placer_id = 1 FOR UPDATE',
};
const movePlacer: Statement = {
  name: 'move_placer',
  text: 'UPDATE placer SET last_position = $1 WHERE placer_id = 1',
};

// Oldest first, but a user's events in the order of their sequences whatever the clocks of the servers that wrote them
// said: a chosen event brings its user's earlier ones along, and none counts as older than the one before it.
//
// How many events wait changes faster than the database's statistics do; a plan that follows these would read all that
// wait for each batch. So `oldest` must walk its index (walkIndexes), and what looks like it were for the index of
// those that wait, but is a look-up by key, is written so that this index does not fit it (coalesce, LATERAL, LIMIT).
const placeOldest: Statement = {
  name: 'place_oldest',
  text:
    'WITH RECURSIVE oldest AS (SELECT user_id, sequence, created_at FROM events WHERE position IS NULL ORDER BY created_at, event_id LIMIT $2::bigint), ' +
    'chosen AS (SELECT user_id, sequence, created_at FROM oldest UNION SELECT earlier.user_id, earlier.sequence, earlier.created_at ' +
    'FROM chosen CROSS JOIN LATERAL (SELECT user_id, sequence, created_at FROM events WHERE events.user_id = chosen.user_id ' +
    'AND events.sequence = chosen.sequence - 1 AND coalesce(events.position, 0) = 0 LIMIT 1) AS earlier), ' +
    'dated AS (SELECT user_id, sequence, max(created_at) OVER (PARTITION BY user_id ORDER BY sequence) AS age FROM chosen), ' +
    'placed AS (SELECT user_id, sequence, $1::bigint + row_number() OVER (ORDER BY age, user_id, sequence) AS position FROM dated) ' +
    'UPDATE events SET position = placed.position FROM placed ' +
    'WHERE events.user_id = placed.user_id AND events.sequence = placed.sequence RETURNING events.position',
};

// Where the database has these settings: other engines plan in other ways.
const walkIndexes: Statement = {
  name: 'walk_indexes',
  text:
    "SELECT set_config(name, 'off', true) FROM unnest(ARRAY['enable_sort', 'enable_bitmapscan', 'enable_seqscan', 'enable_hashjoin']) AS name " +
    'WHERE current_setting(name, true) IS NOT NULL',
};
