import { randomUUID } from 'node:crypto';
import { carryRun } from '../commands/unlock-run/carry.ts';
import type { UnlockRun } from '../domain/unlock-run.ts';
import type { App } from './app.ts';

const intervalMs = 500;
/** Runs that one server carries at once; the others wait, or are another server's. */
const runsMax = 8;
/** Of those that wait, how many are looked at: whose turn it is does not go by who came first. */
const waitingMax = 1_000;

interface Carried {
  readonly owner: string;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/**
 * Carries runs that nobody carries, those too that a server left which is gone, now and twice a second. Where there are
 * more than it carries at once, organizations go in turns: one that has started many, however slow, keeps no other
 * waiting. Disposing lets go of them after what is under way.
 */
export function startRunner(
  app: Pick<App, 'store' | 'now' | 'newId' | 'log' | 'importedHashCostMax'>,
): AsyncDisposable {
  const holder = randomUUID();
  const underWay = new Map<string, Carried>();
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
    underWay.set(run.runId, { owner: ownerOf(run), abort, done: carry(run, abort.signal) });
  };
  const look = async (): Promise<void> => {
    try {
      const left = await app.store.listRunsLeft(app.now(), waitingMax);
      const waiting = new Set(left.filter(({ runId }) => !underWay.has(runId)));
      while (waiting.size > 0 && !isOver) {
        const next = fewest(waiting, (run) => countOf(underWay, ownerOf(run)));
        if (next === undefined) return;
        if (underWay.size >= runsMax) return makeRoom(underWay, ownerOf(next));
        waiting.delete(next);
        begin(next);
      }
    } catch (error) {
      failed(error);
    }
  };
  let looking: Promise<void> | undefined;
  const start = () => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
  };
  start();
  const timer = setInterval(start, intervalMs).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      isOver = true;
      for (const { abort } of underWay.values()) abort.abort();
      await looking;
      await Promise.all([...underWay.values()].map(({ done }) => done));
    },
  };
}

type UnderWay = ReadonlyMap<string, Carried>;

/** Whose turn a run takes: its organization's; of several, the instance's. */
function ownerOf({ organizationIds = [] }: UnlockRun): string {
  const [organizationId = '', ...others] = organizationIds;
  return others.length === 0 ? organizationId : '';
}

function countOf(underWay: UnderWay, owner: string): number {
  return [...underWay.values()].filter((carried) => carried.owner === owner).length;
}

/** The first of those with the smallest count. */
function fewest<Value>(values: Iterable<Value>, count: (value: Value) => number): Value | undefined {
  let found: { readonly value: Value; readonly count: number } | undefined;
  for (const value of values) {
    const own = count(value);
    if (found === undefined || own < found.count) found = { value, count: own };
  }
  return found?.value;
}

/** Who has most of the places gives the newest of them up, where that leaves them as many as who waits; it is gone on with later. */
function makeRoom(underWay: UnderWay, owner: string): void {
  if ([...underWay.values()].some(({ abort }) => abort.signal.aborted)) return;
  const most = fewest([...underWay.values()].reverse(), (carried) => -countOf(underWay, carried.owner));
  if (most !== undefined && countOf(underWay, most.owner) > countOf(underWay, owner) + 1) most.abort.abort();
}
