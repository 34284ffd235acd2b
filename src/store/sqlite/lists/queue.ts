import { Worker } from 'node:worker_threads';
import { DomainError } from '../../../domain/errors.ts';
import type { ListSessions, SessionRecord } from '../../session-store.ts';
import type { Listed, ListUsers, LockedCounts, UserRecord } from '../../store.ts';
import { asStoreError } from '../error.ts';
import type { ListOutcome, ListQuestion, ListThreadData } from './thread.ts';

/** Lists that take long, one after the other, in a thread of their own. */
export interface ListQueue extends AsyncDisposable {
  /** Throws storeUnavailable where it takes or waits longer than its time, or too many wait. */
  listUsers(query: ListUsers): Promise<Listed<UserRecord>>;
  listSessions(query: ListSessions): Promise<Listed<SessionRecord>>;
  countLocked(): Promise<LockedCounts>;
}

export interface ListQueueOptions extends ListThreadData {
  /** For one list, and for its wait. */
  readonly timeoutMs: number;
  readonly waitingMax: number;
}

interface Asked {
  readonly question: ListQuestion;
  /** The rows are of the kind that the question asks for. */
  readonly resolve: (listed: never) => void;
  readonly reject: (error: unknown) => void;
  readonly askedAtMs: number;
}

/**
 * node:sqlite is synchronous, and a filter on text looks at every user in scope, a thousand filters a thousand times:
 * on the server's own thread nobody would be locked or unlocked meanwhile. The thread starts with the first list.
 */
export function createListQueue(options: ListQueueOptions): ListQueue {
  return new Queue(options);
}

class Queue implements ListQueue {
  readonly #options: ListQueueOptions;
  readonly #waiting: Asked[] = [];
  #thread: Worker | undefined;
  #underWay: Asked | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ListQueueOptions) {
    this.#options = options;
  }

  listUsers(query: ListUsers): Promise<Listed<UserRecord>> {
    return this.#ask({ list: 'users', query });
  }

  listSessions(query: ListSessions): Promise<Listed<SessionRecord>> {
    return this.#ask({ list: 'sessions', query });
  }

  countLocked(): Promise<LockedCounts> {
    return this.#ask({ list: 'locked' });
  }

  #ask<Answer>(question: ListQuestion): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= this.#options.waitingMax)
        return reject(gaveUp('too many lists are waiting'));
      this.#waiting.push({ question, resolve, reject, askedAtMs: performance.now() });
      this.#next();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { reject } of this.#waiting.splice(0)) reject(gaveUp('the store is closing'));
    await this.#abandon(gaveUp('the store is closing'));
  }

  #next(): void {
    if (this.#underWay !== undefined) return;
    const asked = this.#waiting.shift();
    if (asked === undefined) return;
    const { timeoutMs } = this.#options;
    if (performance.now() - asked.askedAtMs > timeoutMs) {
      // Its caller is gone: to look for nobody would only make the others wait.
      asked.reject(gaveUp('the list waited too long'));
      this.#next();
      return;
    }
    this.#underWay = asked;
    this.#timer = setTimeout(() => void this.#abandon(gaveUp('the list took too long')), timeoutMs);
    this.#thread ??= this.#start();
    this.#thread.postMessage(asked.question);
  }

  #start(): Worker {
    const { path, busyTimeoutMs } = this.#options;
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const entry = new URL(`./thread.${extension}`, import.meta.url);
    const workerData: ListThreadData = { path, busyTimeoutMs };
    // It needs no environment, and under `node --watch` one that had it would report its imports as messages.
    const thread = new Worker(entry, { env: {}, workerData });
    thread.on('message', (outcome: ListOutcome) => this.#answer(outcome));
    thread.on('error', (error) => this.#lose(thread, error));
    thread.on('exit', () => this.#lose(thread, new Error('the thread of lists ended')));
    return thread;
  }

  #answer(outcome: ListOutcome): void {
    const asked = this.#finish();
    if ('listed' in outcome) asked?.resolve(outcome.listed as never);
    else {
      const { message, errcode } = outcome.failure;
      asked?.reject(asStoreError(Object.assign(new Error(message), { errcode })));
    }
    this.#next();
  }

  #finish(): Asked | undefined {
    clearTimeout(this.#timer);
    const asked = this.#underWay;
    this.#underWay = undefined;
    return asked;
  }

  // The next list gets a new thread.
  #lose(thread: Worker, error: unknown): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    this.#finish()?.reject(new DomainError('storeUnavailable', { cause: error }));
    this.#next();
  }

  async #abandon(reason: DomainError): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    this.#finish()?.reject(reason);
    this.#next();
    await thread?.terminate();
  }
}

function gaveUp(reason: string): DomainError {
  return new DomainError('storeUnavailable', { cause: new Error(reason) });
}
