import { sweepSessions } from '../commands/sessions.ts';
import { endLocks } from '../store/lock-ends.ts';
import type { App } from './app.ts';

const intervalMs = 1_000;

/**
 * Ends locks by the clock, now and every second, so that the log tells of it soon where nobody looks; whoever does
 * look needs no sweeper: see store/lock-ends.ts. Sessions that
 * are over go as well. A failure is logged once, until a sweep succeeds again.
 */
export function startSweeper(app: Pick<App, 'store' | 'now' | 'newId' | 'log'>): AsyncDisposable {
  let isFailing = false;
  let underWay: Promise<void> | undefined;
  const sweep = async (): Promise<void> => {
    try {
      await endLocks(app.store, app);
      await sweepSessions(app);
      isFailing = false;
    } catch (error) {
      if (!isFailing)
        app.log.error({ err: error }, 'locks and sessions that are over cannot be ended; trying again');
      isFailing = true;
    }
  };
  // One at a time: the next one finds what a slow one has left.
  const start = () => {
    underWay ??= sweep().finally(() => {
      underWay = undefined;
    });
  };
  start();
  const timer = setInterval(start, intervalMs).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await underWay;
    },
  };
}
