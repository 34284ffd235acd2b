import { randomUUID } from 'node:crypto';
import { carryRun } from '../commands/unlock-run/carry.ts';
import type { UnlockRun } from '../domain/unlock-run.ts';
import type { App } from './app.ts';

const intervalMs = 500;
/** Runs that one server carries at once; the others wait, or are another server's. */
const runsMax = 8;

/**
 * Carries runs that nobody carries, those too that a server left which is gone, now and twice a second. Disposing lets go of
 * them after what is under way.
 */
export function startRunner(
  app: Pick<App, 'store' | 'now' | 'newId' | 'log' | 'importedHashCostMax'>,
): AsyncDisposable {
  const holder = randomUUID();
  const abort = new AbortController();
  const underWay = new Map<string, Promise<void>>();
  let isFailing = false;
  const failed = (error: unknown) => {
    if (!isFailing) app.log.error({ err: error }, 'runs cannot be carried on; trying again');
    isFailing = true;
  };
  const carry = async (run: UnlockRun): Promise<void> => {
    try {
      if (run.state === 'preparing') await app.store.removeRun(run);
      else await carryRun(app, run, { holder, signal: abort.signal });
      isFailing = false;
    } catch (error) {
      failed(error);
    } finally {
      underWay.delete(run.runId);
    }
  };
  const look = async (): Promise<void> => {
    try {
      const room = runsMax - underWay.size;
      if (room <= 0) return;
      for (const run of await app.store.listRunsLeft(app.now(), runsMax)) {
        if (abort.signal.aborted || underWay.size >= runsMax || underWay.has(run.runId)) continue;
        underWay.set(run.runId, carry(run));
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
      abort.abort();
      await looking;
      await Promise.all(underWay.values());
    },
  };
}
