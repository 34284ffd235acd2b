import { Worker } from 'node:worker_threads';
import type { CheckpointThreadData } from './sqlite-checkpoint-thread.ts';

/** Moves the log into the file beside the commits, so that no commit waits for it. */
export interface Checkpoints {
  /** So many changes have been committed, each of which is about a page of the log. */
  wrote(changes: number): void;
  close(): void;
}

/** The log's length at which it is moved. Shorter: pages that change twice are moved twice; longer: readers search longer. */
const changesMax = 8_000;
/** A remainder so short is moved by the writer itself: only while nobody writes can all of it be, and the log begin anew. */
const remainderMax = 500;

/**
 * The thread starts with the first log that is long enough: a server that changes little needs none. While it works,
 * commits go on and make the log longer; each further round has less to move, until the rest takes the writer a
 * moment. Where this is outrun or the thread fails, SQLite's own checkpoint inside a commit bounds the log.
 */
export function createCheckpoints(data: CheckpointThreadData, moveRemainder: () => void): Checkpoints {
  let worker: Worker | undefined;
  // Under way, failed for good, or closed: nothing is to begin.
  let isBusy = false;
  let isClosed = false;
  let unmoved = 0;
  const begin = () => {
    isBusy = true;
    unmoved = 0;
    worker ??= start();
    worker.postMessage('checkpoint');
  };
  const onMoved = (isMoved: boolean) => {
    if (isClosed) return;
    isBusy = false;
    if (isMoved && unmoved > remainderMax) begin();
    else if (isMoved) {
      unmoved = 0;
      moveRemainder();
    }
  };
  const start = () => {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const entry = new URL(`./sqlite-checkpoint-thread.${extension}`, import.meta.url);
    const started = new Worker(entry, { workerData: data });
    started.on('message', onMoved);
    // It stays busy for ever: the commits do without it.
    started.on('error', () => undefined);
    return started;
  };
  return {
    wrote(changes) {
      unmoved += changes;
      if (unmoved >= changesMax && !isBusy && !isClosed) begin();
    },
    close() {
      isClosed = true;
      worker?.postMessage('close');
    },
  };
}
