import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RecordedEvent } from '../domain/events.ts';
import { asStoreError } from './sqlite-error.ts';
import { parseEvent } from './sqlite-rows.ts';
import type { StatementCache } from './sqlite-statements.ts';
import type { ListEvents } from './store.ts';

/** How many events one turn of the event loop looks through for those of one type, which no index holds. */
const windowSize = 20_000;

/** Store.listEvents. By type it goes window by window, so that a rare type in a long log holds up nobody else. */
export async function listEvents(
  statements: StatementCache,
  query: ListEvents,
): Promise<readonly RecordedEvent[]> {
  try {
    const { type, userId } = query;
    return type === undefined || userId !== undefined
      ? page(statements, query)
      : await ofType(statements, { ...query, type });
  } catch (error) {
    throw asStoreError(error);
  }
}

function page(statements: StatementCache, query: ListEvents): readonly RecordedEvent[] {
  const { afterPosition, limit, userId, type } = query;
  if (userId === undefined) {
    return statements
      .get('SELECT * FROM events WHERE position > ?1 ORDER BY position LIMIT ?2')
      .all(afterPosition, limit)
      .map(parseEvent);
  }
  if (query.newestFirst) {
    return statements
      .get('SELECT * FROM events WHERE user_id = ?1 ORDER BY sequence DESC LIMIT ?2')
      .all(userId, limit)
      .map(parseEvent);
  }
  // A user's positions rise with the sequences, and the index of sequences is there.
  return statements
    .get(
      'SELECT * FROM events WHERE user_id = ?1 AND position > ?2 AND (?3 IS NULL OR type = ?3) ORDER BY sequence LIMIT ?4',
    )
    .all(userId, afterPosition, type ?? null, limit)
    .map(parseEvent);
}

async function ofType(
  statements: StatementCache,
  query: ListEvents & { readonly type: string },
): Promise<readonly RecordedEvent[]> {
  const end =
    (statements.get('SELECT max(position) AS position FROM events').get()?.position as number | null) ?? 0;
  const found: RecordedEvent[] = [];
  for (let from = query.afterPosition; from < end && found.length < query.limit; from += windowSize) {
    if (from > query.afterPosition) await nextTurn();
    const rows = statements
      .get(
        'SELECT * FROM events WHERE position > ?1 AND position <= ?2 AND type = ?3 ORDER BY position LIMIT ?4',
      )
      .all(from, Math.min(from + windowSize, end), query.type, query.limit - found.length);
    found.push(...rows.map(parseEvent));
  }
  return found;
}
