import { Socket } from 'node:net';
import { Client, types } from 'pg';
import { ConnectionLost, endsSession } from './postgres-error.ts';
import type { PostgresAddress } from './postgres-url.ts';
import type { Row } from './sqlite-rows.ts';

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
  readonly address: PostgresAddress;
  readonly connectTimeoutMs: number;
  /** How long one statement may take, in the database. */
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
}

/** Over the statement's own timeout: after that the database is not slow but gone, and the connection with it. */
const silenceMs = 1_000;

/** Connects and makes the session safe. Throws what pg throws. */
export async function connect(options: ConnectionOptions): Promise<Connection> {
  // Held here, because a connection to a database that does not answer can only be ended by ending its socket.
  const socket = new Socket();
  const client = new Client({
    ...options.address,
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
  return {
    isLost: () => lost,
    close,
    async query({ name, text }, values = [], timeoutMs = statementTimeoutMs) {
      const timer = setTimeout(close, timeoutMs + silenceMs);
      try {
        const result = await client.query({ text, values: [...values], ...(name !== undefined && { name }) });
        return result.rows as Row[];
      } catch (error) {
        if (!endsSession(error)) throw error;
        close();
        throw new ConnectionLost('the connection to the database was lost', { cause: error });
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
