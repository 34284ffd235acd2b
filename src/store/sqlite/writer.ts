import { Worker } from 'node:worker_threads';
import { DomainError } from '../../domain/errors.ts';
import type { Store } from '../store.ts';
import { planChange, planOrganization, planPolicy } from './append.ts';
import { asStoreError } from './error.ts';
import type { WriteFailure, WriteOutcome, WriteRequest } from './write-statements.ts';
import type { WriterThreadData } from './writer-thread.ts';

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
  write(request: WriteRequest): Promise<Outcome>;
}

/**
 * Group commit: what waits while a batch is under way is the next one, in one transaction, synced once, answered
 * after. Nothing waits for more to come, and a member that fails, fails alone. The commits happen in a thread of their
 * own: neither a slow disk nor another process that holds the write lock stops the event loop.
 */
export function createWriter(data: WriterThreadData): Writer {
  const thread = new WriterThread(data);
  return {
    async append(change) {
      const { request, after } = planChange(change);
      const outcome = await thread.write(request);
      if (outcome === 'written') return after;
      return outcome === 'stale' ? 'stale' : 'user name taken';
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

class WriterThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #underWay: (readonly Member[] | ((isReady: boolean) => void))[] = [];
  #waiting: Member[] = [];
  #isScheduled = false;
  #isClosed = false;

  constructor(data: WriterThreadData) {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const entry = new URL(`./writer-thread.${extension}`, import.meta.url);
    this.#worker = new Worker(entry, { workerData: data });
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.#worker.on('message', (outcomes: readonly WriteOutcome[]) => this.#answer(outcomes));
    // The thread's own bug or end: nothing is known of what was under way, and nothing more will be written.
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('the writer thread ended')));
  }

  write(request: WriteRequest): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new DomainError('storeUnavailable'));
      this.#waiting.push({ request, resolve, reject });
      if (this.#isScheduled || this.#underWay.length >= batchesMax) return;
      this.#isScheduled = true;
      // Once a turn of the event loop, so that what arrives together is written together.
      setImmediate(() => this.#flush());
    });
  }

  canWrite(): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#underWay.push(resolve);
      this.#worker.postMessage('[]');
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    while (this.#waiting.length > 0 || this.#underWay.length > 0) await new Promise(setImmediate);
    this.#worker.postMessage('close');
    await this.#exited;
  }

  #flush(): void {
    this.#isScheduled = false;
    while (this.#waiting.length > 0 && this.#underWay.length < batchesMax) {
      const batch = this.#waiting.slice(0, membersMax);
      this.#waiting = this.#waiting.slice(membersMax);
      this.#underWay.push(batch);
      this.#worker.postMessage(JSON.stringify(batch.map((member) => member.request)));
    }
  }

  #answer(outcomes: readonly WriteOutcome[]): void {
    const asked = this.#underWay.shift();
    // Post before answering: the thread goes on while this one does what follows from the answers.
    this.#flush();
    if (typeof asked === 'function') asked(outcomes.length === 0);
    else for (const [index, member] of (asked ?? []).entries()) settle(member, outcomes[index]);
  }

  #fail(error: unknown): void {
    this.#isClosed = true;
    const unanswered = [...this.#underWay.splice(0), this.#waiting.splice(0)];
    for (const asked of unanswered) {
      if (typeof asked === 'function') asked(false);
      else for (const { reject } of asked) reject(new DomainError('storeUnavailable', { cause: error }));
    }
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
