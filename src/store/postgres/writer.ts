import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '../../domain/errors.ts';
import { evolvePolicy, policyEvent } from '../../domain/evolve/policy.ts';
import type { StoreFailure, StoreMeasures } from '../../ops/measures.ts';
import type { Change, Store } from '../store.ts';
import { type AppendOutcome, appendAlone, evolveAll } from './append.ts';
import { findLogged, moveAll, type PlainChange, parsePlain } from './batch.ts';
import { createBatchIds, eventsPerBatchMax } from './batch-id.ts';
import type { Connection } from './connection.ts';
import { asStoreError, ConnectionLost, isFull, isUnavailable, sqlState } from './error.ts';
import { addOrganization, changePolicy, isInstanceEventLogged } from './instance.ts';
import { type Pool, withRetries } from './pool.ts';

interface Member extends PlainChange {
  readonly resolve: (outcome: AppendOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/** Commits under way at once: while one waits for the disk, others are planned, sent and written. */
const commitsMax = 3;
export interface WriterOptions {
  /** For plain changes. */
  readonly hot: Pool;
  /** For what takes a transaction of its own. */
  readonly slow: Pool;
  readonly patienceMs: number;
  readonly measures: StoreMeasures;
}

type Writer = Pick<Store, 'append' | 'addOrganization' | 'changeLockoutPolicy'> & AsyncDisposable;

/**
 * Group commit: what arrives while commits are under way goes into the next one, together. Nothing waits for more to
 * come, and a member that fails, fails alone.
 */
export function createWriter({ hot, slow, patienceMs, measures }: WriterOptions): Writer {
  const nextBatchId = createBatchIds();
  const committer = { pool: hot, patienceMs, nextBatchId, measures };
  const batches = new Batches((members) => commit(committer, members), measures);
  let closed = false;
  let alone = 0;

  const aloneDone = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (closed) throw new DomainError('storeUnavailable');
    alone += 1;
    try {
      return await work();
    } catch (error) {
      throw asStoreError(error);
    } finally {
      alone -= 1;
    }
  };

  return {
    append(change) {
      const plain = parsePlain(change);
      if (plain === undefined || closed)
        return aloneDone(() => appendOnce({ ...committer, pool: slow }, change));
      return new Promise((resolve, reject) => batches.add({ ...plain, resolve, reject }));
    },
    addOrganization: (event, at, meta) =>
      aloneDone(() =>
        withRetries(slow, patienceMs, async (connection, mayBeDone) => {
          const organization = { event, at, meta };
          const outcome = await addOrganization(connection, organization, nextBatchId);
          if (outcome !== 'taken' || !mayBeDone) return outcome;
          const isOurs = await isInstanceEventLogged(connection, at);
          return isOurs ? { ...event.payload, createdAt: at.createdAt } : outcome;
        }),
      ),
    changeLockoutPolicy: (change) =>
      aloneDone(() =>
        withRetries(slow, patienceMs, async (connection, mayBeDone) => {
          const outcome = await changePolicy(connection, change, nextBatchId);
          if (outcome !== 'stale' || !mayBeDone) return outcome;
          const { organizationId, before, policy, at } = change;
          const isOurs = await isInstanceEventLogged(connection, at);
          return isOurs ? evolvePolicy(before, policyEvent(organizationId, policy), at.createdAt) : outcome;
        }),
      ),
    async [Symbol.asyncDispose]() {
      closed = true;
      while (batches.isBusy() || alone > 0) await delay(1);
    },
  };
}

class Batches {
  readonly #commit: (members: readonly Member[]) => Promise<void>;
  readonly #measures: StoreMeasures;
  #waiting: Member[] = [];
  /** Users with a change under way: a second one would only wait for the first one's lock, and its whole batch with it. */
  readonly #busy = new Set<string>();
  #underWay = 0;
  #isScheduled = false;

  constructor(commit: (members: readonly Member[]) => Promise<void>, measures: StoreMeasures) {
    this.#commit = commit;
    this.#measures = measures;
  }

  add(member: Member): void {
    this.#waiting.push(member);
    this.#schedule();
  }

  isBusy(): boolean {
    return this.#waiting.length > 0 || this.#underWay > 0;
  }

  // Once a turn of the event loop, so that all who ask in one turn go together.
  #schedule(): void {
    if (this.#isScheduled || this.#underWay >= commitsMax) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#start();
    });
  }

  #start(): void {
    if (this.#underWay >= commitsMax) return;
    const members: Member[] = [];
    const left: Member[] = [];
    for (const member of this.#waiting) {
      const { userId } = member.before;
      if (members.length === eventsPerBatchMax || this.#busy.has(userId)) left.push(member);
      else {
        this.#busy.add(userId);
        members.push(member);
      }
    }
    this.#waiting = left;
    this.#measures.waiting(left.length);
    if (members.length > 0) void this.#run(members);
  }

  async #run(members: readonly Member[]): Promise<void> {
    this.#underWay += 1;
    await this.#commit(members);
    this.#underWay -= 1;
    for (const { before } of members) this.#busy.delete(before.userId);
    if (this.#waiting.length > 0) this.#schedule();
  }
}

interface Committer {
  readonly pool: Pool;
  readonly patienceMs: number;
  readonly nextBatchId: () => string;
  readonly measures: StoreMeasures;
}

// Never rejects: whatever happens is some member's answer.
async function commit(committer: Committer, members: readonly Member[]): Promise<void> {
  const { pool, patienceMs, nextBatchId, measures } = committer;
  const startedMs = performance.now();
  try {
    const done = await withRetries(pool, patienceMs, async (connection, mayBeDone) => {
      const moved = await moveAll(connection, members, nextBatchId());
      return doneOf(connection, { members, moved, mayBeDone });
    });
    measures.committed(members.length, startedMs);
    for (const member of members) settle(member, done.has(member), measures);
  } catch (error) {
    if (members.length === 1 || !isMembersFault(error)) {
      measures.commitFailed(failureOf(error));
      for (const member of members) member.reject(asStoreError(error));
      return;
    }
    // One of several failed: each again by itself, so that the others do not suffer for it.
    for (const member of members) await commit(committer, [member]);
  }
}

function settle({ change, after, resolve }: Member, isDone: boolean, measures: StoreMeasures): void {
  if (isDone) measures.moved(change.before, change.events, change.at.createdAt);
  resolve(isDone ? after : 'stale');
}

function failureOf(error: unknown): StoreFailure {
  if (error instanceof ConnectionLost || error instanceof DomainError) return 'connection';
  if (isFull(error)) return 'full';
  const state = sqlState(error) ?? '';
  if (state === '25006') return 'read_only';
  if (/^(57014|55P03|40)/.test(state)) return 'busy';
  return /^58/.test(state) ? 'io' : 'other';
}

// A lock that somebody else holds on one row (55P03) is that member's trouble, not the database's.
function isMembersFault(error: unknown): boolean {
  if (error instanceof ConnectionLost || error instanceof DomainError) return false;
  return sqlState(error) === '55P03' || !isUnavailable(error);
}

interface Attempt {
  readonly members: readonly Member[];
  /** Ids of the users whom it moved. */
  readonly moved: ReadonlySet<string>;
  readonly mayBeDone: boolean;
}

// What an attempt with an unknown outcome has done, the next one finds stale: then the log knows whose change it was.
async function doneOf(
  connection: Connection,
  { members, moved, mayBeDone }: Attempt,
): Promise<ReadonlySet<Member>> {
  const done = new Set(members.filter(({ before }) => moved.has(before.userId)));
  const stale = members.filter((member) => !done.has(member));
  if (!mayBeDone || stale.length === 0) return done;
  const logged = await findLogged(
    connection,
    stale.map(({ change }) => change),
  );
  for (const member of stale) if (logged.has(member.change)) done.add(member);
  return done;
}

async function appendOnce(committer: Committer, change: Change): Promise<AppendOutcome> {
  const { measures } = committer;
  const startedMs = performance.now();
  try {
    const outcome = await appendPersistently(committer, change);
    measures.committed(1, startedMs);
    if (typeof outcome !== 'string') measures.moved(change.before, change.events, change.at.createdAt);
    return outcome;
  } catch (error) {
    measures.commitFailed(failureOf(error));
    throw error;
  }
}

function appendPersistently(
  { pool, patienceMs, nextBatchId }: Committer,
  change: Change,
): Promise<AppendOutcome> {
  return withRetries(pool, patienceMs, async (connection, mayBeDone) => {
    const outcome = await appendAlone(connection, change, nextBatchId);
    if (typeof outcome !== 'string' || !mayBeDone) return outcome;
    return (await findLogged(connection, [change])).has(change) ? evolveAll(change) : outcome;
  });
}
