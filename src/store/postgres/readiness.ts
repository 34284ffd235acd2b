import { Fenced, requireKnown } from '../sql/fence.ts';
import type { StoreReport } from '../store.ts';
import type { Connection, Statement } from './connection.ts';
import { isFull, sqlState } from './error.ts';
import { type Pool, transaction } from './pool.ts';

/** A pool whose failures are remembered as far as they bear on whether the next write goes through. */
export interface WatchedPool {
  readonly pool: Pool;
  /** Whether the database can be written to now. */
  isReady(): Promise<boolean>;
}

/**
 * Asks cheaply while all goes well. PostgreSQL tells nobody how much room it has, so a full disk shows in the first
 * write that fails of it; from then on only room that was really taken counts as proof of the contrary.
 */
export function watchPool(pool: Pool, onReport: (report: StoreReport) => void): WatchedPool {
  let wasFull = false;
  let isFenced = false;
  const tell = (error: unknown) => {
    if (isFenced || !(error instanceof Fenced)) return;
    isFenced = true;
    onReport({ level: 'error', text: error.message });
  };
  const watched: Pool = {
    async use(work) {
      try {
        return await pool.use(work);
      } catch (error) {
        wasFull ||= isFull(error);
        tell(error);
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
  return {
    pool: watched,
    async isReady() {
      try {
        const [row] = await pool.use((connection) => connection.query(state));
        requireKnown(row?.version as number);
        isFenced = false;
        if (row?.read_only !== 'off') return false;
        if (wasFull) wasFull = !(await pool.use(hasRoom));
        return !wasFull;
      } catch (error) {
        tell(error);
        return false;
      }
    },
  };
}

// On in recovery too: a standby answers reads, and would fail every unlock. Asked the way that calls ask, by name.
const state: Statement = {
  name: 'state',
  text: "SELECT current_setting('transaction_read_only') AS read_only, (SELECT max(version) FROM migrations) AS version",
};

// A change of a row may find its place in a page that is there; a new file does not. It goes when the transaction ends.
async function hasRoom(connection: Connection): Promise<boolean> {
  try {
    await transaction(connection, 'BEGIN', () => connection.query(takeRoom));
    return true;
  } catch (error) {
    // An engine or an owner that allows no temporary tables: then the next write will tell.
    return /^(0A|42)/.test(sqlState(error) ?? '');
  }
}

/** Half a mebibyte, in rows too short to be compressed. */
const takeRoom: Statement = {
  text: "CREATE TEMPORARY TABLE latchkey_room ON COMMIT DROP AS SELECT repeat('-', 1000) AS filler FROM generate_series(1, 512)",
};
