import type { RecordedEvent } from '../../domain/events.ts';
import { isBirthSql, parseEvent } from '../sql/rows.ts';
import type { ListEvents } from '../store.ts';
import { eventsPerBatchMax } from './batch-id.ts';
import type { Connection, Statement } from './connection.ts';

/** How many events one statement looks through for those of one type or of one actor, which no index holds. */
const windowSize = 20_000;

/** Store.listEvents, of what has a position. */
export async function listEvents(
  connection: Connection,
  query: ListEvents,
): Promise<readonly RecordedEvent[]> {
  const { type, userId, actorUserId, afterPosition, limit } = query;
  if (actorUserId !== undefined)
    return listInWindows(connection, query, { statement: ofActor, is: actorUserId });
  if (userId !== undefined && query.birthsOnly) {
    return (await connection.query(birthsOfUser, [userId, limit])).map(parseEvent);
  }
  if (userId !== undefined && query.newestFirst) {
    return (
      await connection.query(newestOfUser, [userId, limit, query.beforeSequence ?? Number.MAX_SAFE_INTEGER])
    ).map(parseEvent);
  }
  if (userId !== undefined) {
    const rows = await connection.query(ofUser, [afterPosition, limit, userId, type]);
    return rows.map(parseEvent);
  }
  if (type !== undefined) return listInWindows(connection, query, { statement: ofType, is: type });
  return (await connection.query(all, [afterPosition, limit])).map(parseEvent);
}

async function listInWindows(
  connection: Connection,
  { afterPosition, limit }: ListEvents,
  { statement, is }: { readonly statement: Statement; readonly is: string },
): Promise<readonly RecordedEvent[]> {
  const [newest] = await connection.query({ text: 'SELECT last_position FROM placer WHERE placer_id = 1' });
  const end = newest?.last_position as number;
  const found: RecordedEvent[] = [];
  for (let from = afterPosition; from < end && found.length < limit; from += windowSize) {
    const to = Math.min(from + windowSize, end);
    const rows = await connection.query(statement, [from, to, is, limit - found.length]);
    found.push(...rows.map(parseEvent));
  }
  return found;
}

// By the index of batches: the batch that holds a position begins less than a whole batch before it.
const after = `first_position > $1::bigint - ${eventsPerBatchMax} AND next_position > $1::bigint AND position > $1::bigint`;

const all: Statement = {
  name: 'list_events',
  text: `SELECT * FROM log WHERE ${after} ORDER BY first_position, place LIMIT $2`,
};
// A user's positions rise with the sequences, and the index of sequences is there.
const ofUser: Statement = {
  name: 'list_events_of_user',
  text: 'SELECT * FROM log WHERE user_id = $3 AND position > $1 AND ($4::text IS NULL OR type = $4) ORDER BY sequence LIMIT $2',
};
const newestOfUser: Statement = {
  name: 'list_newest_events_of_user',
  text: 'SELECT * FROM log WHERE user_id = $1 AND position IS NOT NULL AND sequence < $3 ORDER BY sequence DESC LIMIT $2',
};
const birthsOfUser: Statement = {
  name: 'list_births_of_user',
  text: `SELECT * FROM log WHERE user_id = $1 AND position IS NOT NULL AND ${isBirthSql} ORDER BY sequence DESC LIMIT $2`,
};
const inWindow = (column: 'type' | 'actor_user_id') =>
  `SELECT * FROM log WHERE ${after} AND first_position <= $2::bigint AND position <= $2::bigint AND ${column} = $3 ` +
  'ORDER BY first_position, place LIMIT $4';
const ofType: Statement = { name: 'list_events_of_type', text: inWindow('type') };
const ofActor: Statement = { name: 'list_events_of_actor', text: inWindow('actor_user_id') };
