import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { isUnavailable } from './sqlite-error.ts';
import { applyPragmas } from './sqlite-pragmas.ts';
import { createReadiness } from './sqlite-readiness.ts';
import {
  type Write,
  type WriteFailure,
  type WriteName,
  type WriteOutcome,
  type WriteRequest,
  writeStatements,
} from './sqlite-write-statements.ts';

/** What the thread is started with. */
export interface WriterThreadData {
  readonly path: string;
  readonly busyTimeoutMs: number;
}

const { path, busyTimeoutMs } = workerData as WriterThreadData;
const db = new DatabaseSync(path, { timeout: busyTimeoutMs });
applyPragmas(db);
const statements = new Map<string, StatementSync>(
  Object.entries(writeStatements).map(([name, sql]) => [name, db.prepare(sql)]),
);
const readiness = createReadiness(db, path);

// A batch in, its outcomes out, in the same order; an empty batch asks whether a write would go through. As JSON: a
// structured clone of as many small arrays takes several times as long.
parentPort?.on('message', (message: string) => {
  if (message === 'close') {
    db.close();
    parentPort?.close();
  } else parentPort?.postMessage(outcomesOf(JSON.parse(message) as WriteRequest[]));
});

function outcomesOf(batch: readonly WriteRequest[]): readonly WriteOutcome[] {
  if (batch.length > 0) return commit(batch);
  const why = readiness.whyNot();
  return why === undefined ? [] : [failureOf(why)];
}

function commit(batch: readonly WriteRequest[]): readonly WriteOutcome[] {
  try {
    db.exec('BEGIN IMMEDIATE');
    const outcomes = batch.map(write);
    db.exec('COMMIT');
    return outcomes;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    readiness.failed(error);
    // One of several failed: each again in a transaction of its own, so that the others do not suffer for it.
    if (batch.length > 1 && !isUnavailable(error)) return batch.flatMap((request) => commit([request]));
    const failure = failureOf(error);
    return batch.map(() => failure);
  }
}

function write({ guard, first, rest }: WriteRequest): WriteOutcome {
  if (guard !== null && statement(guard[0]).get(...guard[1]) !== undefined) return 'guarded';
  if (run(first).changes !== 1) return 'stale';
  for (const each of rest) run(each);
  return 'written';
}

function run([name, values]: Write) {
  return statement(name).run(...values);
}

function statement(name: WriteName): StatementSync {
  const found = statements.get(name);
  if (found === undefined) throw new Error(`bug: no statement ${name}`);
  return found;
}

function failureOf(error: unknown): WriteFailure {
  const errcode = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  const message = error instanceof Error ? error.message : String(error);
  return { message, errcode: typeof errcode === 'number' ? errcode : undefined };
}
