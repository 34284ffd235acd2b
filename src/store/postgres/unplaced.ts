import { writerOf } from './batch-id.ts';
import type { Connection, Statement } from './connection.ts';

/** Committed events that have no position yet. */
export interface UnplacedBatch {
  readonly batchId: string;
  readonly events: number;
}

/**
 * All that are visible now, in an order in which they may stand in the log: oldest first, but none before one that it
 * rests on, whatever the clocks of the servers said. A batch rests on the earlier ones of its writer, and on those that
 * hold the event before one of its own; these were committed before it began, so there is no ring.
 */
export async function orderUnplaced(connection: Connection): Promise<readonly UnplacedBatch[]> {
  const rows = await connection.query(unplaced);
  const batches = rows.map(({ batch_id, events }) => {
    return { batchId: batch_id as string, events: events as number };
  });
  const writers = Map.groupBy(batches, ({ batchId }) => writerOf(batchId));
  const under = new Map<string, string[]>();
  const rest = (batchId: string, on: string) => {
    const known = under.get(batchId);
    if (known === undefined) under.set(batchId, [on]);
    else known.push(on);
  };
  for (const own of writers.values()) {
    const ids = own.map(({ batchId }) => batchId).sort();
    for (const [index, batchId] of ids.entries()) {
      const before = ids[index - 1];
      if (before !== undefined) rest(batchId, before);
    }
  }
  // One writer's batches rest on each other in the order of their numbers: nothing to look up.
  if (writers.size > 1) {
    await connection.query(walkIndexes);
    const pairs = await connection.query(restingOn, [rows.map(({ batch_id }) => batch_id)]);
    for (const { batch_id, earlier_id } of pairs) rest(batch_id as string, earlier_id as string);
  }
  return inOrder(batches, under);
}

function inOrder(
  batches: readonly UnplacedBatch[],
  under: ReadonlyMap<string, readonly string[]>,
): readonly UnplacedBatch[] {
  const left = new Map(batches.map((batch) => [batch.batchId, batch]));
  const ordered: UnplacedBatch[] = [];
  for (const { batchId } of batches) {
    const path = [batchId];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const before = under.get(top)?.find((id) => left.has(id));
      const batch = left.get(top);
      if (batch !== undefined && before !== undefined) path.push(before);
      else path.pop();
      if (path.length > batches.length) throw new Error('bug: batches that rest on one another');
      if (batch === undefined || before !== undefined) continue;
      ordered.push(batch);
      left.delete(top);
    }
  }
  return ordered;
}

const unplaced: Statement = {
  name: 'unplaced',
  text: 'SELECT batch_id, events FROM batches WHERE first_position IS NULL ORDER BY created_at, batch_id',
};

// Each step is a look-up by key: LATERAL and LIMIT leave a planner with old statistics no other way.
const restingOn: Statement = {
  name: 'resting_on',
  text:
    'SELECT DISTINCT events.batch_id, earlier.batch_id AS earlier_id FROM unnest($1::text[]) AS wanted(batch_id) ' +
    'JOIN events ON events.batch_id = wanted.batch_id CROSS JOIN LATERAL (SELECT before.batch_id FROM events AS before ' +
    'WHERE before.user_id = events.user_id AND before.sequence = events.sequence - 1 LIMIT 1) AS earlier ' +
    'WHERE earlier.batch_id <> events.batch_id AND EXISTS (SELECT 1 FROM batches WHERE batches.batch_id = earlier.batch_id ' +
    'AND batches.first_position IS NULL)',
};

// Where the database has these settings: other engines plan in other ways.
const walkIndexes: Statement = {
  name: 'walk_indexes',
  text:
    "SELECT set_config(name, 'off', true) FROM unnest(ARRAY['enable_bitmapscan', 'enable_seqscan', 'enable_hashjoin', 'enable_mergejoin']) AS name " +
    'WHERE current_setting(name, true) IS NOT NULL',
};
