import { setTimeout as delay } from 'node:timers/promises';

/** A turn of the event loop that takes longer has calls in it that wait. */
const quietMsMax = 1.5;
const restTimes = 20;
const restMsMax = 500;

/**
 * Between two deliveries: where calls keep the event loop busy, deliveries rest for a multiple of what a turn takes, so that
 * they cost calls no more than a small share of it; where nobody calls, they go on at once.
 */
export async function giveWay(): Promise<void> {
  const startedMs = performance.now();
  await new Promise((resolve) => setImmediate(resolve));
  const turnMs = performance.now() - startedMs;
  if (turnMs > quietMsMax) await delay(Math.min(turnMs * restTimes, restMsMax));
}

/** Waits for so long, or for the signal. */
export async function rest(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
