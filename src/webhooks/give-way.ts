import { untilNext } from '../queries/events.ts';

/** Waits until the next delivery may be made, or for the signal. */
export type GiveWay = (signal: AbortSignal) => Promise<void>;

/** How often it is looked at how busy the thread is. */
const sampleMs = 50;
/** More than one delivery costs of the thread, by far: what is used beyond that is used by calls. */
const deliveryCpuMsMax = 1;
/** Beyond this share of the thread's time, calls are waiting for one another. */
const busyShare = 0.2;
/** Between two deliveries of this server while calls keep it busy: they take a few percent of it. */
const busyGapMs = 20;

/**
 * Between deliveries, of all subscriptions of a server together: while calls keep the thread busy, one delivery at a time
 * and then a rest, so that they cost calls no more than a small share of it; where nobody calls, no rest at all. Told by
 * processor time, since a machine that is busy elsewhere looks the same by the clock.
 */
export function createGiveWay(): GiveWay {
  let sampledAtMs = performance.now();
  let cpuMs = threadCpuMs();
  let deliveries = 0;
  let isBusy = false;
  let nextAtMs = 0;
  return async (signal) => {
    deliveries += 1;
    const nowMs = performance.now();
    const sinceMs = nowMs - sampledAtMs;
    if (sinceMs >= sampleMs) {
      const usedMs = threadCpuMs() - cpuMs;
      isBusy = usedMs - deliveries * deliveryCpuMsMax > sinceMs * busyShare;
      [sampledAtMs, cpuMs, deliveries] = [nowMs, cpuMs + usedMs, 0];
    }
    if (!isBusy) return;
    nextAtMs = Math.max(nowMs, nextAtMs) + busyGapMs;
    await untilNext(nextAtMs - nowMs, signal);
  };
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
