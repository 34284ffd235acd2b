import type { Worker } from 'node:worker_threads';
import { DomainError } from '../../domain/errors.ts';
import type { StoreFailure, StoreMeasures } from '../../ops/measures.ts';
import type { Store } from '../store.ts';
import { planChange, planOrganization, planPolicy } from './append.ts';
import { asStoreError } from './error.ts';
import { startThread } from './start-thread.ts';
import type { WriteFailure, WriteOne, WriteOutcome, WriteRequest } from './write-statements.ts';
import type { Trouble, TroubleMessage, WriterThreadData } from './writer-thread.ts';

interface Member {
  readonly request: WriteRequest;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/** Bounds what one transaction holds; what is over it goes into the next one. */
const membersMax = 512;

/** One batch is being written while the next one lies ready: the disk never waits for this thread. */
const batchesMax = 2;

type Outcome = Exclude<WriteOutcome, WriteFailure>;

interface Writer
  extends Pick<Store, 'append' | 'addOrganization' | 'changeLockoutPolicy' | 'isReady'>,
    AsyncDisposable {
  /** Any member of a batch. */
  readonly write: WriteOne;
}

export interface WriterOptions extends WriterThreadData {
  readonly measures: StoreMeasures;
  /** Called when something begins to keep every write from being done, and with undefined when that is over. */
  readonly onTrouble: (trouble: Trouble | undefined) => void;
  /** Called once, where the thread has ended too often: nothing will be written any more. */
  readonly onEnd: (error: unknown) => void;
  /** Start the thread with the first write, not at once. */
  readonly startsLate: boolean;
}

/**
 * Group commit: what waits while a batch is under way is the next one, in one transaction, synced once, answered
 * after. Nothing waits for more to come, and a member that fails, fails alone. The commits happen in a thread of their
 * own: neither a slow disk nor another process that holds the write lock stops the event loop.
 */
export function createWriter(options: WriterOptions): Writer {
  const thread = new WriterThread(options);
  return {
    async append(change) {
      const { request, after } = planChange(change);
      const outcome = await thread.write(request);
      if (outcome === 'written') {
        options.measures.moved(change.before, change.events, change.at.createdAt);
        return after;
      }
      // What guards the end of an attempt is the attempt.
      return outcome === 'stale' || change.attemptId !== undefined ? 'stale' : 'user name taken';
    },
    async addOrganization(event, at, meta) {
      const outcome = await thread.write(planOrganization(event, at, meta));
      const { organizationId, name, domain } = event.payload;
      return outcome === 'written' ? { organizationId, name, domain, createdAt: at.createdAt } : 'taken';
    },
    async changeLockoutPolicy(change) {
      const { request, after } = planPolicy(change);
      return (await thread.write(request)) === 'written' ? after : 'stale';
    },
    write: (request) => thread.write(request),
    isReady: () => thread.canWrite(),
    [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
  };
}

/** A thread that ends is replaced so often within this time. */
const replacementsMax = 3;
const replacementsWithinMs = 60_000;
/** Before the first replacement; twice and three times as long before the next ones. */
const replaceAfterMs = 100;

class WriterThread implements AsyncDisposable {
  readonly #options: WriterOptions;
  readonly #underWay: (readonly Member[] | ((isReady: boolean) => void))[] = [];
  #waiting: Member[] = [];
  #worker: Worker | undefined;
  /** When threads were lost, by the clock that never jumps. */
  #lostAtMs: readonly number[] = [];
  #isStarted = false;
  #isScheduled = false;
  #isClosed = false;
  /** When the thread began with the oldest batch that is under way, by performance.now(). */
  #startedMs = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
    if (!options.startsLate) this.#start();
  }

  write(request: WriteRequest): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new DomainError('storeUnavailable'));
      if (!this.#isStarted) this.#start();
      this.#waiting.push({ request, resolve, reject });
      if (this.#isScheduled || this.#underWay.length >= batchesMax) return;
      this.#isScheduled = true;
      // Once a turn of the event loop, so that what arrives together is written together.
      setImmediate(() => this.#flush());
    });
  }

  canWrite(): Promise<boolean> {
    if (!this.#isStarted && !this.#isClosed) this.#start();
    const worker = this.#worker;
    if (this.#isClosed || worker === undefined) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#underWay.push(resolve);
      worker.postMessage('[]');
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    while (this.#waiting.length > 0 || this.#underWay.length > 0) await new Promise(setImmediate);
    const worker = this.#worker;
    if (worker === undefined) return;
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage('close');
    await exited;
  }

  #start(): void {
    this.#isStarted = true;
    const { path, busyTimeoutMs, identity } = this.#options;
    const data: WriterThreadData = { path, busyTimeoutMs, identity };
    const worker = startThread(import.meta.url, 'writer-thread', data);
    worker.on('message', (message: readonly WriteOutcome[] | TroubleMessage) => {
      if ('trouble' in message) this.#options.onTrouble(message.trouble);
      else this.#answer(message);
    });
    worker.on('error', (error) => this.#lose(worker, error));
    worker.on('exit', () => this.#lose(worker, new Error('the writer thread ended')));
    this.#worker = worker;
  }

  /**
   * The thread's own bug or end. What was under way may be written or not: nobody is told that it is. What waits was
   * never given to it, and goes to the next thread.
   */
  #lose(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    if (this.#underWay.length > 0) this.#options.measures.commitFailed('other');
    this.#reject(this.#underWay.splice(0), error);
    const nowMs = performance.now();
    const lost = [...this.#lostAtMs.filter((atMs) => nowMs - atMs < replacementsWithinMs), nowMs];
    this.#lostAtMs = lost;
    if (this.#isClosed || lost.length > replacementsMax) {
      this.#end(error);
      return;
    }
    setTimeout(() => {
      if (this.#isClosed && this.#waiting.length === 0) return;
      this.#start();
      this.#flush();
    }, replaceAfterMs * lost.length);
  }

  #end(error: unknown): void {
    const wasClosed = this.#isClosed;
    this.#isClosed = true;
    this.#reject([this.#waiting.splice(0)], error);
    if (!wasClosed) this.#options.onEnd(error);
  }

  #reject(unanswered: readonly (readonly Member[] | ((isReady: boolean) => void))[], error: unknown): void {
    for (const asked of unanswered) {
      if (typeof asked === 'function') asked(false);
      else for (const { reject } of asked) reject(new DomainError('storeUnavailable', { cause: error }));
    }
  }

  #flush(): void {
    this.#isScheduled = false;
    const worker = this.#worker;
    while (worker !== undefined && this.#waiting.length > 0 && this.#underWay.length < batchesMax) {
      const batch = this.#waiting.slice(0, membersMax);
      this.#waiting = this.#waiting.slice(membersMax);
      if (this.#underWay.length === 0) this.#startedMs = performance.now();
      this.#underWay.push(batch);
      worker.postMessage(JSON.stringify(batch.map((member) => member.request)));
    }
  }

  #answer(outcomes: readonly WriteOutcome[]): void {
    const asked = this.#underWay.shift();
    if (typeof asked === 'object') this.#tell(outcomes);
    this.#startedMs = performance.now();
    // Post before answering: the thread goes on while this one does what follows from the answers.
    this.#flush();
    if (typeof asked === 'function') asked(outcomes.length === 0);
    else for (const [index, member] of (asked ?? []).entries()) settle(member, outcomes[index]);
  }

  #tell(outcomes: readonly WriteOutcome[]): void {
    const failure = outcomes.find((outcome) => typeof outcome === 'object');
    if (failure === undefined) this.#options.measures.committed(outcomes.length, this.#startedMs);
    else this.#options.measures.commitFailed(failureOf(failure.errcode));
    this.#options.measures.waiting(this.#waiting.length);
  }
}

function settle(member: Member, outcome: WriteOutcome | undefined): void {
  if (typeof outcome === 'string') {
    member.resolve(outcome);
    return;
  }
  const { message, errcode } = outcome ?? { message: 'bug: a member without an outcome', errcode: undefined };
  member.reject(asStoreError(Object.assign(new Error(message), { errcode })));
}

const failures: Readonly<Record<number, StoreFailure>> = {
  5: 'busy',
  6: 'busy',
  8: 'read_only',
  10: 'io',
  11: 'damaged',
  13: 'full',
  14: 'io',
  26: 'damaged',
};

// SQLite's primary result code.
function failureOf(errcode: number | undefined): StoreFailure {
  return failures[(errcode ?? 0) & 0xff] ?? 'other';
}
