import type { Row } from '../sql/rows.ts';
import type { BrokenLink } from '../store.ts';
import type { ArchiveTable } from './tables.ts';

/** Questions to one unchanging state of a database: all answers are of the same moment. */
export interface Snapshot extends AsyncDisposable {
  /** How the nth parameter is written, from 1. */
  readonly placeholder: (index: number) => string;
  query(text: string, values: readonly (string | number)[]): Promise<readonly Row[]>;
  /** What events are read from, with their positions. */
  readonly log: string;
  /** All events, by their key or by user and sequence, where pages of them are not found by that order. */
  readonly readEvents?: (reading: EventReading) => AsyncGenerator<readonly Row[]>;
  /** Rows that have no key yet, given the next ones, in their order; few. */
  readonly late?: (table: ArchiveTable) => Promise<readonly Row[]>;
  /** Where the events of a user hang together by links rather than by an index. */
  readonly links?: Links;
}

export interface Links {
  /** What to read the events from where they are wanted user by user. */
  eventsByUser(): string;
  /** The first 100. */
  broken(): readonly BrokenLink[];
}

export interface EventReading {
  readonly columns: readonly string[];
  readonly order: readonly string[];
  readonly rowsPerPage: number;
}

/** Rows that one query answers: a few milliseconds of one process. */
const rowsPerPageMax = 2_000;

/** The whole table, page after page, by the columns of `order`, which are unique together; without late rows. */
export async function* readTable(
  { placeholder, query, readEvents }: Snapshot,
  { name, columns, key, derived = [], rowsPerPage = rowsPerPageMax }: ArchiveTable,
  order: readonly string[] = key,
): AsyncGenerator<readonly Row[]> {
  const names = [...columns.map(({ column }) => column), ...derived];
  if (name === 'events' && readEvents !== undefined) {
    yield* readEvents({ columns: names, order, rowsPerPage });
    return;
  }
  const [selected, by] = [names.join(', '), order.join(', ')];
  const last = order.map((_column, index) => placeholder(index + 1)).join(', ');
  const first = `SELECT ${selected} FROM ${name} WHERE ${order[0]} IS NOT NULL ORDER BY ${by} LIMIT ${rowsPerPage}`;
  const next = `SELECT ${selected} FROM ${name} WHERE (${by}) > (${last}) ORDER BY ${by} LIMIT ${rowsPerPage}`;
  for (let rows = await query(first, []); rows.length > 0; ) {
    yield rows;
    const newest = rows.at(-1);
    if (rows.length < rowsPerPage || newest === undefined) return;
    rows = await query(
      next,
      order.map((column) => newest[column] as string | number),
    );
  }
}
