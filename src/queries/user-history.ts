import { readScope } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { loadRecords } from '../auth/load-user.ts';
import { isBirth, type RecordedEvent } from '../domain/events.ts';
import type { UserId } from '../domain/ids.ts';
import { loginNameOf, type User } from '../domain/user.ts';
import { newestBirth } from './earlier-life.ts';
import { parsePosition } from './page.ts';
import { getUser, type QueryApp } from './users.ts';

export interface HistoryRequest {
  readonly userId: UserId;
  /** 0: from the newest. */
  readonly beforeSequence: bigint;
  /** 0: 20. At most 100, which the field's rule holds. */
  readonly limit: number;
}

/** What happened to a user, with a name for whoever did it where the caller may read them. */
export interface HistoryEntry {
  readonly event: RecordedEvent;
  readonly actorLoginName: string | undefined;
}

const limitDefault = 20;

/**
 * The user's events since they were added, newest first, before a sequence. Throws as getUser. The position counts the events of the whole
 * instance: who reads only a part of it is told 0.
 */
export async function listUserHistory(
  app: Pick<QueryApp, 'store'>,
  caller: Caller,
  request: HistoryRequest,
): Promise<{ readonly entries: readonly HistoryEntry[]; readonly nextBeforeSequence: number }> {
  const { user } = await getUser(app, caller, request.userId);
  const limit = request.limit === 0 ? limitDefault : request.limit;
  const found = await eventsBefore(app, user, { before: parsePosition(request.beforeSequence), limit });
  const events = found.slice(0, limit);
  const actors = await readableActors(app, caller, events);
  const seesAll = readScope(caller, 'user.read') === 'all';
  const entries = events.map((event) => ({
    event: seesAll ? event : { ...event, position: 0 },
    actorLoginName: nameThen(actors.get(event.meta.actorUserId ?? ''), event),
  }));
  return { entries, nextBeforeSequence: found.length > limit ? (events.at(-1)?.sequence ?? 0) : 0 };
}

/** One more than asked for, where there are so many: it tells that there is a next page. */
async function eventsBefore(
  app: Pick<QueryApp, 'store'>,
  { userId, sequence }: User,
  { before, limit }: { readonly before: number; readonly limit: number },
): Promise<readonly RecordedEvent[]> {
  // Nothing after what the caller was allowed by: the id may be used again between the two looks.
  const beforeSequence = before === 0 ? sequence + 1 : Math.min(before, sequence + 1);
  const query = { userId, newestFirst: true, afterPosition: 0, limit: limit + 1, beforeSequence };
  const found = await app.store.listEvents(query);
  const [newest] = found;
  if (newest === undefined) return [];
  if (newest.sequence < sequence && (await newestBirth(app, userId, newest.position)) > 0) return [];
  const birth = found.findIndex(isBirth);
  return birth === -1 ? found : found.slice(0, birth + 1);
}

interface Actor {
  readonly loginName: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

// Whoever has the id of somebody deleted has done nothing of what was done under it before.
function nameThen(actor: Actor | undefined, { createdAt }: RecordedEvent): string | undefined {
  return actor !== undefined && actor.createdAt <= createdAt ? actor.loginName : undefined;
}

/** By user id, those among the actors whom the caller may read. */
async function readableActors(
  app: Pick<QueryApp, 'store'>,
  caller: Caller,
  events: readonly RecordedEvent[],
): Promise<ReadonlyMap<string, Actor>> {
  const userIds = [...new Set(events.flatMap(({ meta }) => meta.actorUserId ?? []))];
  if (userIds.length === 0) return new Map();
  const records = await loadRecords(app, readScope(caller, 'user.read'), userIds);
  return new Map(
    records.map((record) => [
      record.user.userId,
      { loginName: loginNameOf(record), createdAt: record.user.createdAt },
    ]),
  );
}
