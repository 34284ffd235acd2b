import { parentPort, workerData } from 'node:worker_threads';
import { openExisting } from './existing.ts';
import { applyPragmas, emptyLog, moveLog } from './pragmas.ts';

/** What the thread is started with. */
export interface CheckpointThreadData {
  readonly path: string;
}

const { path } = workerData as CheckpointThreadData;
const db = openExisting(path);
applyPragmas(db);

parentPort?.on('message', (message: 'checkpoint' | 'empty' | 'close') => {
  if (message === 'empty') {
    parentPort?.postMessage(emptyLog(db));
    return;
  }
  if (message === 'checkpoint') {
    parentPort?.postMessage(moveLog(db));
    return;
  }
  db.close();
  parentPort?.close();
});
