import { Fenced } from '../sql/fence.ts';
import type { Row } from '../sql/rows.ts';
import { StoreUnusable } from '../store.ts';
import type { PostgresAddress } from './connect/address.ts';
import { type OpenClient, openClient } from './connect/client.ts';
import { ConnectionLost, endsSession, isPlanOutdated, sqlState } from './error.ts';

/** With a name it is parsed and planned once a connection. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
}

/** One session, for one user of it at a time. */
export interface Connection {
  /** Throws ConnectionLost where the outcome is unknown, else pg's DatabaseError. `timeoutMs` replaces the usual one. */
  query(statement: Statement, values?: readonly unknown[], timeoutMs?: number): Promise<readonly Row[]>;
  isLost(): boolean;
  /** Whether a pooler stands between, and nothing may be left in the session. */
  readonly isPooled: boolean;
  /** Whether it goes over a network in plain text, and nobody has asked for that. */
  readonly isExposed: boolean;
  close(): void;
}

export interface ConnectionOptions {
  /** Of one server, or of several of which one at a time takes writes. */
  readonly addresses: readonly PostgresAddress[];
  readonly connectTimeoutMs: number;
  /** How long one statement may take, in the database. */
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
}

/** Over the statement's own timeout: after that the database is not slow but gone, and the connection with it. */
const silenceMs = 1_000;

/** Connects and makes the session safe. Throws what pg throws, of the last server that was tried. */
export function connect(options: ConnectionOptions): Promise<Connection> {
  return createConnector(options)();
}

/**
 * Of several servers the one that takes writes: first the one that did last time, so that the others cost nothing as
 * long as it lives, then those behind it.
 */
export function createConnector(options: ConnectionOptions): () => Promise<Connection> {
  const { addresses } = options;
  let current = 0;
  return async () => {
    let failure: unknown = new Error('bug: no address');
    for (const turn of addresses.keys()) {
      const index = (current + turn) % addresses.length;
      try {
        const connection = await connectTo(addresses[index] as PostgresAddress, options);
        if (addresses.length > 1) await requireWritable(connection);
        current = index;
        return connection;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  };
}

/** None of several servers takes writes now: a standby may be about to be promoted. */
export class NoneWritable extends Error {
  override readonly name = 'NoneWritable';
}

// On in recovery too.
async function requireWritable(connection: Connection): Promise<void> {
  try {
    const [row] = await connection.query({ text: 'SHOW transaction_read_only' });
    if (row?.transaction_read_only === 'off') return;
    throw new NoneWritable('no host of the database URL takes writes');
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function connectTo(address: PostgresAddress, options: ConnectionOptions): Promise<Connection> {
  const opened = await openClient(address, options.connectTimeoutMs);
  let connection = wrap(opened, { isPooled: true, statementTimeoutMs: options.statementTimeoutMs });
  try {
    const [found] = await connection.query(session);
    if (found?.pid === (opened.client as unknown as { readonly processID: number }).processID) {
      connection = wrap(opened, { isPooled: false, statementTimeoutMs: options.statementTimeoutMs });
      await makeSafe(connection, options);
    } else if (found?.commit === 'off') {
      throw new StoreUnusable(
        'synchronous_commit is off, which loses acknowledged changes, and behind a pooler Latchkey cannot turn it on: ALTER ROLE … SET synchronous_commit = on',
      );
    }
  } catch (error) {
    connection.close();
    throw error;
  }
  return connection;
}

// A pooler makes up the number by which a session is known. What is set in a session of its own is some other client's
// in the next moment, and a prepared statement is on one of many servers: then neither is used.
const session: Statement = {
  text: "SELECT pg_backend_pid() AS pid, current_setting('synchronous_commit', true) AS commit",
};

// An answer means: on disk. Whoever turned that off for the database did not ask Latchkey's users. Here rather than when
// the session begins, where poolers refuse what they do not know.
async function makeSafe(connection: Connection, options: ConnectionOptions): Promise<void> {
  const { statementTimeoutMs, lockTimeoutMs } = options;
  // A server that stops in the middle of a change must not hold up the others for long.
  const times = [statementTimeoutMs, lockTimeoutMs, 2 * statementTimeoutMs].map(String);
  await connection.query(limits, times);
  await connection.query(durability);
}

const limits: Statement = {
  text:
    "SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false), " +
    "set_config('idle_in_transaction_session_timeout', $3, false)",
};
const durability: Statement = {
  text: "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit', true) = 'off'",
};

interface Manner {
  /** Each statement may go to another session of the database. */
  readonly isPooled: boolean;
  readonly statementTimeoutMs: number;
}

function wrap(
  { client, socket, isExposed }: OpenClient,
  { isPooled, statementTimeoutMs }: Manner,
): Connection {
  let lost = false;
  const close = () => {
    lost = true;
    socket.destroy();
  };
  client.on('error', close);
  client.on('end', close);
  let plans = 0;
  const ask = ({ name, text }: Statement, values: readonly unknown[]) =>
    client.query({
      text,
      values: [...values],
      ...(name !== undefined && !isPooled && { name: `${name}.${plans}` }),
    });
  // While servers of two versions run, a migration of the newer one makes the older one's plans useless, for the life
  // of the session: from then on each goes by a new name. A transaction has failed with it, and is made again whole.
  const askOnceMore = (statement: Statement, values: readonly unknown[], error: unknown) => {
    if (statement.name === undefined || !isPlanOutdated(error)) throw error;
    plans += 1;
    if (client.getTransactionStatus() !== 'I') throw error;
    return ask(statement, values);
  };
  return {
    isLost: () => lost,
    isPooled,
    isExposed,
    close,
    async query(statement, values = [], timeoutMs = statementTimeoutMs) {
      const timer = setTimeout(close, timeoutMs + silenceMs);
      try {
        const result = await ask(statement, values).catch((error: unknown) =>
          askOnceMore(statement, values, error),
        );
        return result.rows as Row[];
      } catch (error) {
        // Division by zero: see fence.
        if (sqlState(error) === '22012') throw new Fenced();
        if (!endsSession(error)) throw error;
        close();
        throw new ConnectionLost('the connection to the database was lost', { cause: error });
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
