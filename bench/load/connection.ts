import { connect, type Socket } from 'node:net';

/** What became of one request: `undefined` is success, a text says what was wrong. */
export type Outcome = string | undefined;

/** One socket that carries calls; latency is counted from `startedAt`, whatever the moment of the send. */
export interface Connection {
  /** How many more calls it takes now. */
  free(): number;
  /** Queues one call; `flush` sends what is queued. */
  send(user: number, startedAt: number): void;
  flush(): void;
  close(): void;
}

/** Hears of every call once; `connection` then has room for another. */
export type OnDone = (connection: Connection, startedAt: number, outcome: Outcome) => void;

/** Where to connect to, and what to do with answers. */
export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly onDone: OnDone;
}

const chunkBytes = 65_536;

/** Opens a socket whose chunks arrive in one buffer that is used over and over. */
export function openSocket(
  options: ConnectionOptions,
  handlers: { readonly onChunk: (chunk: Buffer) => void; readonly onEnd: (reason: string) => void },
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: options.host,
      port: options.port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafeSlow(chunkBytes),
        callback: (length, buffer) => {
          handlers.onChunk(Buffer.from(buffer.buffer, buffer.byteOffset, length));
          return true;
        },
      },
    });
    socket.once('connect', () => resolve(socket));
    socket.on('error', (error) => {
      reject(error);
      handlers.onEnd(error.message);
    });
    socket.on('close', () => handlers.onEnd('connection closed'));
  });
}
