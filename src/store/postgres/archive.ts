import { createArchive } from '../archive/archive.ts';
import { createVerifiable } from '../archive/histories.ts';
import type { EventReading, Snapshot } from '../archive/snapshot.ts';
import {
  type ArchiveTable,
  archiveTables,
  type ColumnValue,
  parseColumnValues,
  writtenColumns,
} from '../archive/tables.ts';
import { erasuresIn } from '../sql/erasures.ts';
import type { Row } from '../sql/rows.ts';
import {
  type Archive,
  type ArchivePage,
  archiveKinds,
  type Restoration,
  RowRefused,
  StoreNotEmpty,
} from '../store.ts';
import { createBatchIds } from './batch-id.ts';
import { parseAddresses } from './connect/address.ts';
import type { PostgresEnvironment } from './connect/parameters.ts';
import { type Connection, type ConnectionOptions, connect } from './connection.ts';
import { insertErasure } from './erasures.ts';
import { asStoreError, sqlState } from './error.ts';
import { unfenced } from './fence.ts';
import { createPlacer, positionsAfter } from './placer.ts';
import { createPool } from './pool.ts';
import { arrayTypes, insertEvents, requirePositions } from './restore-events.ts';
import { foldProfile } from './rows/users.ts';
import { orderUnplaced } from './unplaced.ts';

const connectTimeoutMs = 5_000;
const lockTimeoutMs = 5_000;
/** Of one statement: the indexes of many millions of rows are read whole. */
const statementTimeoutMs = 3_600_000;

/** Everything in the database as it stands now, while others go on writing. It must have this code's schema. */
export async function openArchive(url: string, environment?: PostgresEnvironment): Promise<Archive> {
  const options = connectionOptions(url, environment);
  await placeEvents(options);
  const connection = await connect(options);
  try {
    await connection.query({ text: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY' });
    return await createArchive(createSnapshot(connection));
  } catch (error) {
    connection.close();
    throw asStoreError(error);
  }
}

/**
 * Fills the database in one transaction; others wait. It must have this code's schema. Throws StoreNotEmpty.
 */
export async function openRestoration(url: string, environment?: PostgresEnvironment): Promise<Restoration> {
  const connection = await connect(connectionOptions(url, environment));
  try {
    await connection.query({ text: 'BEGIN ISOLATION LEVEL READ COMMITTED' });
    // Whoever adds an organization takes this lock too, and without an organization there is nobody to add.
    await connection.query({ text: 'SELECT placer_id FROM placer FOR UPDATE' });
    await requireEmpty(connection);
    return createRestoration(connection, await dropIndexes(connection));
  } catch (error) {
    connection.close();
    throw asStoreError(error);
  }
}

/**
 * Takes away what a server of an older version, which knew of no such tables, has left there of users whom it deleted.
 * Answers how much. Servers may go on: a user who is made again meanwhile is not deleted any more once the row's lock is
 * had, and has nothing yet where it is had before.
 */
export async function repair(url: string, environment?: PostgresEnvironment): Promise<number> {
  const connection = await connect(connectionOptions(url, environment));
  try {
    const [row] = await connection.query(takeLeftovers);
    return Number(row?.taken);
  } catch (error) {
    throw asStoreError(error);
  } finally {
    connection.close();
  }
}

const takeLeftovers = {
  text:
    `WITH gone AS (SELECT user_id FROM users WHERE state = 'deleted' AND ${unfenced} = 1 AND (` +
    'EXISTS (SELECT 1 FROM user_metadata WHERE user_metadata.user_id = users.user_id) OR ' +
    'EXISTS (SELECT 1 FROM codes WHERE codes.user_id = users.user_id)) ORDER BY user_id FOR UPDATE), ' +
    'notes AS (DELETE FROM user_metadata USING gone WHERE user_metadata.user_id = gone.user_id RETURNING 1), ' +
    'voided AS (DELETE FROM codes USING gone WHERE codes.user_id = gone.user_id RETURNING 1) ' +
    'SELECT (SELECT count(*) FROM notes) + (SELECT count(*) FROM voided) AS taken',
};

function connectionOptions(url: string, environment?: PostgresEnvironment): ConnectionOptions {
  return { addresses: parseAddresses(url, environment), connectTimeoutMs, statementTimeoutMs, lockTimeoutMs };
}

// What was committed before the archive keeps the position that it has for good.
async function placeEvents(options: ConnectionOptions): Promise<void> {
  await using pool = createPool({ ...options, connectionsMax: 1, patienceMs: connectTimeoutMs });
  await using placer = createPlacer(pool, connectTimeoutMs);
  await placer.place();
}

function createSnapshot(connection: Connection): Snapshot {
  let cursors = 0;
  return {
    placeholder: (index) => `$${index}`,
    log: 'log',
    async query(text, values) {
      try {
        return (await connection.query({ text }, values)).map(withPosition);
      } catch (error) {
        throw asStoreError(error);
      }
    },
    async *readEvents(reading) {
      cursors += 1;
      try {
        for await (const rows of readLog(connection, `events_${cursors}`, reading))
          yield rows.map(withPosition);
      } catch (error) {
        throw asStoreError(error);
      }
    },
    late: async ({ name, columns }) => (name === 'events' ? readLate(connection, columns) : []),
    async [Symbol.asyncDispose]() {
      connection.close();
    },
  };
}

// A position is not in any index as it stands, so there is no page to begin at: a cursor goes through all of them once.
async function* readLog(
  connection: Connection,
  cursor: string,
  { columns, order, rowsPerPage }: EventReading,
): AsyncGenerator<readonly Row[]> {
  const isByPosition = order[0] === 'position';
  const rest = isByPosition
    ? 'WHERE first_position IS NOT NULL ORDER BY first_position, place'
    : `ORDER BY ${order.join(', ')}`;
  await connection.query({
    text: `DECLARE ${cursor} CURSOR FOR SELECT ${columns.join(', ')} FROM log ${rest}`,
  });
  for (;;) {
    const rows = await connection.query({ text: `FETCH ${rowsPerPage} FROM ${cursor}` });
    if (rows.length > 0) yield rows;
    if (rows.length < rowsPerPage) break;
  }
  await connection.query({ text: `CLOSE ${cursor}` });
}

const beyondAllPositions = 2 ** 52;

// An event that has no position yet stands behind all that have, and behind the older ones of its user.
function withPosition(row: Row): Row {
  if (row.position !== null) return row;
  return { ...row, position: beyondAllPositions + (row.sequence as number) };
}

// In the order in which they will be placed: see placer.ts.
async function readLate(connection: Connection, columns: ArchiveTable['columns']): Promise<readonly Row[]> {
  const batches = await orderUnplaced(connection);
  const [placer] = await connection.query({ text: 'SELECT last_position FROM placer' });
  const others = columns.map(({ column }) => column).filter((column) => column !== 'position');
  return connection.query(
    {
      text:
        `SELECT ${others.join(', ')}, late.first + place AS position FROM unnest($1::text[], $2::bigint[]) AS late(id, first) ` +
        'JOIN events ON events.batch_id = late.id ORDER BY late.first, place',
    },
    [batches.map(({ batchId }) => batchId), positionsAfter(placer?.last_position as number, batches)],
  );
}

async function requireEmpty(connection: Connection): Promise<void> {
  for (const { name } of Object.values(archiveTables)) {
    if ((await connection.query({ text: `SELECT 1 FROM ${name} LIMIT 1` })).length > 0) {
      throw new StoreNotEmpty(`the database already has ${name}: import into a new one`);
    }
  }
}

// Made at the end, all at once, instead of row by row. Those that keep rows unique stay. Answers the statements for it.
async function dropIndexes(connection: Connection): Promise<readonly string[]> {
  const indexes = await connection.query(
    {
      text: "SELECT indexname AS name, indexdef AS text FROM pg_indexes WHERE schemaname = current_schema() AND tablename = ANY($1::text[]) AND indexdef NOT LIKE 'CREATE UNIQUE%'",
    },
    [Object.values(archiveTables).map(({ name }) => name)],
  );
  for (const { name } of indexes) await connection.query({ text: `DROP INDEX ${name}` });
  return indexes.map(({ text }) => text as string);
}

function createRestoration(connection: Connection, indexes: readonly string[]): Restoration {
  const nextBatchId = createBatchIds();
  return {
    ...createVerifiable(createSnapshot(connection)),
    async add(page) {
      await addPage(connection, page, nextBatchId);
      for (const values of erasuresIn(page)) await connection.query(insertErasure, values);
    },
    async commit() {
      try {
        await requirePositions(connection);
        for (const text of indexes) await connection.query({ text });
        await connection.query({
          text: 'UPDATE placer SET last_position = (SELECT coalesce(max(first_position + events - 1), 0) FROM batches)',
        });
        await connection.query({ text: 'COMMIT' });
        const tables = [...archiveKinds.map((kind) => archiveTables[kind].name), 'batches'];
        for (const name of tables) await connection.query({ text: `ANALYZE ${name}` });
      } catch (error) {
        throw asStoreError(error);
      }
    },
    async [Symbol.asyncDispose]() {
      // Closing rolls back what was not committed.
      connection.close();
    },
  };
}

async function addPage(
  connection: Connection,
  { kind, rows }: ArchivePage,
  nextBatchId: () => string,
): Promise<void> {
  const all = rows.map((row, index) => {
    try {
      const values = parseColumnValues(kind, row);
      return kind === 'profile' ? [...values, foldedText(row.profile)] : values;
    } catch (error) {
      throw error instanceof RowRefused ? new RowRefused(error.message, index) : error;
    }
  });
  try {
    if (kind === 'event') await insertEvents(connection, all, nextBatchId);
    else await insert(connection, archiveTables[kind], all);
  } catch (error) {
    if (!/^(22|23)/.test(sqlState(error) ?? '')) throw asStoreError(error);
    const { message, detail } = error as Error & { readonly detail?: string };
    throw new RowRefused(detail === undefined ? message : `${message}: ${detail}`);
  }
}

const foldedText = (profile: unknown): string =>
  JSON.stringify(foldProfile(profile as Parameters<typeof foldProfile>[0]));

async function insert(
  connection: Connection,
  table: ArchiveTable,
  rows: readonly (readonly ColumnValue[])[],
): Promise<void> {
  const { name, columns } = table;
  const written = [...writtenColumns(table), ...(name === 'profiles' ? ['profile_folded'] : [])];
  const arrays = written.map(
    (column, index) => `$${index + 1}::${arrayTypes[columns[index]?.shape ?? derivedShape(column)]}`,
  );
  await connection.query(
    {
      name: `restore_${name}`,
      text: `INSERT INTO ${name} (${written.join(', ')}) SELECT * FROM unnest(${arrays.join(', ')})`,
    },
    written.map((_column, index) => rows.map((values) => values[index])),
  );
}

const derivedShape = (column: string) => (column === 'lock_until' ? 'number' : 'text');
