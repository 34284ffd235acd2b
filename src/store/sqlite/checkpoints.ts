import type { DatabaseSync } from 'node:sqlite';
import type { Worker } from 'node:worker_threads';
import type { CheckpointThreadData } from './checkpoint-thread.ts';
import { moveLog } from './pragmas.ts';
import { startThread } from './start-thread.ts';

/** Moves the log into the file beside the commits, so that no commit waits for it. */
export interface Checkpoints {
  /** So many changes have been committed, each of which is about a page of the log. */
  wrote(changes: number): void;
  close(): void;
}

/** The log's length at which it is moved. Shorter: pages that change twice are moved twice; longer: readers search longer. */
const changesMax = 8_000;
/** The log's length in pages from which on a commit moves what the thread has not. */
const pagesMax = 32_000;
/** A remainder so short is moved by the writer itself: only while nobody writes can all of it be, and the log begin anew. */
const remainderMax = 500;
/** So much of the log, in pages, is left by no look-up: it is a backup or a long list that still needs it. */
const heldMin = 4_000;

/**
 * The thread starts with the first log that is long enough: a server that changes little needs none. While it works,
 * commits go on and make the log longer; each further round has less to move, until the rest takes the writer a
 * moment. Where this is outrun or the thread fails, SQLite's own checkpoint inside a commit bounds the log. But not
 * one that a reader has made long: the commit after the reader's end would move all of it, and everybody wait.
 */
export function createCheckpoints(data: CheckpointThreadData, writer: DatabaseSync): Checkpoints {
  let worker: Worker | undefined;
  // Under way, failed for good, or closed: nothing is to begin.
  let isBusy = false;
  let isClosed = false;
  let isHeld = false;
  /** Changes since the last round began, and those that it has to move. */
  let unmoved = 0;
  let share = 0;
  boundLog(writer, true);
  const setHeld = (held: boolean) => {
    if (held !== isHeld) boundLog(writer, !held);
    isHeld = held;
  };
  // It stays busy for ever: the commits do without it.
  const onFailed = () => setHeld(false);
  const begin = () => {
    isBusy = true;
    share += unmoved;
    unmoved = 0;
    try {
      worker ??= startThread(import.meta.url, 'checkpoint-thread', data)
        .on('message', onMoved)
        .on('error', onFailed);
      worker.postMessage('checkpoint');
    } catch {
      // The machine has no room for another thread.
      onFailed();
    }
  };
  const onMoved = (pagesLeft: number | undefined) => {
    if (isClosed) return;
    isBusy = false;
    if (pagesLeft === undefined) return;
    if (pagesLeft > heldMin) return setHeld(true);
    // Without a bound, a round that leaves more than it has moved must be the last.
    const isOutrun = isHeld && unmoved > share;
    share = 0;
    if (unmoved > remainderMax && !isOutrun) return begin();
    unmoved = 0;
    moveLog(writer);
    setHeld(false);
  };
  return {
    wrote(changes) {
      unmoved += changes;
      // A round finds out at little cost whether the reader is still there.
      const enough = isHeld ? remainderMax : changesMax;
      if (unmoved >= enough && !isBusy && !isClosed) begin();
    },
    close() {
      isClosed = true;
      worker?.postMessage('close');
    },
  };
}

function boundLog(writer: DatabaseSync, isBounded: boolean): void {
  writer.exec(`PRAGMA wal_autocheckpoint = ${isBounded ? pagesMax : 0}`);
}
