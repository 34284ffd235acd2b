import type { DatabaseSync } from 'node:sqlite';
import type { UserId } from '../../domain/ids.ts';
import type { Links } from '../archive/snapshot.ts';
import type { ArchiveKind, BrokenLink } from '../store.ts';

/**
 * The links between events, as a snapshot's readers ask for them. No index of the file holds the events of all users in
 * order, so they are sorted once, into a temporary table of this connection, when somebody first asks.
 */
export function createLinks(db: DatabaseSync): Links {
  let isSorted = false;
  const sort = () => {
    if (!isSorted) db.exec(sortEvents);
    isSorted = true;
  };
  return {
    eventsByUser: () => {
      sort();
      return 'event_order CROSS JOIN events USING (user_id, sequence, position)';
    },
    broken: () => {
      sort();
      return db
        .prepare(brokenLinks)
        .all(brokenMax)
        .map((row): BrokenLink => ({ userId: row.user_id as UserId, text: row.text as string }));
    },
  };
}

/**
 * Links every event to the one before it and every row to its newest event, as the events themselves say: what a server of
 * an older version has written into this schema knows of no links. Answers how many were wrong. In a transaction.
 */
export function mendLinks(db: DatabaseSync): number {
  db.exec(sortEvents);
  const mended = [mendEvents, mendUsers].map((text) => Number(db.prepare(text).run().changes));
  return mended.reduce((sum, changes) => sum + changes, 0);
}

const mendEvents = `
  UPDATE events SET previous_position = linked.expected FROM (
    SELECT position, lag(position, 1, 0) OVER (PARTITION BY user_id ORDER BY sequence) AS expected
    FROM event_order WHERE user_id <> ''
  ) AS linked WHERE events.position = linked.position AND events.previous_position <> linked.expected`;

const mendUsers = `
  UPDATE users SET newest_position = newest.position FROM (
    SELECT users.user_id, coalesce((
      SELECT position FROM event_order WHERE event_order.user_id = users.user_id ORDER BY sequence DESC LIMIT 1
    ), 0) AS position FROM users
  ) AS newest WHERE users.user_id = newest.user_id AND users.newest_position <> newest.position`;

const brokenMax = 100;

// Damage may have made two of one sequence: both have to come out again.
const sortEvents = `
  CREATE TEMP TABLE event_order (
    user_id TEXT, sequence INTEGER, position INTEGER, PRIMARY KEY (user_id, sequence, position)
  ) WITHOUT ROWID;
  INSERT INTO event_order SELECT user_id, sequence, position FROM events ORDER BY 1, 2, 3`;

const brokenLinks = `
  SELECT linked.user_id, 'event ' || linked.sequence || ' is not linked to the one before it' AS text FROM (
    SELECT user_id, sequence, position, lag(position, 1, 0) OVER (PARTITION BY user_id ORDER BY sequence) AS expected
    FROM event_order WHERE user_id <> ''
  ) AS linked JOIN events USING (position) WHERE events.previous_position <> linked.expected
  UNION ALL
  SELECT user_id, 'the row is not linked to its newest event' FROM users WHERE newest_position <> coalesce((
    SELECT position FROM event_order WHERE event_order.user_id = users.user_id ORDER BY sequence DESC LIMIT 1
  ), 0)
  LIMIT ?`;

/** What a row that is inserted from an archive is linked to; needs an index of the events by user. */
export function linkOf(
  kind: ArchiveKind,
  parameter: (column: string) => string,
): { readonly column: string; readonly sql: string } | undefined {
  const userId = parameter('user_id');
  switch (kind) {
    case 'event': {
      const before = `SELECT position FROM events WHERE user_id = ${userId} AND sequence = ${parameter('sequence')} - 1`;
      return { column: 'previous_position', sql: `iif(${userId} = '', 0, coalesce((${before}), 0))` };
    }
    case 'user': {
      const newest = `SELECT position FROM events WHERE user_id = ${userId} ORDER BY sequence DESC LIMIT 1`;
      return { column: 'newest_position', sql: `coalesce((${newest}), 0)` };
    }
    default:
      return undefined;
  }
}
