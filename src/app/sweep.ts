import { sweepAttempts } from '../commands/attempts/settle.ts';
import { type Looked, sweepErasures } from '../commands/erasure/erase-user.ts';
import { sweepSessions } from '../commands/sessions.ts';
import { forgetItems } from '../commands/unlock-run/forget.ts';
import type { UserId } from '../domain/ids.ts';
import { endLocks } from '../store/lock-ends.ts';
import type { App } from './app.ts';
import { atIntervals } from './at-intervals.ts';

const intervalMs = 1_000;
/** What is kept for months may go a minute later. */
const forgetMs = 60_000;

/**
 * Ends locks by the clock, now and every second, so that the log tells of it soon where nobody looks; whoever does
 * look needs no sweeper: see store/lock-ends.ts. Attempts that nobody has ended in time are counted, sessions that are
 * over go, erasures that a crash has interrupted are finished, and the items of old runs go. A failure is logged once, until a sweep succeeds again.
 */
export function startSweeper(app: App): AsyncDisposable {
  let isFailing = false;
  const erasuresLooked = new Map<UserId, Looked>();
  const forgotten = { runId: '' };
  const forget = everyMs(forgetMs, () => forgetItems(app, forgotten));
  const sweeps = [
    () => endLocks(app.store, app),
    () => sweepAttempts(app),
    () => sweepSessions(app),
    () => sweepErasures(app, erasuresLooked),
    forget,
  ];
  const sweep = async (): Promise<void> => {
    const failures: unknown[] = [];
    // Each for itself: what one of them cannot end keeps nothing of another kind waiting.
    for (const sweepOf of sweeps) await sweepOf().catch((error: unknown) => failures.push(error));
    if (failures.length > 0 && !isFailing)
      app.log.error(
        { err: failures[0] },
        'locks, attempts and sessions that are over cannot be ended, or erasures finished; trying again',
      );
    isFailing = failures.length > 0;
  };
  return atIntervals(intervalMs, sweep);
}

/** The work, at once and then no more often than so. */
function everyMs(ms: number, work: () => Promise<void>): () => Promise<void> {
  let nextAtMs = 0;
  return async () => {
    if (performance.now() < nextAtMs) return;
    await work();
    nextAtMs = performance.now() + ms;
  };
}
