import { parentPort, workerData } from 'node:worker_threads';
import { DomainError } from '../../../domain/errors.ts';
import type { ListSessions, SessionRecord } from '../../session-store.ts';
import { lockedByCause, lockedCounts } from '../../sql/locked-counts.ts';
import { countQuery, parseFound, parseFrozen, sliceQuery } from '../../sql/unlock-runs.ts';
import type { Listed, ListUsers, LockedCounts, UserRecord } from '../../store.ts';
import type { FrozenSlice, LocksFound, SelectLocks } from '../../unlock-run-store.ts';
import { sqliteDialect } from '../dialect.ts';
import { openExisting } from '../existing.ts';
import { applyPragmas } from '../pragmas.ts';
import type { WriteFailure } from '../write-statements.ts';
import { createLists } from './lists.ts';

/** What the thread is started with. */
export interface ListThreadData {
  readonly path: string;
  readonly busyTimeoutMs: number;
}

export type ListQuestion =
  | { readonly list: 'users'; readonly query: ListUsers }
  | { readonly list: 'sessions'; readonly query: ListSessions }
  | { readonly list: 'locks'; readonly query: SelectLocks & { readonly sampleSize: number } }
  | { readonly list: 'lock slices'; readonly query: SelectLocks }
  | { readonly list: 'locked' };

export type ListOutcome =
  | {
      readonly listed:
        | Listed<UserRecord>
        | Listed<SessionRecord>
        | LockedCounts
        | LocksFound
        | readonly FrozenSlice[];
    }
  /** An error on its way between threads. */
  | { readonly failure: WriteFailure };

const { path, busyTimeoutMs } = workerData as ListThreadData;
const db = openExisting(path, { timeout: busyTimeoutMs });
applyPragmas(db);
db.exec('PRAGMA query_only = ON');
const lists = createLists(db, { mayEnd: true });

// A query in, its outcome out; whoever asks waits for one before the next.
parentPort?.on('message', (question: ListQuestion) => {
  void outcomeOf(question).then((outcome) => parentPort?.postMessage(outcome));
});

function answerOf(question: ListQuestion) {
  if (question.list === 'locked') return countLocked();
  if (question.list === 'locks') return countLocks(question.query);
  if (question.list === 'lock slices') return sliceLocks(question.query);
  return question.list === 'users' ? lists.listUsers(question.query) : lists.listSessions(question.query);
}

function countLocked(): LockedCounts {
  return lockedCounts(db.prepare(lockedByCause("lockout ->> '$.lock.cause'")).all());
}

// SQLite hears of no end but from a function that is called: see createLists.
const endable = 'go_on() = 1';

function countLocks(query: SelectLocks & { readonly sampleSize: number }): LocksFound {
  const { sql, values } = countQuery(sqliteDialect, query, endable);
  return parseFound(db.prepare(sql).all(...values));
}

function sliceLocks(query: SelectLocks): readonly FrozenSlice[] {
  const array = { ofRows: 'json_group_array', ofColumns: 'json_array', endable };
  const { sql, values } = sliceQuery(sqliteDialect, query, array);
  return db
    .prepare(sql)
    .all(...values)
    .map(parseFrozen);
}

async function outcomeOf(question: ListQuestion): Promise<ListOutcome> {
  try {
    return { listed: await answerOf(question) };
  } catch (error) {
    const cause = error instanceof DomainError ? error.cause : error;
    const errcode = cause instanceof Error && 'errcode' in cause ? cause.errcode : undefined;
    const message = cause instanceof Error ? cause.message : String(cause);
    return { failure: { message, errcode: typeof errcode === 'number' ? errcode : undefined } };
  }
}
