import type { StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { instanceStream } from '../../domain/events.ts';
import { Fenced, requireKnown } from '../sql/fence.ts';
import { createCheckpoints } from './checkpoints.ts';
import { isUnavailable } from './error.ts';
import { openExisting } from './existing.ts';
import { type FileIdentity, watchFile } from './file-watch.ts';
import { applyPragmas } from './pragmas.ts';
import { createReadiness } from './readiness.ts';
import {
  type WriteFailure,
  type WriteName,
  type WriteOutcome,
  type WriteRequest,
  writeStatements,
} from './write-statements.ts';

/** What the thread is started with. */
export interface WriterThreadData {
  readonly path: string;
  readonly busyTimeoutMs: number;
  /** The file that was opened. */
  readonly identity: FileIdentity;
}

/** What keeps every further write from being done; undefined once nothing does any more. */
export interface TroubleMessage {
  readonly trouble: Trouble | undefined;
}

export interface Trouble extends WriteFailure {
  /** What is read may be as wrong. */
  readonly stopsReads: boolean;
}

/** So old a look is not relied on before a write; after one there is another before anybody is answered. */
const lookAgeMsMax = 10;
/** While nobody writes. */
const lookIntervalMs = 1_000;

const { path, busyTimeoutMs, identity } = workerData as WriterThreadData;
const db = openExisting(path, { timeout: busyTimeoutMs });
applyPragmas(db);
const checkpoints = createCheckpoints({ path }, db);
const statements = new Map<string, StatementSync>(
  Object.entries(writeStatements).map(([name, sql]) => [name, db.prepare(sql)]),
);
const insertEvent = statement('insertEvent');
const begin = db.prepare('BEGIN IMMEDIATE');
const end = db.prepare('COMMIT');
const newest = look('SELECT coalesce(max(position), 0), (SELECT max(version) FROM migrations) FROM events');
const chainEnd = look('SELECT newest_position FROM users WHERE user_id = ?');
const instanceSequence = look("SELECT coalesce(max(sequence), 0) FROM events WHERE user_id = ''");
const readiness = createReadiness(db, path);
const file = watchFile(db, path, identity);
let lookedAtMs = Number.NEGATIVE_INFINITY;
let fenced: Fenced | undefined;
let told: string | undefined;
const interval = setInterval(() => tellOf(lookAtFile()), lookIntervalMs);

// A batch in, its outcomes out, in the same order; an empty batch asks whether a write would go through. As JSON: a
// structured clone of as many small arrays takes several times as long.
parentPort?.on('message', (message: string) => {
  if (message === 'close') {
    clearInterval(interval);
    checkpoints.close();
    db.close();
    parentPort?.close();
    return;
  }
  const batch = JSON.parse(message) as WriteRequest[];
  parentPort?.postMessage(outcomesOf(batch));
  checkpoints.wrote(batch.length);
});

function outcomesOf(batch: readonly WriteRequest[]): readonly WriteOutcome[] {
  if (batch.length > 0) return written(batch);
  const inFile = lookAtFile();
  const why = inFile ?? readiness.whyNot();
  fenced = why instanceof Fenced ? why : undefined;
  tellOf(inFile);
  return why === undefined ? [] : [failureOf(why)];
}

/**
 * Whoever is told that something is written is told of a file that lay in its place, with its log, after the commit was
 * on disk: what is moved away under the server is not acknowledged.
 */
function written(batch: readonly WriteRequest[]): readonly WriteOutcome[] {
  const before = performance.now() - lookedAtMs > lookAgeMsMax ? lookAtFile() : undefined;
  const outcomes = before === undefined ? commit(batch) : [];
  const trouble = before ?? lookAtFile();
  if (trouble === undefined) return outcomes;
  tellOf(trouble);
  const failure = failureOf(trouble);
  return batch.map(() => failure);
}

function lookAtFile(): Error | undefined {
  const trouble = file.trouble();
  lookedAtMs = trouble === undefined ? performance.now() : Number.NEGATIVE_INFINITY;
  return trouble;
}

// Once for each trouble and once when it is over.
function tellOf(inFile: Error | undefined): void {
  const trouble = inFile ?? fenced;
  if (trouble?.message === told) return;
  told = trouble?.message;
  const stopsReads = inFile !== undefined;
  const message: TroubleMessage = { trouble: trouble && { ...failureOf(trouble), stopsReads } };
  parentPort?.postMessage(message);
}

function commit(batch: readonly WriteRequest[]): readonly WriteOutcome[] {
  try {
    begin.run();
    // Counted anew for every transaction: another process may write to the same file, or raise its schema.
    const [position, version] = newest.get() as unknown as [number, number];
    requireKnown(version);
    const positions = { next: position + 1 };
    const outcomes = batch.map((request) => write(request, positions));
    end.run();
    return outcomes;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    readiness.failed(error);
    if (error instanceof Fenced) {
      fenced = error;
      tellOf(undefined);
    }
    // One of several failed: each again in a transaction of its own, so that the others do not suffer for it.
    if (batch.length > 1 && !isUnavailable(error)) return batch.flatMap((request) => commit([request]));
    const failure = failureOf(error);
    return batch.map(() => failure);
  }
}

function write(request: WriteRequest, positions: { next: number }): WriteOutcome {
  const [[name, values], userId, known, events, rest, guard] = request;
  if (guard !== null && statement(guard[0]).get(...guard[1]) !== undefined) return 'guarded';
  // Before the row moves on. Where it is none, or another than was decided on, nothing comes of it.
  let previous = known ?? (chainEnd.get(userId) as unknown as [number] | undefined)?.[0] ?? 0;
  const isOfUser = userId !== instanceStream;
  const changed = isOfUser
    ? statement(name).run(positions.next + events.length - 1, ...values)
    : statement(name).run(...values);
  if (changed.changes !== 1) return 'stale';
  // get, not run: nobody asks how many rows an INSERT has made, and run makes an object to say so.
  for (const event of events) {
    if (isOfUser) insertEvent.get(positions.next, previous, userId, ...event);
    else insertEvent.get(positions.next, 0, userId, nextOfInstance(), ...event.slice(1));
    previous = positions.next;
    positions.next += 1;
  }
  for (const [name, values] of rest) statement(name).run(...values);
  return 'written';
}

function nextOfInstance(): number {
  return (instanceSequence.get() as unknown as [number])[0] + 1;
}

function statement(name: WriteName): StatementSync {
  const found = statements.get(name);
  if (found === undefined) throw new Error(`bug: no statement ${name}`);
  return found;
}

/** Answers one row as an array, or undefined. */
function look(sql: string): StatementSync {
  const prepared = db.prepare(sql);
  prepared.setReturnArrays(true);
  return prepared;
}

function failureOf(error: unknown): WriteFailure {
  const errcode = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  const message = error instanceof Error ? error.message : String(error);
  return { message, errcode: typeof errcode === 'number' ? errcode : undefined };
}
