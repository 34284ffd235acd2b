import type { DatabaseSync } from 'node:sqlite';
import { DomainError } from '../domain/errors.ts';
import { createAppender } from './sqlite-append.ts';
import { asStoreError, isUnavailable } from './sqlite-error.ts';
import type { Store } from './store.ts';

interface Member {
  /** Runs inside the batch's transaction. */
  readonly write: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** One batch holds the event loop for its length; what is over the bound goes into the next one. */
const membersMax = 512;

type Writer = Pick<Store, 'append' | 'addOrganization' | 'isReady'> & AsyncDisposable;

/**
 * Group commit: what arrives in one turn of the event loop is one transaction, synced once, answered after.
 * Nothing waits for more to come, and a member that fails, fails alone.
 */
export function createWriter(db: DatabaseSync): Writer {
  const appender = createAppender(db);
  let waiting: Member[] = [];
  let closed = false;

  const flush = () => {
    const batch = waiting.length > membersMax ? waiting.slice(0, membersMax) : waiting;
    waiting = waiting.length > membersMax ? waiting.slice(membersMax) : [];
    if (waiting.length > 0) setImmediate(flush);
    commit(db, batch);
  };
  const enqueue = <Value>(write: () => Value): Promise<Value> =>
    new Promise<Value>((resolve, reject) => {
      if (closed) return reject(new DomainError('storeUnavailable'));
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({ write, resolve, reject });
    });

  return {
    append: (change) => enqueue(() => appender.append(change)),
    addOrganization: (event, at, meta) => enqueue(() => appender.addOrganization(event, at, meta)),
    isReady: async () => !closed && canWrite(db),
    async [Symbol.asyncDispose]() {
      closed = true;
      while (waiting.length > 0) await new Promise(setImmediate);
    },
  };
}

function commit(db: DatabaseSync, batch: readonly Member[]): void {
  const outcomes: unknown[] = [];
  try {
    db.exec('BEGIN IMMEDIATE');
    for (const member of batch) outcomes.push(member.write());
    db.exec('COMMIT');
  } catch (error) {
    rollback(db);
    // One of several failed: each again in a transaction of its own, so that the others do not suffer for it.
    if (batch.length > 1 && !isUnavailable(error)) for (const member of batch) commit(db, [member]);
    else for (const member of batch) member.reject(asStoreError(error));
    return;
  }
  for (const [index, member] of batch.entries()) member.resolve(outcomes[index] as never);
}

function rollback(db: DatabaseSync): void {
  if (db.isTransaction) db.exec('ROLLBACK');
}

// Takes the write lock and lets it go: a read-only file, a full disk's journal or a stuck writer show here.
function canWrite(db: DatabaseSync): boolean {
  try {
    db.exec('BEGIN IMMEDIATE; ROLLBACK');
    return true;
  } catch {
    rollback(db);
    return false;
  }
}
