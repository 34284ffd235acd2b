import type { Worker } from 'node:worker_threads';
import type { DomainError } from '../../../domain/errors.ts';
import type { ListSessions, SessionRecord } from '../../session-store.ts';
import { createListGate, gaveUp, type ListGate } from '../../sql/list-gate.ts';
import type { Asker, Listed, ListUsers, LockedCounts, UserRecord } from '../../store.ts';
import type { FrozenSet, SelectLocks, UnlockRunStore } from '../../unlock-run-store.ts';
import { startThread } from '../start-thread.ts';
import { HeldThread } from './held-thread.ts';
import type { FrozenSlice } from './locks.ts';
import type { ListQuestion, ListThreadData } from './thread.ts';

/** Lists that take long, in threads of their own: one list of a caller at a time, and callers in turns. */
export interface ListQueue extends AsyncDisposable, Pick<UnlockRunStore, 'countLocks' | 'sumLocks'> {
  /** The set in slices, of one moment, read on while the ones before are worked with. */
  sliceLocks(query: SelectLocks): AsyncIterable<readonly FrozenSlice[]>;
  /** Throws storeUnavailable where it takes or waits longer than its time, where too many wait, or its asker is gone. */
  listUsers(query: ListUsers): Promise<Listed<UserRecord>>;
  listSessions(query: ListSessions): Promise<Listed<SessionRecord>>;
  countLocked(): Promise<LockedCounts>;
}

export interface ListQueueOptions extends ListThreadData {
  /** For one list, and for its wait. */
  readonly timeoutMs: number;
  readonly waitingMax: number;
  /** A thread without work for so long is ended: it takes about ten megabytes. Default a minute. */
  readonly idleMs?: number;
}

/** One for whoever asks most, one for everybody else. */
const threadsMax = 2;
const idleMsDefault = 60_000;

/**
 * node:sqlite is synchronous, and a filter on text looks at every user in scope, a thousand filters a thousand times:
 * on the server's own thread nobody would be locked or unlocked meanwhile. A thread starts when a list needs it, and with it
 * the one that the next caller may need: to start one takes longer than most lists.
 */
export function createListQueue(options: ListQueueOptions): ListQueue {
  return new Queue(options);
}

class Queue implements ListQueue {
  readonly #options: ListQueueOptions;
  readonly #gate: ListGate;
  readonly #idle: Worker[] = [];
  readonly #idleEnds = new Map<Worker, NodeJS.Timeout>();
  readonly #threads = new Set<Worker>();
  #isClosed = false;
  /** Somebody has asked: nobody is to wait for a thread to start any more. */
  #isAsked = false;
  /** Ends the list under way in each of the others. */
  readonly #abandons = new Set<(reason: DomainError) => Promise<void>>();

  constructor(options: ListQueueOptions) {
    this.#options = options;
    this.#gate = createListGate({ ...options, placesMax: threadsMax });
  }

  listUsers({ asker, ...query }: ListUsers): Promise<Listed<UserRecord>> {
    return this.#ask({ list: 'users', query }, asker);
  }

  listSessions({ asker, ...query }: ListSessions): Promise<Listed<SessionRecord>> {
    return this.#ask({ list: 'sessions', query }, asker);
  }

  countLocks({ asker, ...query }: Parameters<UnlockRunStore['countLocks']>[0]) {
    return this.#ask<Awaited<ReturnType<UnlockRunStore['countLocks']>>>({ list: 'locks', query }, asker);
  }

  sumLocks({ asker, ...query }: SelectLocks): Promise<FrozenSet> {
    return this.#ask({ list: 'lock sums', query }, asker);
  }

  async *sliceLocks({ asker, ...query }: SelectLocks): AsyncGenerator<readonly FrozenSlice[]> {
    const held = await this.#hold(asker);
    let isWhole = false;
    try {
      let asked = held.ask<readonly FrozenSlice[]>({ list: 'lock slices', query });
      for (let slices = await asked; slices.length > 0; slices = await asked) {
        asked = held.ask({ list: 'next slices' });
        // Whoever wants no more of them does not hear of it either.
        asked.catch(() => undefined);
        yield slices;
      }
      isWhole = true;
    } finally {
      if (isWhole) held.giveBack();
      else await held.abandon(gaveUp('the rest of the list is not wanted'));
    }
  }

  countLocked(): Promise<LockedCounts> {
    return this.#ask({ list: 'locked' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#gate.close();
    await Promise.all([...this.#abandons].map((abandon) => abandon(gaveUp('the store is closing'))));
    await Promise.all(this.#idle.splice(0).map((thread) => thread.terminate()));
  }

  async #ask<Answer>(question: ListQuestion, asker?: Asker): Promise<Answer> {
    const held = await this.#hold(asker);
    try {
      return await held.ask<Answer>(question);
    } finally {
      held.giveBack();
    }
  }

  async #hold(asker: Asker | undefined): Promise<HeldThread> {
    const place = await this.#gate.enter(asker);
    const thread = this.#takeIdle() ?? this.#start();
    this.#isAsked ||= asker !== undefined;
    this.#keepReady();
    const held = new HeldThread(thread, place, this.#options.timeoutMs);
    const abandon = (reason: DomainError) => held.abandon(reason);
    const onAbort = () => void abandon(gaveUp('nobody waits for the list'));
    this.#abandons.add(abandon);
    asker?.signal?.addEventListener('abort', onAbort, { once: true });
    held.onEnd((isSound) => {
      this.#abandons.delete(abandon);
      asker?.signal?.removeEventListener('abort', onAbort);
      if (isSound) this.#rest(thread);
    });
    return held;
  }

  #start(): Worker {
    const { path, busyTimeoutMs } = this.#options;
    const thread = startThread<ListThreadData>(import.meta.url, 'thread', { path, busyTimeoutMs });
    // One that ends while it is idle is not used again; what it says then concerns nobody.
    thread.on('error', () => undefined);
    this.#threads.add(thread);
    thread.once('exit', () => {
      if (!this.#forget(thread)) return;
      const place = this.#idle.indexOf(thread);
      if (place !== -1) this.#idle.splice(place, 1);
      // One that ended by itself may do so again: it is not replaced before somebody asks.
      if (place === -1) this.#keepReady();
    });
    return thread;
  }

  // As many as may be at work at once, whoever of them is.
  #keepReady(): void {
    if (this.#isClosed || !this.#isAsked || this.#threads.size >= threadsMax) return;
    this.#rest(this.#start());
  }

  #rest(thread: Worker): void {
    this.#idle.push(thread);
    const end = () => {
      this.#forget(thread);
      this.#idle.splice(this.#idle.indexOf(thread), 1);
      void thread.terminate();
    };
    this.#idleEnds.set(thread, setTimeout(end, this.#options.idleMs ?? idleMsDefault).unref());
  }

  /** False where it was ended for having no work. */
  #forget(thread: Worker): boolean {
    clearTimeout(this.#idleEnds.get(thread));
    this.#idleEnds.delete(thread);
    return this.#threads.delete(thread);
  }

  #takeIdle(): Worker | undefined {
    const thread = this.#idle.pop();
    if (thread !== undefined) clearTimeout(this.#idleEnds.get(thread));
    return thread;
  }
}
