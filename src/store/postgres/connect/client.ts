import { Socket } from 'node:net';
import { Client, types } from 'pg';
import type { PostgresAddress } from './address.ts';

/** A session that the database has let in, and the socket under it: only that can be ended at any time. */
export interface OpenClient {
  readonly client: Client;
  readonly socket: Socket;
  /** Whether others may read along whom nobody has said may. */
  readonly isExposed: boolean;
}

/** Throws what pg throws. */
export async function openClient(address: PostgresAddress, connectTimeoutMs: number): Promise<OpenClient> {
  const { mode } = address.tls;
  if (mode === 'disable') return open(address, connectTimeoutMs, false);
  if (mode === 'allow') {
    return open(address, connectTimeoutMs, false).catch((error) => {
      if (!isRefusedInPlainText(error)) throw error;
      return open(address, connectTimeoutMs, true);
    });
  }
  return open(address, connectTimeoutMs, true).catch((error) => {
    if (mode !== 'prefer' || !hasNoTls(error)) throw error;
    return open(address, connectTimeoutMs, false);
  });
}

async function open(
  address: PostgresAddress,
  connectTimeoutMs: number,
  isEncrypted: boolean,
): Promise<OpenClient> {
  const socket = new Socket();
  const { host, port, user, password, database, keepAliveAfterMs } = address;
  const client = new Client({
    ...{ host, port, user, database, options: address.options ?? '' },
    ...(password !== undefined && { password }),
    stream: () => socket,
    ssl: isEncrypted && { ...address.tls.options },
    sslnegotiation: address.isTlsDirect ? 'direct' : 'postgres',
    enableChannelBinding: isEncrypted && address.channelBinding !== 'disable',
    application_name: address.applicationName,
    connectionTimeoutMillis: address.connectTimeoutMs ?? connectTimeoutMs,
    keepAlive: keepAliveAfterMs !== undefined,
    keepAliveInitialDelayMillis: keepAliveAfterMs ?? 0,
    types: { getTypeParser: parserOf },
  } as ConstructorParameters<typeof Client>[0]);
  if (address.channelBinding === 'require') requireBinding(client, socket, isEncrypted);
  // Whoever ends it before it is connected has their answer from connect.
  client.on('error', () => socket.destroy());
  try {
    await client.connect();
  } catch (error) {
    socket.destroy();
    throw error;
  }
  const isExposed = !isEncrypted && address.tls.mode !== 'disable' && !isLoopback(socket.remoteAddress);
  return { client, socket, isExposed };
}

function isLoopback(address: string | undefined): boolean {
  return address === undefined || /^(127\.|::1$|::ffff:127\.)/.test(address);
}

// Counters, times and positions fit a double's 53 bits.
const parserOf: typeof types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === types.builtins.INT8 ? Number : types.getTypeParser(oid, format as 'text');

interface Announcing {
  readonly connection: {
    on(event: string, listener: (message: { readonly mechanisms?: readonly string[] }) => void): void;
  };
}

/**
 * Whoever stands between, with a certificate of their own, can do everything but bind the proof of the password to the
 * database's. So nothing else than that is taken for a sign-in, and no password is sent: these listeners are asked
 * before pg's own.
 */
function requireBinding(client: Client, socket: Socket, isEncrypted: boolean): void {
  const { connection } = client as unknown as Announcing;
  let isBound = false;
  const refuse = () => {
    if (!isBound) socket.destroy(new Error('channel_binding=require, and the server does not offer it'));
  };
  connection.on('authenticationSASL', ({ mechanisms = [] }) => {
    isBound = isEncrypted && mechanisms.includes('SCRAM-SHA-256-PLUS');
    refuse();
  });
  for (const event of ['authenticationOk', 'authenticationCleartextPassword', 'authenticationMD5Password']) {
    connection.on(event, refuse);
  }
}

// The library has no code for it.
function hasNoTls(error: unknown): boolean {
  return error instanceof Error && error.message === 'The server does not support SSL connections';
}

function isRefusedInPlainText(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '28000';
}
