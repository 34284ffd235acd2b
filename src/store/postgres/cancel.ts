import { gaveUp } from '../sql/list-gate.ts';
import type { Connection } from './connection.ts';
import type { Pool } from './pool.ts';

/** Where to say that nobody waits any more for what is under way on another connection. */
export interface Cancelling {
  readonly pool: Pool;
  readonly signal: AbortSignal | undefined;
}

/**
 * Work inside of a transaction, cancelled in the database once the signal is aborted: a query that nobody waits for would
 * go on there, and keep its connection. By the server's own process id, asked for inside of the transaction: a pooler's
 * would be another's. The connection is given back when the cancelling is over, so that it can hit nothing else. Throws
 * storeUnavailable to who is gone.
 */
export async function cancellable<Result>(
  connection: Connection,
  { pool, signal }: Cancelling,
  work: () => Promise<Result>,
): Promise<Result> {
  if (signal === undefined) return work();
  const isGone = () => signal.aborted;
  if (isGone()) throw gaveUp('nobody waits for the list');
  const [row] = await connection.query({ text: 'SELECT pg_backend_pid() AS pid' });
  let cancelled: Promise<unknown> | undefined;
  const cancel = () => {
    const statement = { text: 'SELECT pg_cancel_backend($1::int)' };
    // Not every engine can: there the statement's own timeout ends it.
    cancelled = pool.use((other) => other.query(statement, [row?.pid])).catch(() => undefined);
  };
  signal.addEventListener('abort', cancel, { once: true });
  if (isGone()) cancel();
  try {
    return await work();
  } catch (error) {
    throw isGone() ? gaveUp('nobody waits for the list') : error;
  } finally {
    signal.removeEventListener('abort', cancel);
    await cancelled;
  }
}
