import type { Connection } from './connection.ts';
import { asStoreError } from './error.ts';
import { type Pool, withRetries } from './pool.ts';
import { isNoText } from './rows/ask.ts';

interface Waiting<Value> {
  readonly resolve: (value: Value | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Queries of one kind under way at once. */
const queriesMax = 3;
const keysMax = 1_000;

/**
 * One query serves all that ask in one turn of the event loop, or while others are under way. It is sent after the last
 * of them asked, so no answer is older than its question: a batch, not a cache.
 */
export function batchLoads<Value>(
  { pool, patienceMs }: { readonly pool: Pool; readonly patienceMs: number },
  read: (connection: Connection, keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>,
): (key: string) => Promise<Value | undefined> {
  let waiting = new Map<string, Waiting<Value>[]>();
  let underWay = 0;
  let isScheduled = false;

  const schedule = () => {
    if (isScheduled || underWay >= queriesMax || waiting.size === 0) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      void run();
    });
  };
  const run = async () => {
    const batch = take();
    underWay += 1;
    try {
      const found = await withRetries(pool, patienceMs, (connection) => read(connection, [...batch.keys()]));
      for (const [key, group] of batch) for (const { resolve } of group) resolve(found.get(key));
    } catch (error) {
      for (const group of batch.values()) for (const { reject } of group) reject(asStoreError(error));
    }
    underWay -= 1;
    schedule();
  };
  const take = () => {
    const batch = waiting;
    waiting = new Map();
    if (batch.size <= keysMax) return batch;
    const entries = [...batch];
    waiting = new Map(entries.slice(keysMax));
    return new Map(entries.slice(0, keysMax));
  };

  return (key) => {
    // Nobody has that id; asked, the whole batch would be refused.
    if (isNoText(key)) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      const group = waiting.get(key);
      if (group === undefined) waiting.set(key, [{ resolve, reject }]);
      else group.push({ resolve, reject });
      schedule();
    });
  };
}
