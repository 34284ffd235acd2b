import type { RecordedEvent } from '../../domain/events.ts';
import type { UserId } from '../../domain/ids.ts';
import { parseMetadataFacts } from '../sql/metadata.ts';
import { parseEvent, parseHistoryRows, parseToken, type Row, userColumns } from '../sql/rows.ts';
import type { History } from '../store.ts';
import type { Connection, Statement } from './connection.ts';
import { asStoreError } from './error.ts';
import type { Placer } from './placer.ts';
import { type Pool, transaction, withRetries } from './pool.ts';

/** Ids in one transaction, and events in one statement. */
const usersPerSnapshot = 500;
const eventsPerPage = 1_000;
/** Short histories, which nearly all are, come along with the rows. */
const shortHistoryMax = 20;

export interface HistoryReader {
  readonly pool: Pool;
  readonly placer: Pick<Placer, 'place'>;
  readonly patienceMs: number;
}

/**
 * Store.readHistories. Rows are read in one snapshot; their events may be read after it, since nothing but an erasure changes
 * one.
 */
export function createHistories(reader: HistoryReader): () => AsyncGenerator<History> {
  return async function* readHistories() {
    let after = '' as UserId;
    try {
      for (;;) {
        const { pool, placer, patienceMs } = reader;
        await placer.place();
        const snapshot = await withRetries(pool, patienceMs, (connection) => readAfter(connection, after));
        for (const userId of snapshot.userIds) yield historyOf(reader, snapshot, userId);
        const last = snapshot.userIds.at(-1);
        if (last === undefined) return;
        after = last;
      }
    } catch (error) {
      throw asStoreError(error);
    }
  };
}

interface Snapshot {
  readonly userIds: readonly UserId[];
  readonly users: ReadonlyMap<unknown, readonly Row[]>;
  readonly profiles: ReadonlyMap<unknown, readonly Row[]>;
  readonly tokens: ReadonlyMap<unknown, readonly Row[]>;
  readonly erasing: ReadonlyMap<unknown, readonly Row[]>;
  readonly metadata: ReadonlyMap<unknown, readonly Row[]>;
  readonly newest: ReadonlyMap<unknown, readonly Row[]>;
  /** Of the ids whose history is short. */
  readonly events: ReadonlyMap<unknown, readonly Row[]>;
}

// Any table may know an id that the others do not: that is one of the things to be found.
const nextIds: Statement = {
  text: ['users', 'profiles', 'tokens', 'user_metadata', 'events']
    .map((table) => `(SELECT DISTINCT user_id FROM ${table} WHERE user_id > $1 ORDER BY user_id LIMIT $2)`)
    .join(' UNION ')
    .concat(' ORDER BY user_id LIMIT $2'),
};

function readAfter(connection: Connection, after: UserId): Promise<Snapshot> {
  return transaction(connection, 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', async () => {
    const ids = await connection.query(nextIds, [after, usersPerSnapshot]);
    const userIds = ids.map(({ user_id }) => user_id as UserId);
    const grouped = async (text: string, ofIds: readonly unknown[] = userIds) =>
      Map.groupBy(await connection.query({ text }, [ofIds]), ({ user_id }) => user_id);
    const newest = await grouped(
      'SELECT user_id, max(sequence) AS sequence FROM events WHERE user_id = ANY($1::text[]) GROUP BY user_id',
    );
    const isShort = (userId: UserId) => newestOf(newest, userId) <= shortHistoryMax;
    return {
      userIds,
      users: await grouped(
        `SELECT ${userColumns}, users.lock_until FROM users WHERE user_id = ANY($1::text[])`,
      ),
      profiles: await grouped(
        'SELECT user_id, organization_id, user_name, user_name_folded, email_folded, external_id, profile, password_change_required, password_changed_at FROM profiles WHERE user_id = ANY($1::text[])',
      ),
      tokens: await grouped(
        'SELECT token_id, user_id, sequence AS token_sequence, created_at AS token_created_at, expires_at ' +
          'FROM tokens WHERE user_id = ANY($1::text[]) ORDER BY user_id, sequence',
      ),
      erasing: await grouped('SELECT user_id FROM erasures WHERE user_id = ANY($1::text[])'),
      metadata: await grouped(
        'SELECT * FROM user_metadata WHERE user_id = ANY($1::text[]) ORDER BY user_id, key',
      ),
      newest,
      events: await grouped(
        'SELECT * FROM log WHERE user_id = ANY($1::text[]) ORDER BY user_id, sequence',
        userIds.filter(isShort),
      ),
    };
  });
}

function newestOf(newest: Snapshot['newest'], userId: UserId): number {
  return (newest.get(userId)?.[0]?.sequence as number | undefined) ?? 0;
}

function historyOf(reader: HistoryReader, snapshot: Snapshot, userId: UserId): History {
  const events = snapshot.events.get(userId);
  return {
    userId,
    ...parseHistoryRows(snapshot.users.get(userId)?.[0], snapshot.profiles.get(userId)?.[0]),
    isErasing: snapshot.erasing.has(userId),
    tokens: (snapshot.tokens.get(userId) ?? []).map(parseToken),
    metadata: (snapshot.metadata.get(userId) ?? []).map(parseMetadataFacts),
    events: events?.every(isPlaced)
      ? parseEvents(events)
      : readEvents(reader, userId, newestOf(snapshot.newest, userId)),
  };
}

const isPlaced = ({ position }: Row): boolean => position !== null;

async function* parseEvents(rows: readonly Row[]): AsyncGenerator<RecordedEvent> {
  for (const row of rows) yield parseEvent(row);
}

const eventsOf: Statement = {
  name: 'events_of',
  text: 'SELECT * FROM log WHERE user_id = $1 AND sequence > $2 AND sequence <= $3 ORDER BY sequence LIMIT $4',
};

async function* readEvents(
  { pool, placer, patienceMs }: HistoryReader,
  userId: UserId,
  newest: number,
): AsyncGenerator<RecordedEvent> {
  let sequence = 0;
  while (sequence < newest) {
    const values = [userId, sequence, newest, eventsPerPage];
    const page = () => withRetries(pool, patienceMs, (connection) => connection.query(eventsOf, values));
    let rows = await page();
    if (!rows.every(isPlaced)) {
      await placer.place();
      rows = await page();
    }
    for (const row of rows) yield parseEvent(row);
    sequence = (rows.at(-1)?.sequence as number | undefined) ?? newest;
  }
}
