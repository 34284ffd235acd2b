import type { DatabaseSync } from 'node:sqlite';

const cacheKibibytes = 1_024;

/**
 * For a look at a whole table, until disposed: pages that are all read once, and more than the cache holds, are found no more in a
 * large one, and it takes longer to find that out: its memory is not in the processor's own caches.
 */
export function smallCache(db: DatabaseSync): Disposable {
  const before = db.prepare('PRAGMA cache_size').get()?.cache_size as number;
  db.exec(`PRAGMA cache_size = -${cacheKibibytes}`);
  return { [Symbol.dispose]: () => db.exec(`PRAGMA cache_size = ${before}`) };
}
