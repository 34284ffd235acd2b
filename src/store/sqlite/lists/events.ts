import { setImmediate as nextTurn } from 'node:timers/promises';
import { instanceStream, type RecordedEvent } from '../../../domain/events.ts';
import type { UserId } from '../../../domain/ids.ts';
import { isBirthSql, parseEvent } from '../../sql/rows.ts';
import type { ListEvents } from '../../store.ts';
import { asStoreError } from '../error.ts';
import type { StatementCache } from '../statements.ts';

/** How many events one turn of the event loop looks through for those of one type or of one actor, which no index holds. */
const windowSize = 20_000;

/** How far the events of one user are walked in one turn: this many of every 64th. */
const milestonesPerTurn = 16;

/** Store.listEvents. What no index holds is read window by window, so that a long log holds up nobody else. */
export async function listEvents(
  statements: StatementCache,
  query: ListEvents,
): Promise<readonly RecordedEvent[]> {
  try {
    const { type, userId, actorUserId } = query;
    if (actorUserId !== undefined)
      return await ofAll(statements, query, { column: 'actor_user_id', is: actorUserId });
    if (userId === instanceStream) return ofInstance(statements, query);
    if (userId !== undefined && query.birthsOnly) return birthsOf(statements, { ...query, userId });
    if (userId !== undefined && query.newestFirst) return newestOf(statements, { ...query, userId });
    if (userId !== undefined) return await ofUser(statements, { ...query, userId });
    return type === undefined
      ? page(statements, query)
      : await ofAll(statements, query, { column: 'type', is: type });
  } catch (error) {
    throw asStoreError(error);
  }
}

function page(statements: StatementCache, { afterPosition, limit }: ListEvents): readonly RecordedEvent[] {
  return statements
    .get('SELECT * FROM events WHERE position > ?1 ORDER BY position LIMIT ?2')
    .all(afterPosition, limit)
    .map(parseEvent);
}

function ofInstance(
  statements: StatementCache,
  { afterPosition, limit, type }: ListEvents,
): readonly RecordedEvent[] {
  return statements
    .get(
      "SELECT * FROM events WHERE user_id = '' AND position > ?1 AND (?2 IS NULL OR type = ?2) ORDER BY sequence LIMIT ?3",
    )
    .all(afterPosition, type ?? null, limit)
    .map(parseEvent);
}

/**
 * A window of one user's events, oldest first: the chain, from the last milestone of the window (or the newest event) back
 * to the position that is known already. A damaged chain ends early; it never leads in a circle or to somebody else.
 */
const chainWindow = `
  WITH RECURSIVE chain (position, previous_position) AS (
    SELECT position, previous_position FROM events
      WHERE user_id = ?1 AND position > ?2 AND position = coalesce(
        (SELECT position FROM events INDEXED BY events_milestones
          WHERE user_id = ?1 AND sequence % 64 = 0 AND position > ?2 ORDER BY sequence LIMIT 1 OFFSET ?3),
        (SELECT newest_position FROM users WHERE user_id = ?1))
    UNION ALL
    SELECT events.position, events.previous_position FROM chain JOIN events ON events.position = chain.previous_position
      WHERE events.user_id = ?1 AND events.position > ?2 AND events.position < chain.position
  )
  SELECT events.* FROM chain CROSS JOIN events ON events.position = chain.position ORDER BY events.position`;

/** A user's events before a sequence, newest first: the chain back from the first milestone that is not before it. */
const chainEnd = `
  WITH RECURSIVE chain (position, previous_position) AS (
    SELECT position, previous_position FROM events
      WHERE user_id = ?1 AND position = coalesce(
        (SELECT position FROM events INDEXED BY events_milestones
          WHERE user_id = ?1 AND sequence % 64 = 0 AND sequence >= ?3 ORDER BY sequence LIMIT 1),
        (SELECT newest_position FROM users WHERE user_id = ?1))
    UNION ALL
    SELECT events.position, events.previous_position FROM chain JOIN events ON events.position = chain.previous_position
      WHERE events.user_id = ?1 AND events.position < chain.position
    LIMIT ?4
  )
  SELECT events.* FROM chain CROSS JOIN events ON events.position = chain.position
    WHERE events.sequence < ?3 ORDER BY events.position DESC LIMIT ?2`;

function birthsOf(
  statements: StatementCache,
  { userId, limit }: ListEvents & { readonly userId: UserId },
): readonly RecordedEvent[] {
  const sql = `SELECT * FROM events INDEXED BY events_births WHERE user_id = ?1 AND ${isBirthSql} ORDER BY sequence DESC LIMIT ?2`;
  return statements.get(sql).all(userId, limit).map(parseEvent);
}

function newestOf(
  statements: StatementCache,
  { userId, limit, beforeSequence }: ListEvents & { readonly userId: UserId },
): readonly RecordedEvent[] {
  // The newest is less than a milestone ahead of the sequence, where no milestone is.
  const walked = beforeSequence === undefined ? limit : limit + 64;
  const before = beforeSequence ?? Number.MAX_SAFE_INTEGER;
  return statements.get(chainEnd).all(userId, limit, before, walked).map(parseEvent);
}

async function ofUser(
  statements: StatementCache,
  query: ListEvents & { readonly userId: UserId },
): Promise<readonly RecordedEvent[]> {
  const { userId, limit, type } = query;
  const milestones = Math.min(Math.ceil(limit / 64), milestonesPerTurn);
  const found: RecordedEvent[] = [];
  for (let after = query.afterPosition; ; ) {
    const rows = statements.get(chainWindow).all(userId, after, milestones);
    for (const row of rows) {
      if (found.length < limit && (type === undefined || row.type === type)) found.push(parseEvent(row));
    }
    const newest = rows.at(-1);
    if (newest === undefined || found.length >= limit) return found;
    after = newest.position as number;
    await nextTurn();
  }
}

async function ofAll(
  statements: StatementCache,
  query: ListEvents,
  { column, is }: { readonly column: 'type' | 'actor_user_id'; readonly is: string },
): Promise<readonly RecordedEvent[]> {
  const end =
    (statements.get('SELECT max(position) AS position FROM events').get()?.position as number | null) ?? 0;
  const found: RecordedEvent[] = [];
  for (let from = query.afterPosition; from < end && found.length < query.limit; from += windowSize) {
    if (from > query.afterPosition) await nextTurn();
    const rows = statements
      .get(
        `SELECT * FROM events WHERE position > ?1 AND position <= ?2 AND ${column} = ?3 ORDER BY position LIMIT ?4`,
      )
      .all(from, Math.min(from + windowSize, end), is, query.limit - found.length);
    found.push(...rows.map(parseEvent));
  }
  return found;
}
