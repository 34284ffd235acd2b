import { archiveTables, type ColumnValue, writtenColumns } from '../archive/tables.ts';
import { RowRefused } from '../store.ts';
import { eventsPerBatchMax } from './batch-id.ts';
import type { Connection } from './connection.ts';

/** Of a parameter that holds one column of many rows. */
export const arrayTypes = {
  text: 'text[]',
  json: 'text[]',
  number: 'bigint[]',
  boolean: 'bigint[]',
  time: 'bigint[]',
  bytes: 'bytea[]',
  sha256: 'bytea[]',
} as const;

const table = archiveTables.event;
const positionIndex = table.columns.findIndex(({ column }) => column === 'position');
const eventIndexes = table.columns.map((_column, index) => index).filter((index) => index !== positionIndex);
const createdIndex = table.columns.findIndex(({ column }) => column === 'created_at');

interface Run {
  readonly batchId: string;
  readonly first: number;
  readonly rows: (readonly ColumnValue[])[];
}

/** Rows of the archive, by writtenColumns, each to stand at its own position: positions without a hole make a batch. */
export async function insertEvents(
  connection: Connection,
  rows: readonly (readonly ColumnValue[])[],
  nextBatchId: () => string,
): Promise<void> {
  const runs = runsOf(rows, nextBatchId);
  await connection.query(insertBatches, [
    runs.map(({ batchId }) => batchId),
    runs.map((run) => run.rows.length),
    runs.map((run) => run.rows[0]?.[createdIndex]),
    runs.map(({ first }) => first),
  ]);
  const placed = runs.flatMap((run) => run.rows.map((values, place) => ({ values, run, place })));
  await connection.query(insertRows, [
    placed.map(({ run }) => run.batchId),
    placed.map(({ place }) => place),
    ...eventIndexes.map((index) => placed.map(({ values }) => values[index])),
  ]);
}

function runsOf(rows: readonly (readonly ColumnValue[])[], nextBatchId: () => string): readonly Run[] {
  const runs: Run[] = [];
  for (const values of rows) {
    const position = values[positionIndex] as number;
    const run = runs.at(-1);
    const goesOn = run !== undefined && run.first + run.rows.length === position;
    if (goesOn && run.rows.length < eventsPerBatchMax) run.rows.push(values);
    else runs.push({ batchId: nextBatchId(), first: position, rows: [values] });
  }
  return runs;
}

/** Throws RowRefused where two events were given one position, which no constraint can see. */
export async function requirePositions(connection: Connection): Promise<void> {
  const [twice] = await connection.query({
    text:
      'SELECT next AS position FROM (SELECT first_position + events AS over, lead(first_position) OVER (ORDER BY first_position) AS next ' +
      'FROM batches) AS batch WHERE next < over LIMIT 1',
  });
  if (twice !== undefined) throw new RowRefused(`two events stand at position ${twice.position}`);
}

const insertBatches = {
  name: 'restore_batches',
  text:
    'INSERT INTO batches (batch_id, events, created_at, first_position) ' +
    'SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])',
};

const written = writtenColumns(table).filter((column) => column !== 'position');
const arrays = eventIndexes.map(
  (columnIndex, index) => `$${index + 3}::${arrayTypes[table.columns[columnIndex]?.shape ?? 'text']}`,
);
const insertRows = {
  name: 'restore_events',
  text:
    `INSERT INTO events (batch_id, place, ${written.join(', ')}) ` +
    `SELECT * FROM unnest($1::text[], $2::bigint[], ${arrays.join(', ')})`,
};
