import { setTimeout as delay } from 'node:timers/promises';
import {
  counted,
  isEnded,
  isLeaseOver,
  type RunSlice,
  runEnded,
  type UnlockRun,
} from '../../domain/unlock-run.ts';
import type { RunMove } from '../../store/store.ts';
import type { CommandApp } from '../change-user.ts';
import { actorOf } from './actor.ts';
import { actOn } from './item.ts';

/** How long a server may say nothing of a run before another one goes on with it. */
const leaseMs = 10_000;

const slicesAhead = 8;
/** Slices that are under way at once: while one is written down, the next is begun. */
const slicesBegun = 2;
const movesMax = 10;
/** What a live unlock waits for at most: the store commits them together. As quick as single unlocks, and not quicker. */
const atOnceMax = 32;

export interface Carrying {
  /** The server that carries: another name each time that one starts. */
  readonly holder: string;
  /** Ends it after the slice that is under way; the run is left for whoever comes next. */
  readonly signal: AbortSignal;
}

/**
 * Goes on with a run until it ends, another server has it, or the signal: each item without an outcome is done, again where
 * somebody has begun it before. Throws storeUnavailable, after which the run is left until its lease is over.
 */
export async function carryRun(app: CommandApp, found: UnlockRun, carrying: Carrying): Promise<void> {
  const hold = new Hold(app, carrying, found);
  if (!(await hold.move((run) => run))) return;
  const startedMs = performance.now();
  let tried = 0;
  let isGoing = true;
  for (let slices = await hold.next(); slices.length > 0 && isGoing; slices = await hold.next()) {
    for (const slice of slices) {
      if (!hold.goesOn()) {
        isGoing = false;
        break;
      }
      tried += await hold.work(slice, startedMs, tried);
    }
    if (!(await hold.written())) return;
  }
  await hold.finish();
}

/** The run as this server holds it. What is done is written behind the work: one write at a time. */
class Hold {
  readonly #app: CommandApp;
  readonly #carrying: Carrying;
  #run: UnlockRun;
  #isLost = false;
  #writing: Promise<unknown> = Promise.resolve();
  #nextSlice: number;

  constructor(app: CommandApp, carrying: Carrying, run: UnlockRun) {
    this.#app = app;
    this.#carrying = carrying;
    this.#run = run;
    this.#nextSlice = run.nextSlice;
  }

  next(): Promise<readonly RunSlice[]> {
    if (!this.goesOn()) return Promise.resolve([]);
    const { runId } = this.#run;
    return this.#app.store.listRunSlices({ runId, from: this.#nextSlice, limit: slicesAhead });
  }

  goesOn(): boolean {
    return !this.#isLost && !this.#carrying.signal.aborted && !this.#mustEnd();
  }

  /** Does a slice, as quick as the run may go; answers how many it tried. */
  async work(slice: RunSlice, startedMs: number, triedBefore: number): Promise<number> {
    const { maxPerSecond } = this.#run;
    const results = [...slice.results];
    const open = untried(slice);
    const step = maxPerSecond === 0 ? open.length : maxPerSecond;
    let tried = 0;
    for (let from = 0; from < open.length && this.goesOn(); from += step) {
      const now = open.slice(from, from + step);
      const before = [...results];
      await this.#act(slice, now, results);
      tried += now.length;
      await this.#record({ ...slice, results: filled(results, slice.items.length) }, before);
      if (maxPerSecond > 0) await this.#pace(startedMs + ((triedBefore + tried) / maxPerSecond) * 1_000);
    }
    if (results.filter(Boolean).length === slice.items.length) this.#nextSlice = slice.slice + 1;
    return tried;
  }

  async #act(
    slice: RunSlice,
    indexes: readonly number[],
    results: (RunSlice['results'][number] | undefined)[],
    looksOnly = false,
  ): Promise<void> {
    const run = this.#run;
    const task = { run, actor: await actorOf(this.#app, run), looksOnly };
    for (let from = 0; from < indexes.length; from += atOnceMax) {
      if (!looksOnly && !(await this.#isHeld())) return;
      const some = indexes.slice(from, from + atOnceMax);
      const done = await Promise.allSettled(
        some.map(async (index) => {
          const item = slice.items[index];
          if (item !== undefined) results[index] = await actOn(this.#app, task, item);
        }),
      );
      const failure = done.find((one) => one.status === 'rejected');
      if (failure !== undefined) throw failure.reason;
    }
  }

  /** A server that stood still may have lost the run, or it was cancelled: asked where the lease has passed meanwhile. */
  async #isHeld(): Promise<boolean> {
    if (!isLeaseOver(this.#run, this.#app.now())) return !this.#isLost;
    await this.#writing;
    return (await this.move((run) => run)) && this.goesOn();
  }

  /** Waits for what was written before, and no longer. */
  async #record(slice: RunSlice, before: RunSlice['results']): Promise<void> {
    await this.#writing;
    const fresh = slice.results.filter((_, index) => before[index] === undefined);
    const isDone = slice.results.every((result) => result !== undefined);
    const nextSlice = isDone ? slice.slice + 1 : slice.slice;
    const writing = this.move(
      (run) => ({
        ...run,
        counts: counted(run.counts, fresh),
        nextSlice: Math.max(run.nextSlice, nextSlice),
      }),
      { slices: [slice] },
    );
    writing.catch(() => undefined);
    this.#writing = writing;
  }

  /** Whether all is written, and the run is still ours. */
  async written(): Promise<boolean> {
    await this.#writing;
    return !this.#isLost;
  }

  async #pace(untilMs: number): Promise<void> {
    // The lease is said again well before it is over.
    const waitMs = Math.min(untilMs - performance.now(), leaseMs / 3);
    if (waitMs <= 0) return;
    try {
      await delay(waitMs, undefined, { signal: this.#carrying.signal });
    } catch (error) {
      if (!this.#carrying.signal.aborted) throw error;
    }
  }

  /** The run with a change, and its lease anew; beside it others may only have cancelled it. False: it is not ours any more. */
  async move(
    change: (run: UnlockRun) => UnlockRun,
    rest: Pick<RunMove, 'slices' | 'event'> = {},
  ): Promise<boolean> {
    const { holder } = this.#carrying;
    for (let attempt = 0; attempt < movesMax && !this.#isLost; attempt += 1) {
      const before = this.#run;
      const nowMs = this.#app.now();
      const isFree = before.holder === holder || isLeaseOver(before, nowMs);
      if (isEnded(before) || before.state !== 'running' || !isFree) break;
      const held = { ...change(before), version: before.version + 1 };
      const after = isEnded(held)
        ? { ...held, leaseUntil: 0 }
        : { ...held, holder, leaseUntil: nowMs + leaseMs };
      if (await this.#app.store.moveRun({ before, after, ...rest })) {
        this.#run = after;
        return true;
      }
      const moved = await this.#app.store.loadRun(before.runId);
      if (moved === undefined) break;
      this.#run = moved;
    }
    this.#isLost = true;
    return false;
  }

  #mustEnd(): boolean {
    return endOf(this.#run) !== 'done';
  }

  /** Ends the run where there is nothing more to do; else lets go of it, for the next one to take at once. */
  async finish(): Promise<void> {
    if (!(await this.written())) return;
    if (this.#carrying.signal.aborted && !this.#mustEnd()) {
      await this.#letGo();
      return;
    }
    if (this.#mustEnd()) await this.#settle();
    const state = endOf(this.#run);
    const endedAt = this.#app.now();
    const ended = (run: UnlockRun): UnlockRun => ({ ...run, state, endedAt });
    const event = runEnded({ ...this.#run, state });
    const at = { createdAt: endedAt, eventId: this.#app.newId() };
    await this.move(ended, { event: { event, at, meta: this.#run.cancelledBy ?? this.#run.meta } });
  }

  // Cancelled meanwhile it is let go of all the same, or nobody would end it before its lease is over.
  async #letGo(): Promise<void> {
    const { store } = this.#app;
    for (let attempt = 0; attempt < movesMax; attempt += 1) {
      const before = this.#run;
      if (before.holder !== this.#carrying.holder) return;
      const after = { ...before, version: before.version + 1, leaseUntil: 0 };
      if (await store.moveRun({ before, after })) return;
      this.#run = (await store.loadRun(before.runId)) ?? { ...before, holder: '' };
    }
  }

  // A server that is gone may have begun these, and not said so: what it did is counted.
  async #settle(): Promise<void> {
    const { runId, nextSlice } = this.#run;
    const begun = await this.#app.store.listRunSlices({ runId, from: nextSlice, limit: slicesBegun });
    for (const slice of begun) {
      const results = [...slice.results];
      await this.#act(slice, untried(slice), results, true);
      await this.#record({ ...slice, results: filled(results, slice.items.length) }, slice.results);
      await this.#writing;
    }
  }
}

/** Places of the items that nobody has tried yet. */
function untried({ items, results }: RunSlice): readonly number[] {
  return items.flatMap((_, index) => (results[index] === undefined ? [index] : []));
}

function filled(results: RunSlice['results'], length: number): RunSlice['results'] {
  return Array.from({ length }, (_, index) => results[index]);
}

/** As what it would end now. */
function endOf({ cancelledBy, counts, stopAfterFailures }: UnlockRun): UnlockRun['state'] {
  if (cancelledBy !== undefined) return 'cancelled';
  return stopAfterFailures > 0 && counts.failed >= stopAfterFailures ? 'stopped' : 'done';
}
