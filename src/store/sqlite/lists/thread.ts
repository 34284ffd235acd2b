import { parentPort, workerData } from 'node:worker_threads';
import { DomainError } from '../../../domain/errors.ts';
import type { ListSessions, SessionRecord } from '../../session-store.ts';
import { lockedByCause, lockedCounts } from '../../sql/locked-counts.ts';
import type { Listed, ListUsers, LockedCounts, UserRecord } from '../../store.ts';
import type { FrozenSet, LocksFound, SelectLocks } from '../../unlock-run-store.ts';
import { openExisting } from '../existing.ts';
import { applyPragmas } from '../pragmas.ts';
import type { WriteFailure } from '../write-statements.ts';
import { createLists } from './lists.ts';
import { countLocks, type FrozenSlice, sliceLocks, sumLocks } from './locks.ts';

/** What the thread is started with. */
export interface ListThreadData {
  readonly path: string;
  readonly busyTimeoutMs: number;
}

export type ListQuestion =
  | { readonly list: 'users'; readonly query: ListUsers }
  | { readonly list: 'sessions'; readonly query: ListSessions }
  | { readonly list: 'locks'; readonly query: SelectLocks & { readonly sampleSize: number } }
  | { readonly list: 'lock sums'; readonly query: SelectLocks }
  /** The first of them; then, of the same moment, the next ones, until there are none. */
  | { readonly list: 'lock slices'; readonly query: SelectLocks }
  | { readonly list: 'next slices' }
  | { readonly list: 'locked' };

export type ListOutcome =
  | {
      readonly listed:
        | Listed<UserRecord>
        | Listed<SessionRecord>
        | LockedCounts
        | LocksFound
        | FrozenSet
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

let slices: Generator<readonly FrozenSlice[]> | undefined;

function answerOf(question: ListQuestion) {
  if (question.list === 'locked') return countLocked();
  if (question.list === 'locks') return countLocks(db, question.query);
  if (question.list === 'lock sums') return sumLocks(db, question.query);
  if (question.list === 'lock slices') slices = sliceLocks(db, question.query);
  if (question.list === 'lock slices' || question.list === 'next slices') return slices?.next().value ?? [];
  return question.list === 'users' ? lists.listUsers(question.query) : lists.listSessions(question.query);
}

function countLocked(): LockedCounts {
  return lockedCounts(db.prepare(lockedByCause("lockout ->> '$.lock.cause'")).all());
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
