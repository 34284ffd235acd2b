import { Socket } from 'node:net';
import { Client, types } from 'pg';
import { Fenced } from '../sql/fence.ts';
import type { Row } from '../sql/rows.ts';
import { ConnectionLost, endsSession, isPlanOutdated, sqlState } from './error.ts';
import type { PostgresAddress } from './url.ts';

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
  // Held here, because a connection to a database that does not answer can only be ended by ending its socket.
  const socket = new Socket();
  const client = new Client({
    ...address,
    stream: () => socket,
    application_name: 'latchkey',
    connectionTimeoutMillis: options.connectTimeoutMs,
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: options.lockTimeoutMs,
    // A server that stops in the middle of a change must not hold up the others for long.
    idle_in_transaction_session_timeout: 2 * options.statementTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: { getTypeParser: parserOf },
  });
  const connection = wrap(client, socket, options.statementTimeoutMs);
  try {
    await client.connect();
    await connection.query(durability);
  } catch (error) {
    connection.close();
    throw error;
  }
  return connection;
}

// An answer means: on disk. Whoever turned that off for the database did not ask Latchkey's users.
const durability: Statement = {
  text: "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit', true) = 'off'",
};

// Counters, times and positions fit a double's 53 bits.
const parserOf: typeof types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === types.builtins.INT8 ? Number : types.getTypeParser(oid, format as 'text');

function wrap(client: Client, socket: Socket, statementTimeoutMs: number): Connection {
  let lost = false;
  const close = () => {
    lost = true;
    socket.destroy();
  };
  client.on('error', close);
  client.on('end', close);
  let plans = 0;
  const ask = ({ name, text }: Statement, values: readonly unknown[]) =>
    client.query({ text, values: [...values], ...(name !== undefined && { name: `${name}.${plans}` }) });
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
