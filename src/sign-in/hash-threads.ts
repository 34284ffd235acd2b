import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { DomainError } from '../domain/errors.ts';
import type { PasswordResult, PasswordTask } from './hash-thread.ts';

interface Waiting {
  readonly task: PasswordTask;
  readonly resolve: (result: PasswordResult) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  underWay: Waiting | undefined;
}

/** One processor stays for the server's own thread. */
export const threadsMax = Math.max(1, Math.min(2, availableParallelism() - 1));
/** A few seconds' work, of each line; the next one is turned away. */
export const waitingMax = 256;

/** Strangers wait for one another; known devices, and who sets passwords by right, do not wait for them. */
export type PasswordLine = 'strangers' | 'trusted';

/** Where to wait for a thread, and until when it is of use. */
export interface PasswordWait {
  readonly line: PasswordLine;
  /** Aborted: who asked is gone, and what has not begun is not done. */
  readonly signal?: AbortSignal | undefined;
}

const threads = new Set<Thread>();
const lines: Readonly<Record<PasswordLine, Waiting[]>> = { strangers: [], trusted: [] };
let lastTaken: PasswordLine = 'strangers';

/**
 * Does the task in a thread of low priority: neither the event loop nor libuv's threads, which read files and names for
 * everybody, are held up by passwords. Throws overloaded, also to who is gone.
 */
export function runPasswordTask(task: PasswordTask, { line, signal }: PasswordWait): Promise<PasswordResult> {
  return new Promise((resolve, reject) => {
    const asked = { task, resolve, reject };
    const turnAway = () => reject(new DomainError('overloaded'));
    if (signal?.aborted) return turnAway();
    const idle = idleThread();
    if (idle !== undefined) return start(idle, asked);
    const waiting = lines[line];
    if (waiting.length >= waitingMax) return turnAway();
    waiting.push(asked);
    const leave = () => {
      const place = waiting.indexOf(asked);
      if (place === -1) return;
      waiting.splice(place, 1);
      turnAway();
    };
    signal?.addEventListener('abort', leave, { once: true });
  });
}

// In turns, where both wait: whoever makes many checks from a known device of their own stops nobody either.
function takeNext(): Waiting | undefined {
  const [first, second] =
    lastTaken === 'strangers' ? (['trusted', 'strangers'] as const) : (['strangers', 'trusted'] as const);
  lastTaken = lines[first].length > 0 ? first : second;
  return lines[lastTaken].shift();
}

/** How many wait for a thread. */
export function passwordsWaiting(): number {
  return lines.strangers.length + lines.trusted.length;
}

function idleThread(): Thread | undefined {
  for (const thread of threads) if (thread.underWay === undefined) return thread;
  return threads.size < threadsMax ? openThread() : undefined;
}

function start(thread: Thread, asked: Waiting): void {
  thread.underWay = asked;
  thread.worker.ref();
  thread.worker.postMessage(asked.task);
}

function openThread(): Thread {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  // It needs no environment, and under `node --watch` one that had it would report its imports as messages.
  const worker = new Worker(new URL(`./hash-thread.${extension}`, import.meta.url), { env: {} });
  const thread: Thread = { worker, underWay: undefined };
  threads.add(thread);
  worker.on('message', (result: PasswordResult) => {
    const asked = thread.underWay;
    thread.underWay = undefined;
    const next = takeNext();
    if (next !== undefined) start(thread, next);
    // Idle, it keeps no process alive.
    else worker.unref();
    asked?.resolve(result);
  });
  worker.on('error', (error: Error) => end(thread, error));
  worker.on('exit', () => end(thread, new Error('a password thread ended')));
  return thread;
}

// What it was doing fails; what waits gets a new thread.
function end(thread: Thread, error: Error): void {
  if (!threads.delete(thread)) return;
  thread.underWay?.reject(error);
  const next = takeNext();
  if (next !== undefined) start(openThread(), next);
}
