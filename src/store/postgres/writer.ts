import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '../../domain/errors.ts';
import { evolvePolicy, policyEvent } from '../../domain/evolve/policy.ts';
import type { StoreFailure, StoreMeasures } from '../../ops/measures.ts';
import type { Change, Store } from '../store.ts';
import { type AppendOutcome, appendAlone, evolveAll } from './append.ts';
import { findFree, findLogged, moveAll, type PlainChange, parsePlain } from './batch.ts';
import { createBatchIds, eventsPerBatchMax } from './batch-id.ts';
import type { Connection } from './connection.ts';
import { asStoreError, ConnectionLost, isFull, isUnavailable, sqlState } from './error.ts';
import { GroupCommit, type Grouping } from './group-commit.ts';
import { addOrganization, changePolicy, isInstanceEventLogged } from './instance.ts';
import { ByOrganization, makeAll, type Newcomer, parseNewcomer } from './newcomers.ts';
import { type Pool, withRetries } from './pool.ts';

interface Answered {
  readonly resolve: (outcome: AppendOutcome) => void;
  readonly reject: (error: unknown) => void;
}

type Move = PlainChange & Answered;
type Arrival = Newcomer & Answered;

/** Commits under way at once: while one waits for the disk, others are planned, sent and written. */
const commitsMax = 3;
/** Organizations that people join at once: one whose lock somebody holds keeps nobody out of the others. */
const arrivalsMax = 2;

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
  const moves = groupMoves(committer);
  const arrivals = groupArrivals({ ...committer, pool: slow });
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
      if (plain !== undefined && !closed)
        return new Promise((resolve, reject) => moves.add({ ...plain, resolve, reject }));
      const newcomer = parseNewcomer(change);
      if (newcomer !== undefined && !closed)
        return new Promise((resolve, reject) => arrivals.add({ ...newcomer, resolve, reject }));
      return aloneDone(() => appendOnce({ ...committer, pool: slow }, change));
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
      while (moves.isBusy() || arrivals.isBusy() || alone > 0) await delay(1);
    },
  };
}

function groupMoves(committer: Committer): GroupCommit<Move> {
  return new GroupCommit({
    grouping: new ByUser(),
    commitsMax,
    commit: (members) => commitMoves(committer, members),
    waiting: committer.measures.waiting,
  });
}

function groupArrivals(committer: Committer): GroupCommit<Arrival> {
  return new GroupCommit<Arrival>({
    grouping: new ByOrganization(),
    commitsMax: arrivalsMax,
    commit: (members) => commitArrivals(committer, members),
  });
}

/** Plain changes of different users. */
class ByUser implements Grouping<Move> {
  /** Users with a change under way: a second one would only wait for the first one's lock, and its whole batch with it. */
  readonly #busy = new Set<string>();

  take(waiting: readonly Move[]): { members: Move[]; left: Move[] } {
    const members: Move[] = [];
    const left: Move[] = [];
    for (const member of waiting) {
      const { userId } = member.before;
      if (members.length === eventsPerBatchMax || this.#busy.has(userId)) left.push(member);
      else {
        this.#busy.add(userId);
        members.push(member);
      }
    }
    return { members, left };
  }

  release(members: readonly Move[]): void {
    for (const { before } of members) this.#busy.delete(before.userId);
  }
}

interface Committer {
  readonly pool: Pool;
  readonly patienceMs: number;
  readonly nextBatchId: () => string;
  readonly measures: StoreMeasures;
}

// Never rejects: whatever happens is some member's answer.
async function commitMoves(committer: Committer, members: readonly Move[], mayWait = true): Promise<void> {
  try {
    await commit(committer, members, async (connection, batchId) => {
      const moved = await moveAll(connection, members, batchId);
      return ({ before }) => (moved.has(before.userId) ? undefined : 'stale');
    });
  } catch (error) {
    // One of several failed: each again by itself, so that the others do not suffer for it.
    if (members.length === 1 || !isMembersFault(error)) rejectAll(committer, members, error);
    else if (!isLocked(error)) for (const member of members) await commitMoves(committer, [member]);
    else if (mayWait) await commitFree(committer, members, error);
    else rejectAll(committer, members, error);
  }
}

// Whose row somebody holds has waited for it. The others go without them; where these wait as well, it is for more than
// rows, such as a table, and each for itself would wait as long again.
async function commitFree(committer: Committer, members: readonly Move[], error: unknown): Promise<void> {
  const { pool, patienceMs } = committer;
  try {
    const free = await withRetries(pool, patienceMs, (connection) => findFree(connection, members));
    const [going = [], held = []] = [true, false].map((isFree) =>
      members.filter(({ before }) => free.has(before.userId) === isFree),
    );
    if (held.length > 0) rejectAll(committer, held, error);
    if (going.length > 0) await commitMoves(committer, going, false);
  } catch (reason) {
    rejectAll(committer, members, reason);
  }
}

// The same; but a lock that is not to be had is that of the organization, and each would wait for it again.
async function commitArrivals(committer: Committer, members: readonly Arrival[]): Promise<void> {
  try {
    await commit(committer, members, async (connection, batchId) => {
      const { made, taken } = await makeAll(connection, members, batchId);
      return ({ after: { userId } }) => {
        if (taken.has(userId)) return 'user name taken';
        return made.has(userId) ? undefined : 'stale';
      };
    });
  } catch (error) {
    if (!isMembersFault(error) || isUnavailable(error)) {
      rejectAll(committer, members, error);
      return;
    }
    for (const { change, resolve, reject } of members) {
      await appendOnce(committer, change).then(resolve, (reason) => reject(asStoreError(reason)));
    }
  }
}

type Grouped = Answered & Pick<PlainChange, 'change' | 'after'>;
/** Carries all of them out, or throws; answers who was not, and why. */
type CarryOut<Member> = (
  connection: Connection,
  batchId: string,
) => Promise<(member: Member) => 'stale' | 'user name taken' | undefined>;

/** Answers every member once they are committed. Throws where none is. */
async function commit<Member extends Grouped>(
  { pool, patienceMs, nextBatchId, measures }: Committer,
  members: readonly Member[],
  carryOut: CarryOut<Member>,
): Promise<void> {
  const startedMs = performance.now();
  const failures = await withRetries(pool, patienceMs, async (connection, mayBeDone) => {
    const failureOf = await carryOut(connection, nextBatchId());
    return failuresOf(connection, { members, failureOf, mayBeDone });
  });
  measures.committed(members.length, startedMs);
  for (const member of members) {
    const { change, after, resolve } = member;
    const failure = failures.get(member);
    if (failure === undefined) measures.moved(change.before, change.events, change.at.createdAt);
    resolve(failure ?? after);
  }
}

function rejectAll({ measures }: Committer, members: readonly Answered[], error: unknown): void {
  measures.commitFailed(failureOf(error));
  for (const member of members) member.reject(asStoreError(error));
}

function failureOf(error: unknown): StoreFailure {
  if (error instanceof ConnectionLost || error instanceof DomainError) return 'connection';
  if (isFull(error)) return 'full';
  const state = sqlState(error) ?? '';
  if (state === '25006') return 'read_only';
  if (/^(57014|55P03|40)/.test(state)) return 'busy';
  return /^58/.test(state) ? 'io' : 'other';
}

// A lock that somebody else holds on one row is that member's trouble, not the database's.
function isMembersFault(error: unknown): boolean {
  if (error instanceof ConnectionLost || error instanceof DomainError) return false;
  return isLocked(error) || !isUnavailable(error);
}

const isLocked = (error: unknown) => sqlState(error) === '55P03';

interface Attempt<Member> {
  readonly members: readonly Member[];
  readonly failureOf: Awaited<ReturnType<CarryOut<Member>>>;
  readonly mayBeDone: boolean;
}

// What an attempt with an unknown outcome has done, the next one finds stale: then the log knows whose change it was.
async function failuresOf<Member extends Grouped>(
  connection: Connection,
  { members, failureOf, mayBeDone }: Attempt<Member>,
): Promise<ReadonlyMap<Member, 'stale' | 'user name taken'>> {
  const failures = new Map<Member, 'stale' | 'user name taken'>();
  for (const member of members) {
    const failure = failureOf(member);
    if (failure !== undefined) failures.set(member, failure);
  }
  if (!mayBeDone || failures.size === 0) return failures;
  const logged = await findLogged(
    connection,
    [...failures.keys()].map(({ change }) => change),
  );
  for (const member of failures.keys()) if (logged.has(member.change)) failures.delete(member);
  return failures;
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
