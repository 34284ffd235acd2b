import { createServer, type Server, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { TLSSocket, Server as TlsServer } from 'node:tls';
import { onProtocolKnown, type WireProtocol } from './first-bytes.ts';
import type { Connections } from './http1-connections.ts';
import type { ListenerLimits } from './listener-limits.ts';
import { createTlsServer, reloadKeyPair, type TlsFiles } from './tls.ts';

/** What a port accepts, and who takes it over. */
export interface PortOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsFiles | undefined;
  readonly limits: ListenerLimits;
  readonly protocols: Record<WireProtocol, Connections>;
  readonly count: (refusal: string) => void;
}

/** A bound TCP port that hands each connection to the version of HTTP that it speaks. */
export interface Port {
  readonly server: Server;
  /** Every open TCP connection. */
  readonly sockets: ReadonlySet<Socket>;
  sweep(nowMs: number): void;
  /** Accepts no more; resolves once every connection is closed. */
  stop(): Promise<void>;
  /** Resolves to the end of the new certificate's validity, or to undefined on a port without TLS. */
  reloadTls(): Promise<Date | undefined>;
}

/** Binds the port and begins to accept; rejects where the address is taken or the certificate is bad. */
export async function openPort(options: PortOptions): Promise<Port> {
  const { protocols, count, limits } = options;
  const sockets = new Set<Socket>();
  // Connections that have not said yet what they speak, oldest first, and since when.
  const waiting = new Map<Socket, number>();
  let isStopped = false;

  const accept = (socket: Socket, protocol: WireProtocol): void => {
    if (isStopped) socket.destroy();
    else protocols[protocol].accept(socket);
  };
  const onConnection = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => count('socketError'));
    socket.on('close', () => sockets.delete(socket));
  };
  const server = await createPortServer(options);
  server.maxConnections = limits.connectionsMax;
  server.on('drop', () => count('connectionsMax'));
  server.on('connection', onConnection);
  if (options.tls === undefined) {
    server.on('connection', (socket: Socket) => {
      waiting.set(socket, performance.now());
      socket.on('close', () => waiting.delete(socket));
      onProtocolKnown(socket, (protocol) => {
        waiting.delete(socket);
        accept(socket, protocol);
      });
    });
  }
  server.on('tlsClientError', (_error: Error, socket: TLSSocket) => {
    count('tlsHandshake');
    // After a handshake that took too long, Node leaves the socket open.
    socket.destroy();
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.on('error', () => count('socketError'));
    accept(socket, socket.alpnProtocol === 'h2' ? 'http2' : 'http1');
  });
  await listen(server, options);
  // An error from here on is a failed accept (no descriptors left): the next one may succeed.
  server.on('error', () => count('acceptError'));

  return {
    server,
    sockets,
    sweep: (nowMs) => closeSilent(waiting, nowMs, options),
    stop() {
      isStopped = true;
      for (const socket of sockets) if (waiting.has(socket) || socket.bytesRead === 0) socket.destroy();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
    reloadTls: async () =>
      options.tls && 'setSecureContext' in server ? reloadKeyPair(server, options.tls) : undefined,
  };
}

function closeSilent(waiting: ReadonlyMap<Socket, number>, nowMs: number, options: PortOptions): void {
  for (const [socket, sinceMs] of waiting) {
    if (nowMs - sinceMs < options.limits.firstBytesTimeoutMs) return;
    options.count('firstBytesTimeout');
    socket.destroy();
  }
}

async function createPortServer({ tls, limits }: PortOptions): Promise<Server | TlsServer> {
  const accepting = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 };
  // HTTP/1.1 answers a client that has sent its request and closed its half.
  if (tls === undefined) return createServer({ ...accepting, allowHalfOpen: true });
  return createTlsServer(tls, { ...accepting, handshakeTimeout: limits.firstBytesTimeoutMs });
}

function listen(server: Server, { host, port }: PortOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: 4_096 }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}
