import type { Worker } from 'node:worker_threads';
import { DomainError } from '../../../domain/errors.ts';
import { gaveUp } from '../../sql/list-gate.ts';
import { asStoreError } from '../error.ts';
import type { ListOutcome, ListQuestion } from './thread.ts';

/** A thread that works for one asker, and the place that it takes. */
export class HeldThread {
  readonly #thread: Worker;
  readonly #place: Disposable;
  readonly #timeoutMs: number;
  readonly #lost = Promise.withResolvers<never>();
  #isLost = false;
  #end: (isSound: boolean) => void = () => undefined;

  constructor(thread: Worker, place: Disposable, timeoutMs: number) {
    this.#thread = thread;
    this.#place = place;
    this.#timeoutMs = timeoutMs;
    this.#lost.promise.catch(() => undefined);
    thread.once('error', this.#onError).once('exit', this.#onExit);
  }

  readonly #onError = (error: unknown) => {
    this.#isLost = true;
    this.#lost.reject(new DomainError('storeUnavailable', { cause: error }));
  };

  readonly #onExit = () => {
    this.#onError(new Error('a thread of lists ended'));
    this.#place[Symbol.dispose]();
  };

  /** Told once, or more often, that it is over, and whether another one may have the thread. */
  onEnd(end: (isSound: boolean) => void): void {
    this.#end = end;
  }

  /** One question at a time. Throws storeUnavailable where it takes too long, or the thread is gone. */
  async ask<Answer>(question: ListQuestion): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<ListOutcome>();
    const timer = setTimeout(() => {
      // It has held its place for long enough.
      this.#place[Symbol.dispose]();
      void this.abandon(gaveUp('the list took too long'));
    }, this.#timeoutMs);
    this.#thread.once('message', resolve);
    this.#thread.postMessage(question);
    try {
      return answerOf<Answer>(await Promise.race([promise, this.#lost.promise]));
    } finally {
      clearTimeout(timer);
      this.#thread.off('message', resolve);
    }
  }

  /** A list that was given up holds its place until its thread is gone: who hangs up often gets no more threads by it. */
  async abandon(reason: DomainError): Promise<void> {
    this.#isLost = true;
    this.#lost.reject(reason);
    this.#end(false);
    await this.#thread.terminate();
  }

  /** After the last answer. */
  giveBack(): void {
    this.#end(!this.#isLost);
    if (this.#isLost) return;
    this.#thread.off('error', this.#onError).off('exit', this.#onExit);
    this.#place[Symbol.dispose]();
  }
}

function answerOf<Answer>(outcome: ListOutcome): Answer {
  // The rows are of the kind that the question asked for.
  if ('listed' in outcome) return outcome.listed as Answer;
  const { message, errcode } = outcome.failure;
  throw asStoreError(Object.assign(new Error(message), { errcode }));
}
