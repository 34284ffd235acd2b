import { getCompileCacheDir } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { DomainError } from '../domain/errors.ts';
import { createTurns, type Turns } from '../domain/turns.ts';
import { passwordThreadsMax } from './bounds.ts';
import type { PasswordResult, PasswordTask, PasswordThreadData } from './hash-thread.ts';

interface Waiting {
  readonly task: PasswordTask;
  readonly resolve: (done: PasswordDone) => void;
  readonly reject: (error: Error) => void;
  startedMs: number;
}

interface Thread {
  readonly worker: Worker;
  underWay: Waiting | undefined;
  /** Ends it, unless it gets work before. */
  rest: NodeJS.Timeout | undefined;
}

/** What a thread answers, and how long it took: waiting for it apart. */
export interface PasswordDone {
  readonly result: PasswordResult;
  readonly tookMs: number;
}

/** The server's own thread goes before them all: see lowerPriority and rest in hash-thread.ts. */
export const threadsDefault = Math.min(passwordThreadsMax, availableParallelism());
/** A few seconds' work, of each line; the next one is turned away. */
const waitingMax = 256;
/** A thread without work for so long is ended: it takes about ten megabytes, and the next one starts in 30 ms. */
const idleMsMax = 30_000;
/** Of one name in a line: the other half is for others. */
const waitingOfOneMax = 128;
/** In units of a hash of our own. What costs more waits for a thread apart, and keeps no usual sign-in waiting. */
const usualCostMax = 2;

/** Strangers wait for one another; known devices, and who sets passwords by right, do not wait for them. */
export type PasswordLine = 'strangers' | 'trusted';

/** Where to wait for a thread, and until when it is of use. */
export interface PasswordWait {
  readonly line: PasswordLine;
  /** Where it comes from, as addresses are counted: usual checks of strangers go in turns by that first. */
  readonly source?: string | undefined;
  /** Of the user whom it is about; a name that nobody has stands for itself. */
  readonly organization?: string | undefined;
  /** Aborted: who asked is gone, and what has not begun is not done. */
  readonly signal?: AbortSignal | undefined;
}

interface Pool {
  threadsMax: number;
  /** How far its threads stand back behind all else. */
  pace: PasswordThreadData;
  readonly threads: Set<Thread>;
  readonly lines: Readonly<Record<PasswordLine, Turns<Waiting>>>;
  lastTaken: PasswordLine;
}

const createPool = (max: number, pace: PasswordThreadData): Pool => ({
  threadsMax: max,
  pace,
  threads: new Set(),
  lines: { strangers: createTurns(), trusted: createTurns() },
  lastTaken: 'strangers',
});
/** See setPasswordShare. */
export const sharePercentDefault = 25;
/** What a check costs more where others have the caches in between. */
const besideOthers = 4 / 3;
/** What a sign-in takes of the other threads, as a part of its check: it is nobody else's work. Measured: 0.13 to 0.19. */
const ownPart = 0.2;
const pools = {
  usual: createPool(threadsDefault, paceOf(sharePercentDefault)),
  costly: createPool(1, costlyPaceOf(sharePercentDefault)),
};

/** How many threads check usual passwords, of this process; what costs more than `usualCostMax` has one. */
export function setPasswordThreads(count: number): void {
  pools.usual.threadsMax = count;
}

/**
 * How many checks are made beside unlocks and all else that want a processor whole, in percent of those that it could make
 * alone: 1 to 33. Of one that they leave idle, all. For threads that start from now on.
 */
export function setPasswordShare(percent: number): void {
  pools.usual.pace = paceOf(percent);
  pools.costly.pace = costlyPaceOf(percent);
}

// sched(7): each step of nice is a fourth more or less beside the others, whose weight is 1 here. A thread that runs the part r
// of the time, and rests f times as long as it has waited, gets r / (r + (1 - r)(1 + f)) in all. The steps are the most with
// which f is 1 or more; f makes up for what a whole step is too coarse for.
function paceOf(percent: number): PasswordThreadData {
  const part = (besideOthers * percent) / 100;
  const weight = (2 * part) / (1 - part);
  const steps = Math.min(19, Math.max(0, Math.floor(-Math.log(weight) / Math.log(1.25))));
  const running = 1 / (1 + 1.25 ** steps);
  return { steps, restFactor: (running / part - 1) / (1 - running), restFreePart: ownPart };
}

// Where both want one processor, the usual ones get more than two thirds of it. A costly check rests twice as long as it has
// kept others waiting: beside two of them, others keep three quarters of what they get done without.
function costlyPaceOf(percent: number): PasswordThreadData {
  const { steps } = paceOf(percent);
  return { steps: Math.min(19, steps + 4), restFactor: 2, restFreePart: 0 };
}

/**
 * Does the task in a thread that stands back behind all else (see setPasswordShare): neither the event loop nor libuv's
 * threads, which read files and names for everybody, are held up by passwords. `cost`: in units of a hash of our own. Throws overloaded, also to who is gone.
 */
export function runPasswordTask(task: PasswordTask, cost: number, wait: PasswordWait): Promise<PasswordDone> {
  const { line, signal } = wait;
  const pool = cost > usualCostMax ? pools.costly : pools.usual;
  return new Promise((resolve, reject) => {
    const asked = { task, resolve, reject, startedMs: 0 };
    const turnAway = () => reject(new DomainError('overloaded'));
    if (signal?.aborted) return turnAway();
    const idle = idleThread(pool);
    if (idle !== undefined) return start(idle, asked);
    const waiting = pool.lines[line];
    const keys = keysOf(pool, wait);
    const isFull = keys[0] !== '' && waiting.countOf(keys[0]) >= waitingOfOneMax;
    if (isFull || waiting.size >= waitingMax) return turnAway();
    waiting.add(asked, keys, cost);
    signal?.addEventListener('abort', () => waiting.remove(asked) && turnAway(), { once: true });
  });
}

/** Who waits for the end of a usual check, whosever it is. */
const untilCheckEnds = new Set<() => void>();

/**
 * Waits until the next usual check ends, where the turn of who comes now is no sooner; whoever has it sooner goes on at once.
 * What is written before the own turn is then written together with what that check leads to: one commit, and one
 * awakening of each thread, instead of two. Throws overloaded to who is gone.
 */
export async function withNextCheckEnd(wait: PasswordWait): Promise<void> {
  const { line, signal } = wait;
  const { usual } = pools;
  if (usual.lines[line].turnsBefore(keysOf(usual, wait)[0]) < usual.threadsMax) return;
  if (signal?.aborted) throw new DomainError('overloaded');
  await new Promise<void>((goOn, turnAway) => {
    const leave = () => untilCheckEnds.delete(go) && turnAway(new DomainError('overloaded'));
    const go = () => {
      signal?.removeEventListener('abort', leave);
      goOn();
    };
    untilCheckEnds.add(go);
    signal?.addEventListener('abort', leave, { once: true });
  });
}

function tellCheckEnd(): void {
  const waiting = [...untilCheckEnds];
  untilCheckEnds.clear();
  for (const go of waiting) go();
}

// By address first among strangers: they may be anybody, and fill no more than their own turn. What was imported at a great
// cost, and what is done by right, is an organization's own doing.
function keysOf(pool: Pool, { line, source = '', organization = '' }: PasswordWait) {
  const isOfAddress = line === 'strangers' && pool === pools.usual;
  return isOfAddress ? ([source, organization] as const) : ([organization, source] as const);
}

/** How many wait for a thread. */
export function passwordsWaiting(): number {
  return Object.values(pools).reduce((sum, { lines }) => sum + lines.strangers.size + lines.trusted.size, 0);
}

// In turns, where both wait: whoever makes many checks from a known device of their own stops nobody either.
function takeNext(pool: Pool): Waiting | undefined {
  const { lines, lastTaken } = pool;
  const [first, second] =
    lastTaken === 'strangers' ? (['trusted', 'strangers'] as const) : (['strangers', 'trusted'] as const);
  pool.lastTaken = lines[first].size > 0 ? first : second;
  return lines[pool.lastTaken].take();
}

function idleThread(pool: Pool): Thread | undefined {
  for (const thread of pool.threads) if (thread.underWay === undefined) return thread;
  return pool.threads.size < pool.threadsMax ? openThread(pool) : undefined;
}

function start(thread: Thread, asked: Waiting): void {
  thread.underWay = asked;
  clearTimeout(thread.rest);
  asked.startedMs = performance.now();
  thread.worker.ref();
  thread.worker.postMessage(asked.task);
}

function openThread(pool: Pool): Thread {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  // No more of the environment: under `node --watch` one that had it would report its imports as messages.
  const compiled = getCompileCacheDir();
  const env = compiled === undefined ? {} : { NODE_COMPILE_CACHE: dirname(compiled) };
  const entry = new URL(`./hash-thread.${extension}`, import.meta.url);
  const worker = new Worker(entry, { workerData: pool.pace, env });
  const thread: Thread = { worker, underWay: undefined, rest: undefined };
  pool.threads.add(thread);
  worker.on('message', (result: PasswordResult) => {
    const asked = thread.underWay;
    thread.underWay = undefined;
    const next = takeNext(pool);
    if (next !== undefined) start(thread, next);
    else rest(pool, thread);
    asked?.resolve({ result, tookMs: performance.now() - asked.startedMs });
    if (pool === pools.usual) tellCheckEnd();
  });
  worker.on('error', (error: Error) => end(pool, thread, error));
  worker.on('exit', () => end(pool, thread, new Error('a password thread ended')));
  return thread;
}

// Idle, it keeps no process alive.
function rest(pool: Pool, thread: Thread): void {
  thread.worker.unref();
  thread.rest = setTimeout(() => {
    pool.threads.delete(thread);
    void thread.worker.terminate();
  }, idleMsMax).unref();
}

// What it was doing fails; what waits gets a new thread.
function end(pool: Pool, thread: Thread, error: Error): void {
  if (!pool.threads.delete(thread)) return;
  thread.underWay?.reject(error);
  tellCheckEnd();
  const next = takeNext(pool);
  if (next !== undefined) start(openThread(pool), next);
}
