import { setTimeout as delay } from 'node:timers/promises';
import type { Backend, EventRow } from './backend.ts';
import { CliError } from './failure.ts';

/** How to go on where the server is gone. */
export interface FollowOptions {
  readonly afterPosition: number;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** How long to look for the server again after it was last there; 0: not at all. */
  readonly retryMs: number;
  /** Hears, once each time, of the server being gone, and of it being back. */
  readonly note: (line: string) => Promise<void>;
}

const pauseMsMin = 100;
const pauseMsMax = 2_000;
/** Whoever answers and hangs up before is not there: a proxy without its server does that as fast as it is asked. */
const steadyMs = 250;

/**
 * Every event after the position once, in order, from the last one seen on again whenever the server was gone: restarted,
 * or cut off. Throws what the stream fails with where that is no such failure, or where the server stays away.
 */
export async function* followThrough(
  source: Pick<Backend, 'followEvents'>,
  { afterPosition, signal, retryMs, note }: FollowOptions,
): AsyncGenerator<EventRow, void, undefined> {
  let position = afterPosition;
  // When the server was last there; one that never was is not waited for.
  let seenAtMs: number | undefined;
  let pauseMs = 0;
  let timer: NodeJS.Timeout | undefined;
  const settle = (): void => {
    clearTimeout(timer);
    if (pauseMs > 0) void note('The server is back: going on.');
    seenAtMs = performance.now();
    pauseMs = 0;
  };
  const onOpen = (): void => {
    timer = setTimeout(settle, steadyMs);
  };
  while (!signal.aborted) {
    try {
      for await (const event of source.followEvents(position, { signal, onOpen })) {
        settle();
        position = event.position;
        yield event;
      }
      clearTimeout(timer);
      return;
    } catch (error) {
      clearTimeout(timer);
      if (pauseMs === 0) seenAtMs &&= performance.now();
      if (!isGone(error) || seenAtMs === undefined || performance.now() - seenAtMs >= retryMs) throw error;
      if (pauseMs === 0) await note(`${error.message}; trying again, from position ${position} on.`);
      pauseMs = Math.min(pauseMsMax, Math.max(pauseMsMin, 2 * pauseMs));
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

function isGone(error: unknown): error is CliError {
  return error instanceof CliError && error.failure.code === 'unavailable';
}
