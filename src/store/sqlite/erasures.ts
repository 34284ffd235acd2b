import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import type { RecordedEvent } from '../../domain/events.ts';
import type { UserId } from '../../domain/ids.ts';
import type { ErasureStore } from '../erasure-store.ts';
import type { CheckpointThreadData } from './checkpoint-thread.ts';
import { reading } from './error.ts';
import { startThread } from './start-thread.ts';
import type { Write, WriteOne } from './write-statements.ts';

interface Writing extends CheckpointThreadData {
  readonly write: WriteOne;
}

/** How often the log is tried to be emptied, and how long after one another: a reader of a moment is then gone. */
const triesMax = 10;
const triesIntervalMs = 50;

/**
 * Erasures in the embedded store. What a row gives up is overwritten with zeros (secure_delete: see pragmas.ts); what
 * the log has of it goes when the log is emptied.
 */
export function createErasures(db: DatabaseSync, { write, path }: Writing): ErasureStore {
  const all = db.prepare('SELECT user_id, erased_at FROM erasures ORDER BY erased_at, user_id');
  return {
    listErasures: reading(() =>
      all.all().map((row) => ({ userId: row.user_id as UserId, erasedAt: row.erased_at as number })),
    ),
    async rewriteEvents(events) {
      const [first, ...rest] = events.map(rewrite);
      // A row that changes none is one that somebody has taken out of the file by hand.
      if (first !== undefined) await write([first, '', 0, [], rest, null]);
    },
    dropOverwritten: sharingNext(() => dropLog(path)),
    async endErasure(userId) {
      await write([['deleteErasure', [userId]], '', 0, [], [], null]);
    },
  };
}

function rewrite({ position, userId, payload, meta }: RecordedEvent): Write {
  const { ip, userAgent, requestId, traceparent, reason } = meta;
  const left = [ip, userAgent, requestId, traceparent, reason].map((value) => value ?? null);
  return ['rewriteEvent', [JSON.stringify(payload), ...left, position, userId]];
}

async function dropLog(path: string): Promise<boolean> {
  for (let tries = 0; tries < triesMax; tries += 1) {
    if (await isLogEmptied(path)) return true;
    await delay(triesIntervalMs);
  }
  return false;
}

/**
 * One at a time: who asks while the work is under way may have written what it has passed already, so all of them get
 * the answer of the next one. However many ask, there is one thread.
 */
function sharingNext<Value>(work: () => Promise<Value>): () => Promise<Value> {
  let last: Promise<unknown> = Promise.resolve();
  let next: Promise<Value> | undefined;
  return () => {
    next ??= last.then(() => {
      next = undefined;
      const underWay = work();
      last = underWay.catch(() => undefined);
      return underWay;
    });
    return next;
  };
}

// In a thread of its own, which lives as long as this: a disk may be slow.
function isLogEmptied(path: string): Promise<boolean> {
  const worker = startThread<CheckpointThreadData>(import.meta.url, 'checkpoint-thread', { path });
  const emptied = Promise.withResolvers<boolean>();
  worker.once('message', emptied.resolve);
  // What broke it breaks commits too, which say so; here it is a log that is not empty yet.
  worker.once('error', () => emptied.resolve(false));
  worker.postMessage('empty');
  return emptied.promise.finally(() => worker.postMessage('close'));
}
