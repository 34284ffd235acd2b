import { setTimeout as delay } from 'node:timers/promises';
import { requireHeldAnywhere } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import type { RecordedEvent } from '../domain/events.ts';
import type { UserId } from '../domain/ids.ts';
import { parseLimit, parsePosition } from './page.ts';
import type { QueryApp } from './users.ts';

export interface EventsRequest {
  readonly afterPosition: bigint;
  /** 0: 100. */
  readonly limit: number;
  readonly userId: UserId | undefined;
  readonly type: string | undefined;
}

/** The events after a position, oldest first. Throws limitTooLarge, permissionMissing. */
export async function listEvents(
  app: Pick<QueryApp, 'store'>,
  caller: Caller,
  request: EventsRequest,
): Promise<readonly RecordedEvent[]> {
  const { userId, type } = request;
  const limit = parseLimit(request.limit);
  requireHeldAnywhere(caller, 'events.read');
  return app.store.listEvents({
    afterPosition: parsePosition(request.afterPosition),
    limit,
    ...(userId !== undefined && { userId }),
    ...(type !== undefined && { type }),
  });
}

export interface FollowRequest {
  readonly afterPosition: bigint;
  /** Who asks, as of now: a stream lives longer than the right to it may. Throws where they may no longer. */
  readonly caller: () => Promise<Caller>;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** How long to wait before looking again where there was nothing new. Default 200. */
  readonly pollMs?: number;
}

const followedMax = 500;

/**
 * Every event after the position once, in order, then each new one until the signal. It holds nothing between two
 * looks but the last position, so that whoever passes that on later gets what came since.
 */
export async function* followEvents(
  app: Pick<QueryApp, 'store'>,
  request: FollowRequest,
): AsyncGenerator<RecordedEvent, void, undefined> {
  const { signal, pollMs = 200 } = request;
  let { afterPosition } = request;
  while (!signal.aborted) {
    const caller = await request.caller();
    const events = await listEvents(app, caller, {
      afterPosition,
      limit: followedMax,
      userId: undefined,
      type: undefined,
    });
    yield* events;
    const newest = events.at(-1);
    if (newest !== undefined) afterPosition = BigInt(newest.position);
    if (events.length < followedMax) await untilNext(pollMs, signal);
  }
}

/** Waits for so long, or for the signal. */
export async function untilNext(waitMs: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(waitMs, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
