import { randomUUID } from 'node:crypto';
import { carryRun } from '../commands/unlock-run/carry.ts';
import { openMax, organizationOf, type UnlockRun } from '../domain/unlock-run.ts';
import type { App } from './app.ts';
import { atIntervals } from './at-intervals.ts';

const intervalMs = 500;
/** Runs that one server carries at once; the others wait, or are another server's. */
const runsMax = 8;
/** How long a run keeps its place where others wait for one: then it goes behind them. */
const turnMs = 5_000;

interface Carried {
  readonly owner: string;
  readonly begunAtMs: number;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/**
 * Carries runs that nobody carries, those too that a server left which is gone, now and twice a second. Where there are
 * more than it carries at once, organizations go in turns, of `turnMs` each: those that have started many, however slow,
 * keep no other waiting. Disposing lets go of them after what is under way.
 */
export function startRunner(
  app: Pick<App, 'store' | 'now' | 'newId' | 'log' | 'importedHashCostMax'>,
): AsyncDisposable {
  const holder = randomUUID();
  const underWay = new Map<string, Carried>();
  /** When each of those who have runs left last had one begun. */
  const begunAt = new Map<string, number>();
  let isOver = false;
  let isFailing = false;
  const failed = (error: unknown) => {
    if (!isFailing) app.log.error({ err: error }, 'runs cannot be carried on; trying again');
    isFailing = true;
  };
  const carry = async (run: UnlockRun, signal: AbortSignal): Promise<void> => {
    try {
      if (run.state === 'preparing') await app.store.removeRun(run);
      else await carryRun(app, run, { holder, signal });
      isFailing = false;
    } catch (error) {
      failed(error);
    } finally {
      underWay.delete(run.runId);
    }
  };
  const begin = (run: UnlockRun): void => {
    const abort = new AbortController();
    const [owner, begunAtMs] = [organizationOf(run), performance.now()];
    begunAt.set(owner, begunAtMs);
    underWay.set(run.runId, { owner, begunAtMs, abort, done: carry(run, abort.signal) });
  };
  const look = async (): Promise<void> => {
    try {
      const left = await app.store.listRunsLeft(app.now(), openMax);
      for (const run of inTurn(left, underWay, begunAt)) {
        if (isOver) return;
        begin(run);
      }
    } catch (error) {
      failed(error);
    }
  };
  const looks = atIntervals(intervalMs, look);
  return {
    async [Symbol.asyncDispose]() {
      isOver = true;
      for (const { abort } of underWay.values()) abort.abort();
      await looks[Symbol.asyncDispose]();
      await Promise.all([...underWay.values()].map(({ done }) => done));
    },
  };
}

type UnderWay = ReadonlyMap<string, Carried>;

function countOf(underWay: UnderWay, owner: string): number {
  return [...underWay.values()].filter((carried) => carried.owner === owner).length;
}

/** Those to be begun now, one after the other; where all places are taken, one of them may be given up. */
function* inTurn(
  left: readonly UnlockRun[],
  underWay: UnderWay,
  begunAt: Map<string, number>,
): Generator<UnlockRun> {
  forgetOthers(left, underWay, begunAt);
  const waiting = new Set(left.filter(({ runId }) => !underWay.has(runId)));
  while (waiting.size > 0) {
    const next = fewest(waiting, (run) => rankOf(run, underWay, begunAt));
    if (next === undefined) return;
    if (underWay.size >= runsMax) {
      makeRoom(underWay, organizationOf(next));
      return;
    }
    waiting.delete(next);
    yield next;
  }
}

function forgetOthers(left: readonly UnlockRun[], underWay: UnderWay, begunAt: Map<string, number>): void {
  const owners = new Set([...left.map(organizationOf), ...[...underWay.values()].map(({ owner }) => owner)]);
  for (const owner of begunAt.keys()) if (!owners.has(owner)) begunAt.delete(owner);
}

type Rank = readonly [count: number, atMs: number];

function rankOf(run: UnlockRun, underWay: UnderWay, begunAt: ReadonlyMap<string, number>): Rank {
  const owner = organizationOf(run);
  return [countOf(underWay, owner), begunAt.get(owner) ?? 0];
}

/** The first of those with the smallest count, and of these with the earliest time. */
function fewest<Value>(values: Iterable<Value>, rankOf: (value: Value) => Rank): Value | undefined {
  let found: { readonly value: Value; readonly rank: Rank } | undefined;
  for (const value of values) {
    const rank = rankOf(value);
    if (found === undefined || isBefore(rank, found.rank)) found = { value, rank };
  }
  return found?.value;
}

function isBefore([count, atMs]: Rank, [otherCount, otherAtMs]: Rank): boolean {
  return count < otherCount || (count === otherCount && atMs < otherAtMs);
}

/**
 * Who has most of the places gives the newest of them up, where that leaves them as many as who waits; else, of those who
 * have more than who waits, whoever has had theirs the longest, after their turn. It is gone on with later.
 */
function makeRoom(underWay: UnderWay, owner: string): void {
  const carried = [...underWay.values()];
  if (carried.some(({ abort }) => abort.signal.aborted)) return;
  const own = countOf(underWay, owner);
  const most = fewest(carried, (one) => [-countOf(underWay, one.owner), -one.begunAtMs]);
  if (most !== undefined && countOf(underWay, most.owner) > own + 1) {
    most.abort.abort();
    return;
  }
  const since = performance.now() - turnMs;
  const those = carried.filter((one) => one.begunAtMs < since && countOf(underWay, one.owner) > own);
  fewest(those, (one) => [0, one.begunAtMs])?.abort.abort();
}
